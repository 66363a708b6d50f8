//! `twinlake plan`

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use twinlake_controller::{PlannedLeg, plan};
use twinlake_model::{Action, Change};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::paint::Paint;
use crate::progress::ProgressLine;
use crate::table::Table;
use crate::verbs::sync::{stopping, verdict_lines};
use crate::words::cut;

/// Shows what a sync would change. Writes nothing.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Only this failover group
    group: Option<String>,

    /// Also show the requests of each change
    #[arg(long)]
    requests: bool,

    /// Exit with 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,

    #[command(flatten)]
    config: ConfigArgs,
}

/// Each action: its sign, and what it is called in the sum.
const ACTIONS: &[(Action, char, &str)] = &[
    (Action::Create, '+', "to create"),
    (Action::CreateStub, '+', "to create in two steps"),
    (Action::Fill, '~', "to complete"),
    (Action::Update, '~', "to update"),
    (Action::Adopt, '=', "to adopt"),
    (Action::Delete, '-', "to delete"),
];

pub(crate) async fn run(args: &PlanArgs, face: &Face) -> anyhow::Result<Exit> {
    let house = estate::open(&args.config).await?;
    let progress = Arc::new(ProgressLine::new(*face, house.setup().clock.clone()));
    let planned =
        stopping(face, async |_| Ok(plan(&house, args.group.as_deref(), progress.clone()).await?)).await?;
    progress.end();
    face.answer(&json!({ "legs": planned }), |paint| {
        planned.iter().map(|leg| text(leg, args.requests, paint)).collect::<Vec<_>>().join("\n")
    })?;
    let has_changes = planned.iter().any(|leg| !leg.plan.is_empty());
    Ok(if args.detailed_exitcode && has_changes { Exit::Incomplete } else { Exit::Done })
}

fn text(leg: &PlannedLeg, requests: bool, paint: Paint) -> String {
    let PlannedLeg { leg, digest, plan } = leg;
    let mut text = format!("{}  {} → {}\n\n", paint.strong(&leg.group), leg.source, leg.target);
    text.push_str(&changes(&plan.changes, requests, paint));
    let sum: Vec<String> = ACTIONS
        .iter()
        .map(|(action, _, words)| {
            (plan.changes.iter().filter(|change| change.action == *action).count(), words)
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let in_step = plan.settled.iter().filter(|outcome| outcome.verdict.is_complete()).count();
    if sum.is_empty() {
        text.push_str(&format!("  {} nothing to change; {in_step} assets are in step\n", paint.good("✓")));
    } else {
        text.push_str(&format!("\n  {} {}; {in_step} in step\n", paint.strong("Plan:"), sum.join(", ")));
    }
    let left: Vec<_> =
        plan.settled.iter().filter(|outcome| !outcome.verdict.is_complete()).cloned().collect();
    if !left.is_empty() {
        text.push_str("\n  not carried by this plan\n");
        text.push_str(&verdict_lines(&left, paint));
    }
    match &plan.held {
        Some(reason) => {
            text.push_str(&format!("\n  {} the deletions wait for you: {reason}\n", paint.fair("held")));
            let command = paint.strong(format!("twinlake sync --approve {digest}"));
            text.push_str(&format!("       to carry out this very plan: {command}\n"));
        }
        None if !plan.is_empty() => {
            text.push_str(&format!(
                "\n  digest {digest} · to carry it out: {}\n",
                paint.strong("twinlake sync")
            ));
        }
        None => {}
    }
    text
}

fn changes(changes: &[Change], requests: bool, paint: Paint) -> String {
    if !requests {
        let mut table = Table::new();
        changes.iter().for_each(|change| table.row(cells(change, paint)));
        return table.lines(2);
    }
    let mut text = String::new();
    for change in changes {
        let [sign, kind, key, fields] = cells(change, paint);
        text.push_str(format!("  {sign}  {kind}  {key}  {fields}").trim_end());
        text.push('\n');
        for request in &change.requests {
            text.push_str(&format!("         {}\n", paint.faint(request)));
        }
    }
    text
}

fn cells(change: &Change, paint: Paint) -> [String; 4] {
    let sign = ACTIONS.iter().find(|(action, ..)| *action == change.action).map_or('?', |(_, sign, _)| *sign);
    let sign = match sign {
        '+' => paint.good(sign),
        '-' => paint.bad(sign),
        '~' => paint.fair(sign),
        _ => sign.to_string(),
    };
    let fields = match change.action {
        Action::Update | Action::Fill => cut(&change.fields.join(", "), 60),
        Action::CreateStub => "(first without what it refers to)".to_owned(),
        _ => String::new(),
    };
    [sign, change.asset.kind.to_string(), shown_key(change.key.as_str()), paint.faint(fields)]
}

/// A key, also where somebody left it empty.
pub(crate) fn shown_key(key: &str) -> String {
    if key.is_empty() { "(no name)".to_owned() } else { cut(key, 60) }
}
