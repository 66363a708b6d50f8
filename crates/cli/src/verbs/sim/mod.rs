//! `twinlake sim`: a simulated Databricks account at loopback ports, and what one does to it.
//!
//! | file | what |
//! |---|---|
//! | `serve` | serves the account |
//! | `account` | its workspaces, from `name:cloud:region:port` |
//! | `files` | the profiles and the config that work with it |
//! | `people` | a seeded estate, whose people exist everywhere |
//! | `control` | what is done to one that is running: seed, clock, fault, region, act, effects, stop |

pub(crate) mod account;
mod control;
pub(crate) mod files;
pub(crate) mod people;
mod serve;

use clap::Args;

use crate::exit::Exit;
use crate::face::Face;

/// Serves a simulated Databricks account: workspaces in named regions, each at a port of its own, that any client can use.
///
/// Nothing here is real: every figure that comes out of it is simulated.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SimArgs {
    #[command(subcommand)]
    action: Option<control::Action>,

    #[command(flatten)]
    serve: serve::ServeArgs,
}

/// A subcommand's account: where its control listens.
#[derive(Clone, Debug, Args)]
struct ControlArgs {
    /// The control of the running simulation, as `twinlake sim` printed it
    #[arg(long, value_name = "URL")]
    control: String,
}

pub(crate) async fn run(args: SimArgs, face: &Face) -> anyhow::Result<Exit> {
    match args.action {
        Some(action) => control::run(action, face).await,
        None => serve::run(&args.serve, face).await,
    }
}
