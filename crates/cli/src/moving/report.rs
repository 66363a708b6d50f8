//! A run's report at a terminal: its own text, with what is long cut short. Markdown and JSON have all of it.

use twinlake_controller::RunReport;

use crate::paint::Paint;
use crate::words::cut;

/// How wide evidence may be.
const WIDTH: usize = 100;

/// A report.
pub(crate) fn text(report: &RunReport, paint: Paint) -> String {
    report.text().lines().map(|line| shown(line, paint) + "\n").collect()
}

fn shown(line: &str, paint: Paint) -> String {
    let word = line.split_whitespace().next().unwrap_or_default();
    match word {
        "evidence:" => paint.faint(cut(line, WIDTH)),
        "Run" | "Steps" | "Figures" | "Deviations" if !line.starts_with(' ') => paint.strong(line),
        "done" if line.starts_with("  done") => line.replacen("done", &paint.good("done"), 1),
        "skipped" if line.starts_with("  skipped") => line.replacen("skipped", &paint.faint("skipped"), 1),
        "failed" if line.starts_with("  failed") => line.replacen("failed", &paint.bad("failed"), 1),
        _ => line.to_owned(),
    }
}
