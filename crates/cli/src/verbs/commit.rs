//! `twinlake commit`

use clap::Args;

use crate::args::ConfigArgs;
use crate::exit::Exit;
use crate::face::Face;
use crate::moving::in_place;
use crate::verbs::failover::AgreedArgs;

/// Ends the window in which the last promotion can be rolled back.
#[derive(Debug, Args)]
pub(crate) struct CommitArgs {
    /// The failover group [default: the only one]
    group: Option<String>,

    #[command(flatten)]
    agreed: AgreedArgs,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &CommitArgs, face: &Face) -> anyhow::Result<Exit> {
    in_place("commit", "twinlake commit", args.group.as_deref(), args.agreed, &args.config, face).await
}
