//! How findings are told: tables for people, JSON for programs.

use anyhow::Context;
use serde::Serialize;

use crate::failover::Promoted;
use crate::floor::{End, Slowest};
use crate::peer::Compared;
use crate::rehearsal::Measured;
use crate::sockets::Cycle;

/// Everything that was measured in one run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Findings {
    /// The cargo profile of this program.
    pub(crate) profile: String,
    /// Requests and virtual time.
    pub(crate) rehearsed: Vec<Measured>,
    /// Failovers in virtual time.
    pub(crate) failed_over: Vec<Promoted>,
    /// Memory and processor.
    pub(crate) over_sockets: Vec<Cycle>,
    /// Beside a plain script.
    pub(crate) peer: Option<Compared>,
}

impl Findings {
    /// Nothing yet, of a program that lies where cargo puts what it builds.
    pub(crate) fn of_this_build() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("finding our own program")?;
        let folder = program.parent().and_then(|folder| folder.file_name());
        let profile = folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { profile, ..Self::default() })
    }
}

/// Prints findings.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
pub(crate) fn tell(findings: &Findings, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        println!("{}", serde_json::to_string_pretty(findings)?);
        return Ok(());
    }
    if !findings.rehearsed.is_empty() {
        println!("{}", rehearsed(&findings.rehearsed));
    }
    if !findings.failed_over.is_empty() {
        println!("{}", failed_over(&findings.failed_over, &findings.profile));
    }
    if !findings.over_sockets.is_empty() {
        println!(
            "{}",
            over_sockets("Over sockets, the client alone", &findings.profile, &findings.over_sockets)
        );
    }
    if let Some(peer) = &findings.peer {
        println!("{}", compared(peer, &findings.profile));
    }
    Ok(())
}

fn rehearsed(all: &[Measured]) -> String {
    let heads = [
        "case",
        "true limits",
        "assets",
        "changes",
        "requests",
        "forced",
        "ratio",
        "429",
        "seconds (simulated)",
        "floor",
        "ratio",
        "attainable",
        "ratio",
    ];
    let rows = all.iter().map(|one| {
        vec![
            one.case.to_owned(),
            format!("{:.0} %", one.true_part * 100.0),
            one.assets.to_string(),
            one.changes.to_string(),
            one.requests.to_string(),
            one.forced.to_string(),
            format!("{:.3}", one.request_ratio()),
            one.refused.to_string(),
            format!("{:.1}", one.seconds),
            slowest(&one.floor),
            format!("{:.3}", one.time_ratio()),
            slowest(&one.attainable),
            format!("{:.3}", one.attainable_ratio()),
        ]
    });
    format!("Requests and time, in virtual time\n\n{}", table(&heads, rows))
}

fn failed_over(all: &[Promoted], profile: &str) -> String {
    let heads = [
        "primary",
        "woken",
        "ended",
        "first wave awake, s",
        "all awake, s",
        "whole run, s",
        "floor",
        "ratio",
        "requests",
        "forced",
        "429",
        "to the old primary",
        "aim",
        "CPU s, service included",
    ];
    let rows = all.iter().map(|one| {
        vec![
            one.case.to_owned(),
            one.woken.to_string(),
            one.ended.to_owned(),
            format!("{:.1}", one.first_wave_seconds),
            format!("{:.1}", one.awake_seconds),
            format!("{:.1}", one.seconds),
            slowest(&one.floor),
            format!("{:.3}", one.time_ratio()),
            one.requests.to_string(),
            one.forced.to_string(),
            one.refused.to_string(),
            one.coarse.to_string(),
            format!("≤ {}", one.coarse_aim),
            format!("{:.1}", one.cpu_seconds),
        ]
    });
    let title = format!("A forced failover, in virtual time; seconds are simulated (profile {profile})");
    format!("{title}\n\n{}", table(&heads, rows))
}

fn slowest(slowest: &Slowest) -> String {
    let end = match slowest.end {
        End::Source => "source",
        End::Target => "target",
    };
    format!("{:.1} ({end} {})", slowest.seconds, slowest.family)
}

fn over_sockets(title: &str, profile: &str, cycles: &[Cycle]) -> String {
    let heads = ["case", "assets", "changes", "requests", "peak MB", "CPU s", "CPU ms per asset", "wall s"];
    let rows = cycles.iter().map(|cycle| {
        #[expect(clippy::cast_precision_loss, reason = "thousands of assets")]
        let per_asset_ms = cycle.usage.cpu_seconds * 1e3 / cycle.assets.max(1) as f64;
        vec![
            cycle.case.clone(),
            cycle.assets.to_string(),
            cycle.changes.to_string(),
            cycle.requests.to_string(),
            format!("{:.1}", cycle.usage.peak_mb),
            format!("{:.2}", cycle.usage.cpu_seconds),
            format!("{per_asset_ms:.3}"),
            format!("{:.1}", cycle.seconds),
        ]
    });
    format!("{title} (profile {profile})\n\n{}", table(&heads, rows))
}

fn compared(compared: &Compared, profile: &str) -> String {
    let mut told = over_sockets("Beside a plain script: ours", profile, &compared.ours);
    let heads =
        ["peer", "threads", "copied", "failed", "peak MB", "CPU s", "wall s", "wall ÷ ours", "CPU ÷ ours"];
    let ours = compared.ours.first();
    let per = |theirs: f64, ours: Option<f64>| {
        ours.map_or_else(String::new, |ours| format!("{:.1}", theirs / ours))
    };
    let rows = compared.runs.iter().map(|run| {
        vec![
            run.sdk.clone(),
            run.threads.to_string(),
            run.copied.to_string(),
            run.failed.to_string(),
            format!("{:.1}", run.peak_mb),
            format!("{:.2}", run.cpu_seconds),
            format!("{:.1}", run.seconds),
            per(run.seconds, ours.map(|ours| ours.seconds)),
            per(run.cpu_seconds, ours.map(|ours| ours.usage.cpu_seconds)),
        ]
    });
    told.push_str(&format!("\n{}", table(&heads, rows)));
    if let Some(missing) = &compared.missing {
        told.push_str(&format!("\nno peer: {missing}\n"));
    }
    told
}

/// A table in Markdown, so that it can be pasted into a page.
fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.chars().count())).max().unwrap_or(0)
    };
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            format!("{cell}{}", " ".repeat(width(column).saturating_sub(cell.chars().count())))
        });
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule: Vec<String> = (0..heads.len()).map(|column| "-".repeat(width(column))).collect();
    let mut told = line(heads.to_vec());
    told.push_str(&line(rule.iter().map(String::as_str).collect()));
    for row in &rows {
        told.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    told
}
