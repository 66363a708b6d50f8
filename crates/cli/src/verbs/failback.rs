//! `twinlake failback`

use clap::Args;
use serde_json::json;
use twinlake_controller::{Acknowledged, House, Wish, acknowledge, divergences};
use twinlake_model::Tail;

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::{Face, say};
use crate::moving::{carry_out, tail, the_group};
use crate::verbs::failover::HowArgs;

/// Brings production of a group home, planned and without loss. What the site did unseen since it was given up is shown
/// first, and written over only once somebody has acknowledged it.
#[derive(Debug, Args)]
pub(crate) struct FailbackArgs {
    /// The failover group [default: the only one]
    group: Option<String>,

    /// Where to [default: where the group is at home]
    #[arg(long, value_name = "SITE")]
    to: Option<String>,

    /// What this digest names was read, and replication may write over it. With --yes, go on at once
    #[arg(long, value_name = "DIGEST", conflicts_with = "plan")]
    acknowledge_tail: Option<String>,

    #[command(flatten)]
    how: HowArgs,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &FailbackArgs, face: &Face) -> anyhow::Result<Exit> {
    let house = estate::open(&args.config).await?;
    let group = the_group(&house, args.group.as_deref())?;
    if let Some(digest) = &args.acknowledge_tail {
        let by = house.setup().actor.clone();
        let told = acknowledge(&house, group.as_str(), digest, &by).await?;
        if !args.how.agreed.yes {
            face.answer(&json!({ "tails": [told] }), |paint| tail::text(&told, paint))?;
            return Ok(Exit::Done);
        }
        if !face.is_json() {
            say(&format!("{}\n", tail::text(&told, face.paint())));
        }
    }
    let waiting = waiting(&house, group.as_str()).await?;
    if !waiting.is_empty() {
        face.answer(&json!({ "tails": waiting }), |paint| {
            waiting.iter().map(|told| tail::text(told, paint)).collect::<Vec<_>>().join("\n")
        })?;
        return Ok(Exit::Refused);
    }
    let wish = Wish {
        group: Some(group.to_string()),
        runbook: "failback".to_owned(),
        to: args.to.clone(),
        acknowledged: args.how.acknowledge.iter().copied().collect(),
        incomplete_too: args.how.incomplete,
        ..Wish::default()
    };
    let mut command = format!("twinlake failback {group}");
    if let Some(to) = &args.to {
        command.push_str(&format!(" --to {to}"));
    }
    carry_out(&house, args.how.asked(wish, command), face).await
}

/// The tails that nobody has acknowledged.
async fn waiting(house: &House, group: &str) -> anyhow::Result<Vec<Acknowledged>> {
    let mut tails = divergences(house, group).await?;
    tails.retain(|told| matches!(told.tail, Tail::Quarantined { .. }));
    Ok(tails)
}
