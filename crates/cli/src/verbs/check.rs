//! `twinlake check`

use clap::Args;
use twinlake_config::Problem;
use twinlake_controller::{CheckReport, Setup, Severity, check};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::paint::Paint;
use crate::table::Table;
use crate::words::count;

/// Says everything that is wrong before anything is written: in the config, and in the workspaces that it names.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &CheckArgs, face: &Face) -> anyhow::Result<Exit> {
    let setup = Setup::system();
    let config = estate::config(&args.config, &setup.env)?;
    let report = check(&config, &setup).await?;
    let file = args.config.config.display().to_string();
    face.answer(&report, |paint| text(&report, &file, paint))?;
    Ok(match report.worst() {
        Some(Severity::Refused) => Exit::Refused,
        Some(Severity::Problem) => Exit::Failed,
        Some(Severity::Warning) | None => Exit::Done,
    })
}

fn text(report: &CheckReport, file: &str, paint: Paint) -> String {
    let mut text = format!("{} {file} is sound: estate {}\n", paint.good("✓"), paint.strong(&report.estate));
    if !report.places.is_empty() {
        text.push('\n');
        text.push_str(&places(report, paint));
    }
    for place in report.places.iter().filter(|place| !place.claimed.is_empty()) {
        let total: usize = place.claimed.values().sum();
        let kinds: Vec<String> =
            place.claimed.iter().map(|(kinds, count)| format!("{kinds} {count}")).collect();
        text.push_str(&format!(
            "\n  {} has {} to carry: {}\n",
            place.place,
            count(total, "asset"),
            kinds.join(", ")
        ));
    }
    let plain = |problem: &Problem| problem.to_string().replacen(": warning: ", ": ", 1);
    let warnings = report.warnings.iter().map(|problem| (plain(problem), None));
    let findings = report.findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let findings =
        findings.map(|finding| (format!("{}: {}", finding.about, finding.message), finding.hint.clone()));
    text.push_str(&list("probably not what was meant", paint.fair("!"), warnings.chain(findings)));
    let notices = report.notices.iter().map(ToString::to_string).chain(report.notes.iter().cloned());
    text.push_str(&list("good to know", paint.faint("·"), notices.map(|notice| (notice, None))));
    let wrong = report.findings.iter().filter(|finding| finding.severity != Severity::Warning);
    let wrong =
        wrong.map(|finding| (format!("{}: {}", finding.about, finding.message), finding.hint.clone()));
    let wrong: Vec<_> = wrong.collect();
    let verdict = match wrong.len() {
        0 => {
            format!("\n{} nothing stands in the way of: {}\n", paint.good("✓"), paint.strong("twinlake plan"))
        }
        number => format!(
            "\n{} {} in the way\n",
            paint.bad("✗"),
            match number {
                1 => "one thing stands".to_owned(),
                number => format!("{number} things stand"),
            }
        ),
    };
    text.push_str(&list("wrong", paint.bad("✗"), wrong.into_iter()));
    text + &verdict
}

fn places(report: &CheckReport, paint: Paint) -> String {
    let mut table = Table::new();
    table
        .row(["place", "workspace", "signed in as", "rights", "address"].map(|heading| paint.faint(heading)));
    for place in &report.places {
        let rights = if place.is_admin { paint.good("admin") } else { paint.bad("not admin") };
        table.row([
            place.place.to_string(),
            place.workspace_id.clone(),
            place.user.clone(),
            rights,
            place.host.clone(),
        ]);
    }
    table.lines(2)
}

fn list(heading: &str, mark: String, items: impl Iterator<Item = (String, Option<String>)>) -> String {
    let mut text = String::new();
    for (item, hint) in items {
        text.push_str(&format!("    {mark} {item}\n"));
        if let Some(hint) = hint {
            text.push_str(&format!("      → {hint}\n"));
        }
    }
    if text.is_empty() { text } else { format!("\n  {heading}\n{text}") }
}
