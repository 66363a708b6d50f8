//! The twinlake binary. Thin: each verb reads its arguments, asks the controller, and shows the answer.
//!
//! | to learn | open |
//! |---|---|
//! | which verbs there are | [`args`] |
//! | what a verb does at the terminal | `verbs`, one file each |
//! | how a move of production is shown, agreed to, followed and told | `moving` |
//! | how a place that was primary once is shown | [`fences`] |
//! | how an error is told, and exit codes | [`failure`], [`exit`] |
//! | how anything is shown | [`face`], [`paint`], [`table`], [`words`], [`progress`] |

mod args;
mod estate;
mod exit;
mod face;
mod failure;
mod fences;
mod moving;
mod paint;
mod plain_http;
mod progress;
mod table;
mod verbs;
mod words;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use twinlake_base::Env;

use crate::args::Line;
use crate::exit::Exit;
use crate::face::Face;

fn main() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => return usage(&error).into(),
    };
    let face = Face::new(line.output, &Env::system());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return failure::tell(&anyhow::Error::new(error).context("starting the runtime"), &face).into();
        }
    };
    match runtime.block_on(verbs::run(line.verb, &face)) {
        Ok(exit) => exit.into(),
        Err(error) => failure::tell(&error, &face).into(),
    }
}

/// Help and version are answers; everything else is a command line that makes no sense.
fn usage(error: &clap::Error) -> Exit {
    // Printing to a closed pipe fails, and there is nobody left to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}

/// The parser's own consistency.
#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_verb_says_what_it_does() {
        let command = Line::command();
        command.clone().debug_assert();
        let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(
            verbs,
            [
                "init",
                "check",
                "plan",
                "sync",
                "status",
                "failover",
                "failback",
                "promote",
                "abort",
                "commit",
                "rollback",
                "runs",
                "approve",
                "recover-state",
                "kinds",
                "id",
                "sim",
                "demo"
            ]
        );
        assert!(command.get_subcommands().all(|verb| verb.get_about().is_some()));
    }
}
