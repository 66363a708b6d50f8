//! `twinlake status`

use clap::Args;
use twinlake_controller::{FenceReport, GroupStatus, LegStatus, Protection, Status, status};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::fences;
use crate::paint::Paint;
use crate::verbs::plan::shown_key;
use crate::verbs::sync::verdict_lines;
use crate::words::{between, count, duration, time};

/// Shows where every group stands. Asks no workspace, so it answers also when the primary is gone.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this failover group
    group: Option<String>,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &StatusArgs, face: &Face) -> anyhow::Result<Exit> {
    let house = estate::open(&args.config).await?;
    let status = status(&house, args.group.as_deref()).await?;
    face.answer(&status, |paint| text(&status, paint))?;
    Ok(Exit::Done)
}

fn text(status: &Status, paint: Paint) -> String {
    let mut text = format!("{}  {}\n", paint.strong(&status.estate), paint.faint(time(status.at)));
    for group in &status.groups {
        text.push_str(&group_text(group, status, paint));
    }
    let audit = &status.audit;
    let entries = count(usize::try_from(audit.entries).unwrap_or(usize::MAX), "entry");
    let chain = match (&audit.broken, &audit.head) {
        (Some(broken), _) => paint.bad(format!("the chain is broken at {broken}")),
        (None, Some(head)) => format!("the chain is whole, its head is {head}"),
        (None, None) => "nothing was recorded yet".to_owned(),
    };
    text + &format!("\naudit: {entries}; {chain}\n")
}

fn group_text(group: &GroupStatus, status: &Status, paint: Paint) -> String {
    #[expect(clippy::cast_precision_loss, reason = "hours")]
    let objective = |seconds: u64| duration(seconds as f64);
    let standbys: Vec<&str> = group.standbys.iter().map(twinlake_model::SiteId::as_str).collect();
    let mut text = format!(
        "\n{}  {} → {}   {}\n",
        paint.strong(&group.group),
        group.primary,
        standbys.join(", "),
        paint.faint(format!(
            "objectives: RPO {}, RTO {}",
            objective(group.target_rpo_seconds),
            objective(group.target_rto_seconds)
        )),
    );
    text.push_str(&term_text(group, paint));
    for fence in &group.fences {
        let lines =
            format!("{}\n{}{}", fence.place, fences::standing(fence, paint), fences::tail(fence, paint));
        text.push('\n');
        lines.lines().filter(|line| !line.is_empty()).for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    if let Some(since) = group.unprotected_since.filter(|_| !group.fences.iter().any(FenceReport::waits)) {
        let unprotected = paint.bad(format!("✗ unprotected since {}:", time(since)));
        text.push_str(&format!("\n  {unprotected} nothing that production writes is copied anywhere\n"));
    }
    for leg in &group.legs {
        text.push_str(&leg_text(leg, status, paint));
    }
    text
}

/// Whose turn it is, where that is not what the config says, and what is under way.
fn term_text(group: &GroupStatus, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(began) = &group.began_at {
        text.push_str(&format!("  production moved here from {began}; this is epoch {}\n", group.epoch));
    }
    if let Some(why) = &group.witness_silent {
        let silent = paint.fair("! the witness does not answer,");
        text.push_str(&format!("  {silent} so this is what was known last: {why}\n"));
    }
    if let Some(run) = &group.run {
        let see = paint.strong(format!("twinlake runs {}", run.run));
        text.push_str(&format!(
            "  {} {}\n    → {see}\n",
            paint.fair(format!("! {} is not over:", run.run)),
            run.stands
        ));
    }
    if let Some(window) = &group.window {
        let back = if window.kept.is_empty() { "" } else { "twinlake rollback undoes it, " };
        text.push_str(&format!(
            "  the promotion of {} is open until {}: {back}twinlake commit ends that\n",
            window.to,
            time(window.until)
        ));
    }
    text
}

fn leg_text(leg: &LegStatus, status: &Status, paint: Paint) -> String {
    let mut text = format!("\n  {} → {}\n", leg.leg.source, leg.leg.target);
    let arrived = leg.replication_point.map(|point| {
        format!("everything up to {} has arrived, RPO now {}", time(point), between(point, status.at))
    });
    let line = match (leg.protection, arrived) {
        (Protection::WithinObjective, Some(arrived)) => format!("{} {arrived}", paint.good("✓ protected:")),
        (Protection::BeyondObjective, Some(arrived)) => {
            format!("{} {arrived}, more than the objective", paint.fair("! behind:"))
        }
        _ => format!("{} no cycle was complete yet", paint.bad("✗ unprotected:")),
    };
    text.push_str(&format!("    {line}\n"));
    let cycle = match &leg.last_cycle {
        None => format!("none yet; run {}", paint.strong("twinlake sync")),
        Some(cycle) => match cycle.ended_at {
            Some(ended) => format!(
                "{}, took {}, {} changes, {} requests",
                time(cycle.started_at),
                between(cycle.started_at, ended),
                cycle.changes,
                cycle.writes
            ),
            None => format!(
                "{}, {}",
                time(cycle.started_at),
                paint.fair("interrupted; twinlake sync continues it")
            ),
        },
    };
    text.push_str(&format!("    last cycle  {cycle}\n"));
    if !leg.verdicts.is_empty() {
        let tally: Vec<String> = leg.verdicts.iter().map(|(word, count)| format!("{word} {count}")).collect();
        text.push_str(&format!("    assets      {}\n", tally.join(" · ")));
    }
    if !leg.open_questions.is_empty() {
        let keys: Vec<String> =
            leg.open_questions.iter().take(5).map(|key| shown_key(key.as_str())).collect();
        let line = format!(
            "{} without an answer, about {}",
            count(leg.open_questions.len(), "request"),
            keys.join(", ")
        );
        text.push_str(&format!("    open        {line}; the next sync settles them\n"));
    }
    for waiting in &leg.waiting {
        text.push_str(&format!(
            "    waiting     {} {} is gone at {}; its copy is deleted after {}\n",
            waiting.asset.kind,
            shown_key(waiting.key.as_str()),
            leg.leg.source.site,
            time(waiting.due_at)
        ));
    }
    for (heading, outcomes) in [("incomplete", &leg.incomplete), ("not ours, left alone", &leg.unmanaged)] {
        if !outcomes.is_empty() {
            text.push_str(&format!("    {heading}\n{}", verdict_lines(outcomes, paint)));
        }
    }
    text
}
