//! What a command says, and where: its answer on standard output, everything else on standard error.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use twinlake_base::Env;

use crate::paint::Paint;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For scripts: one JSON document, as docs/json.md describes it.
    Json,
}

/// Where a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    output: Output,
    out: Paint,
    err: Paint,
    err_is_terminal: bool,
}

impl Face {
    /// The process's own. Colours are for terminals, and not for `NO_COLOR` (<https://no-color.org>) or a dumb one.
    pub(crate) fn new(output: Output, env: &Env) -> Self {
        let wants = env.get("NO_COLOR").is_none() && env.get("TERM") != Some("dumb");
        let err_is_terminal = std::io::stderr().is_terminal();
        Self {
            output,
            out: Paint::new(wants && std::io::stdout().is_terminal()),
            err: Paint::new(wants && err_is_terminal),
            err_is_terminal: err_is_terminal && env.get("TERM") != Some("dumb"),
        }
    }

    /// Whether the answer is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Colours for the answer.
    pub(crate) const fn paint(&self) -> Paint {
        self.out
    }

    /// Colours for everything else.
    pub(crate) const fn paint_aside(&self) -> Paint {
        self.err
    }

    /// Whether a line on standard error can be written over.
    pub(crate) const fn can_rewrite(&self) -> bool {
        self.err_is_terminal
    }

    /// Gives the answer: the value as JSON, or its text.
    pub(crate) fn answer<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(Paint) -> String,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Text => say(&text(self.out)),
            Output::Json => say(&format!("{}\n", serde_json::to_string_pretty(value)?)),
        }
        Ok(())
    }

    /// Says something beside the answer, as a line.
    pub(crate) fn aside(&self, line: &str) {
        write_to(&mut std::io::stderr().lock(), &format!("{line}\n"));
    }

    /// Writes to standard error as it is, for lines that are written over.
    pub(crate) fn aside_raw(&self, text: &str) {
        write_to(&mut std::io::stderr().lock(), text);
    }
}

/// Writes to standard output.
pub(crate) fn say(text: &str) {
    write_to(&mut std::io::stdout().lock(), text);
}

/// A reader that has gone away is not an error of ours.
fn write_to(stream: &mut impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
