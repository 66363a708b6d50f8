//! `twinlake rollback`

use clap::Args;

use crate::args::ConfigArgs;
use crate::exit::Exit;
use crate::face::Face;
use crate::moving::in_place;
use crate::verbs::failover::AgreedArgs;

/// Undoes the last promotion, while its window is open and nothing was written at the new primary.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The failover group [default: the only one]
    group: Option<String>,

    #[command(flatten)]
    agreed: AgreedArgs,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &RollbackArgs, face: &Face) -> anyhow::Result<Exit> {
    in_place("rollback", "twinlake rollback", args.group.as_deref(), args.agreed, &args.config, face).await
}
