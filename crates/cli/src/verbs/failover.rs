//! `twinlake failover`

use std::collections::BTreeSet;

use clap::Args;
use jiff::Timestamp;
use twinlake_controller::{House, Wish};
use twinlake_model::safety::Rule;

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::moving::{Asked, carry_out, the_group};
use crate::words::seconds;

/// Moves production of a group to another site. While the primary answers it is a switchover, planned and without loss.
/// What would happen, what it would cost and what can be undone is shown first.
#[derive(Debug, Args)]
pub(crate) struct FailoverArgs {
    /// The failover group [default: the only one]
    group: Option<String>,

    /// Where to [default: the only standby]
    #[arg(long, value_name = "SITE")]
    to: Option<String>,

    /// The primary is gone: give it up, and lose what had not arrived
    #[arg(long)]
    forced: bool,

    /// Since when production is away, as a date or as a time ago (10m): the recovery time counts from there
    #[arg(long, value_name = "TIME", requires = "forced", value_parser = since)]
    since: Option<Since>,

    /// Nobody else can be moving the group, so the witness, which is gone, need not be asked; two people say so
    #[arg(long, requires = "forced")]
    without_witness: bool,

    /// Somebody who says so
    #[arg(long = "approved-by", value_name = "NAME", requires = "without_witness")]
    approved_by: Vec<String>,

    #[command(flatten)]
    how: HowArgs,

    #[command(flatten)]
    config: ConfigArgs,
}

/// How a move is asked for, whichever it is.
#[derive(Clone, Debug, Args)]
pub(crate) struct HowArgs {
    /// Go on with a standby that is not complete
    #[arg(long)]
    pub(crate) incomplete: bool,

    /// A safety rule whose objection was read: settle, max_loss
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub(crate) acknowledge: Vec<Rule>,

    #[command(flatten)]
    pub(crate) agreed: AgreedArgs,
}

/// Whether it is agreed to.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AgreedArgs {
    /// Agree within the rules, without typing the group's name
    #[arg(long, conflicts_with = "plan")]
    pub(crate) yes: bool,

    /// Only show what would happen
    #[arg(long)]
    pub(crate) plan: bool,
}

/// Since when.
#[derive(Clone, Copy, Debug)]
enum Since {
    At(Timestamp),
    SecondsAgo(u64),
}

/// Two people, so that nobody is alone with the decision.
const WITNESSES_NEEDED: usize = 2;

pub(crate) async fn run(args: &FailoverArgs, face: &Face) -> anyhow::Result<Exit> {
    let without_witness: BTreeSet<String> = args.approved_by.iter().cloned().collect();
    if args.without_witness && without_witness.len() < WITNESSES_NEEDED {
        return Err(Usage {
            problem: "--without-witness takes two different people who say that nobody else can be moving the group"
                .to_owned(),
            hint: "twinlake failover --forced --without-witness --approved-by NAME --approved-by NAME".to_owned(),
        }
        .into());
    }
    let house = estate::open(&args.config).await?;
    let group = the_group(&house, args.group.as_deref())?;
    let wish = Wish {
        group: Some(group.to_string()),
        runbook: if args.forced { "forced_failover" } else { "switchover" }.to_owned(),
        to: args.to.clone(),
        acknowledged: args.how.acknowledge.iter().copied().collect(),
        incomplete_too: args.how.incomplete,
        outage_since: args.since.map(|since| moment(since, &house)),
        without_witness,
    };
    let mut command = format!("twinlake failover {group}");
    if let Some(to) = &args.to {
        command.push_str(&format!(" --to {to}"));
    }
    if args.forced {
        command.push_str(" --forced");
    }
    let asked = args.how.asked(wish, command);
    carry_out(&house, asked, face).await
}

impl HowArgs {
    /// A move that is asked for in this way.
    pub(crate) fn asked(&self, wish: Wish, mut command: String) -> Asked {
        if self.incomplete {
            command.push_str(" --incomplete");
        }
        self.acknowledge.iter().for_each(|rule| command.push_str(&format!(" --acknowledge {rule}")));
        Asked { wish, yes: self.agreed.yes, plan: self.agreed.plan, command }
    }
}

fn moment(since: Since, house: &House) -> Timestamp {
    match since {
        Since::At(at) => at,
        Since::SecondsAgo(ago) => {
            let now = house.setup().clock.now();
            now.checked_sub(std::time::Duration::from_secs(ago)).unwrap_or(now)
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse() {
        return Ok(Since::At(at));
    }
    let wrong = |_| format!("{text:?} is neither a date such as 2026-05-12T10:00:00Z nor a time such as 10m");
    seconds(text).map(Since::SecondsAgo).map_err(wrong)
}

fn rule(text: &str) -> Result<Rule, String> {
    text.parse().map_err(|error: twinlake_model::safety::NotAcknowledgeable| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_began_at_a_date_or_a_while_ago() {
        assert!(matches!(since("2026-05-12T10:00:00Z"), Ok(Since::At(_))));
        assert!(matches!(since("90m"), Ok(Since::SecondsAgo(5400))));
        assert!(since("yesterday").is_err());
    }

    #[test]
    fn only_rules_that_reading_satisfies_can_be_acknowledged() {
        assert_eq!([rule("settle").unwrap(), rule("max_loss").unwrap()], [Rule::Settle, Rule::MaxLoss]);
        assert!(rule("windows").is_err() && rule("promotions").is_err());
    }
}
