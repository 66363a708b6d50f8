//! `twinlake abort`

use clap::Args;

use crate::args::ConfigArgs;
use crate::exit::Exit;
use crate::face::Face;
use crate::moving::in_place;
use crate::verbs::failover::AgreedArgs;

/// Ends a move that has promoted nothing yet, and wakes the primary as it was.
#[derive(Debug, Args)]
pub(crate) struct AbortArgs {
    /// The failover group [default: the only one]
    group: Option<String>,

    #[command(flatten)]
    agreed: AgreedArgs,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &AbortArgs, face: &Face) -> anyhow::Result<Exit> {
    in_place("abort", "twinlake abort", args.group.as_deref(), args.agreed, &args.config, face).await
}
