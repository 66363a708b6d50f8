//! `twinlake sync`

use std::sync::Arc;

use clap::Args;
use twinlake_controller::{LegReport, Stop, SyncOptions, SyncReport, sync};
use twinlake_model::Outcome;

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::fences;
use crate::paint::Paint;
use crate::progress::ProgressLine;
use crate::table::Table;
use crate::verbs::plan::shown_key;
use crate::words::{between, count, cut, duration, time};

/// Brings the standbys into step, asleep. What can be done is done; what cannot is named.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Only this failover group
    group: Option<String>,

    /// Carry out the held plan with this digest, as `twinlake plan` shows it
    #[arg(long, value_name = "DIGEST")]
    approve: Option<String>,

    #[command(flatten)]
    config: ConfigArgs,
}

/// How many assets of one sort are named in a report; the JSON names all.
const MOST_NAMED: usize = 25;

pub(crate) async fn run(args: &SyncArgs, face: &Face) -> anyhow::Result<Exit> {
    let house = estate::open(&args.config).await?;
    let options = SyncOptions { group: args.group.clone(), approve: args.approve.clone() };
    let progress = Arc::new(ProgressLine::new(*face, house.setup().clock.clone()));
    let report =
        stopping(face, async |stop| Ok(sync(&house, &options, &stop, progress.clone()).await?)).await;
    progress.end();
    let report = report?;
    face.answer(&report, |paint| text(&report, paint))?;
    Ok(exit(&report))
}

fn exit(report: &SyncReport) -> Exit {
    if report.failed.iter().any(|leg| !leg.refused) {
        Exit::Failed
    } else if !report.failed.is_empty() || report.legs.iter().any(|leg| leg.held.is_some()) {
        Exit::Refused
    } else if report.is_complete() {
        Exit::Done
    } else {
        Exit::Incomplete
    }
}

/// Runs something that Ctrl-C asks to stop; a second Ctrl-C does not wait for it.
pub(crate) async fn stopping<T>(
    face: &Face,
    work: impl AsyncFnOnce(Stop) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let stop = Stop::new();
    let working = work(stop.clone());
    tokio::pin!(working);
    tokio::select! {
        result = &mut working => return result,
        () = interrupted() => {}
    }
    face.aside("\nstopping: nothing new is sent; again to stop at once");
    stop.ask();
    tokio::select! {
        result = &mut working => result,
        () = interrupted() => Err(twinlake_controller::ControllerError::Stopped.into()),
    }
}

/// Waits for Ctrl-C or a polite kill.
pub(crate) async fn interrupted() {
    let ctrl_c = async {
        // Where signals cannot be had, nobody can ask.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = terminated => {}
    }
}

fn text(report: &SyncReport, paint: Paint) -> String {
    let legs = report.legs.iter().map(|leg| leg_text(leg, paint));
    let fenced = report.fences.iter().map(|fence| fences::text(fence, paint));
    let mut text = legs.chain(fenced).collect::<Vec<_>>().join("\n");
    for failed in &report.failed {
        let word = if failed.refused { "refused:" } else { "failed:" };
        text.push_str(&format!("\n{}  {} → {}\n", paint.strong(&failed.group), failed.source, failed.target));
        text.push_str(&format!("  {} {}\n", paint.bad(format!("✗ {word}")), failed.message));
        if let Some(hint) = &failed.hint {
            text.push_str(&format!("  → {hint}\n"));
        }
    }
    for shipped in &report.shipped {
        let missing = if shipped.is_there { "" } else { "the state is not there; " };
        if !shipped.is_there || !shipped.remarks.is_empty() {
            let remarks = shipped.remarks.join("; ");
            text.push_str(&format!("\n  {} {}: {missing}{remarks}\n", paint.fair("! state:"), shipped.place));
        }
    }
    for note in &report.notes {
        text.push_str(&format!("\n  {} {note}\n", paint.faint("note:")));
    }
    text
}

/// What one leg came to.
pub(crate) fn leg_text(report: &LegReport, paint: Paint) -> String {
    let LegReport { leg, judgement, .. } = report;
    let mut text = format!("{}  {} → {}\n", paint.strong(&leg.group), leg.source, leg.target);
    let took = between(report.started_at, report.ended_at);
    let done = match (report.changes, report.writes) {
        (0, 0) => "nothing to change".to_owned(),
        (changes, writes) => format!("{} with {}", count(changes, "change"), count(writes, "request")),
    };
    let verdict = match (&report.held, report.complete) {
        (Some(_), _) => paint.fair("! held"),
        (None, true) => paint.good("✓ complete"),
        (None, false) => paint.fair(format!("! incomplete: {}", count(judgement.incomplete.len(), "asset"))),
    };
    text.push_str(&format!("  {verdict} · {done} in {took}\n"));
    let tally: Vec<String> =
        judgement.verdicts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    text.push_str(&format!("  {}\n", paint.faint(tally.join(" · "))));
    let sections = [
        ("incomplete", &judgement.incomplete),
        ("changed by somebody, and put back", &judgement.drifted),
        ("accepted by the config", &judgement.accepted),
        ("not ours, left alone", &judgement.unmanaged),
    ];
    for (heading, outcomes) in sections {
        if !outcomes.is_empty() {
            text.push_str(&format!("\n  {heading}\n{}", verdict_lines(outcomes, paint)));
        }
    }
    if !judgement.waiting.is_empty() {
        text.push_str("\n  gone at the source; the copy waits\n");
        let mut table = Table::new();
        for waiting in &judgement.waiting {
            let due = format!("deleted after {}", time(waiting.due_at));
            table.row([waiting.asset.kind.to_string(), shown_key(waiting.key.as_str()), paint.faint(due)]);
        }
        text.push_str(&table.lines(4));
    }
    if !report.awake.is_empty() {
        let longest = report.awake.iter().map(|awake| awake.seconds).fold(0.0, f64::max);
        let ran = count(report.awake.len(), "asset");
        text.push_str(&format!(
            "\n  {ran} ran between create and stop, the longest for {}\n",
            duration(longest)
        ));
    }
    if let Some(why) = &report.ledger {
        let source = &leg.source;
        text.push_str(&format!(
            "\n  {} what runs at {source} could not be seen, so a loss could not be told so well: {why}\n",
            paint.fair("!")
        ));
    }
    if let Some(held) = &report.held {
        let command = paint.strong(format!("twinlake sync --approve {}", held.digest));
        text.push_str(&format!("\n  {} {}\n", paint.fair("held:"), held.reason));
        text.push_str(&format!("  see it: {} · carry it out: {command}\n", paint.strong("twinlake plan")));
    }
    text
}

/// Verdicts with their reasons, a line each.
pub(crate) fn verdict_lines(outcomes: &[Outcome], paint: Paint) -> String {
    let mut table = Table::new();
    for outcome in outcomes.iter().take(MOST_NAMED) {
        let reason = outcome.verdict.reason().unwrap_or_default();
        table.row([
            paint.fair(outcome.verdict.word()),
            outcome.asset.kind.to_string(),
            shown_key(outcome.key.as_str()),
            cut(&reason, 160),
        ]);
    }
    let more = match outcomes.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("    and {more} more; all of them with -o json\n"),
    };
    table.lines(4) + &more
}
