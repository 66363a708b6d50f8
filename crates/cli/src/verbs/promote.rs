//! `twinlake promote`

use clap::Args;

use crate::args::ConfigArgs;
use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::moving::in_place;
use crate::verbs::failover::AgreedArgs;

/// Makes the site where production runs now the group's home; where it was is a standby like any other from then on.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The failover group [default: the only one]
    group: Option<String>,

    /// It stays there: failback leads there from now on
    #[arg(long)]
    for_good: bool,

    #[command(flatten)]
    agreed: AgreedArgs,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &PromoteArgs, face: &Face) -> anyhow::Result<Exit> {
    if !args.for_good {
        return Err(Usage {
            problem: "promote moves nothing; it says where the group is at home from now on".to_owned(),
            hint: "twinlake promote --for-good, or, to move production: twinlake failover".to_owned(),
        }
        .into());
    }
    let command = "twinlake promote --for-good";
    in_place("promote_for_good", command, args.group.as_deref(), args.agreed, &args.config, face).await
}
