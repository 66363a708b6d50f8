//! What came of driving a run: its report, how it ended, the next command, and the exit code.

use twinlake_controller::{Ended, Moved};

use crate::exit::Exit;
use crate::moving::report;
use crate::paint::Paint;

/// The end of a drive.
pub(crate) fn text(moved: &Moved, paint: Paint) -> String {
    let mut text = moved.report.as_ref().map(|told| report::text(told, paint) + "\n").unwrap_or_default();
    let (line, next) = match &moved.ended {
        Ended::Complete => (format!("{} {} is over; everything was done", paint.good("✓"), moved.run), None),
        Ended::Incomplete => (
            format!("{} {} is over, and something was left out", paint.fair("!"), moved.run),
            Some("twinlake status".to_owned()),
        ),
        Ended::Stopped { why, hint } => {
            (format!("{} {} stopped: {why}", paint.bad("✗"), moved.run), Some(hint.clone()))
        }
        Ended::Waiting { question, hint } => (
            format!("{} {} waits: {question}", paint.fair("!"), moved.run),
            Some(format!("{hint}, then twinlake runs resume {}", moved.run)),
        ),
        Ended::Aborted { why } => (format!("{} {} was aborted: {why}", paint.bad("✗"), moved.run), None),
        Ended::Superseded => (
            format!("{} another controller drives {}", paint.bad("✗"), moved.run),
            Some(format!("twinlake runs {} --follow", moved.run)),
        ),
        Ended::Refused { why, hint } => (format!("{} refused: {why}", paint.bad("✗")), hint.clone()),
    };
    text.push_str(&line);
    text.push('\n');
    if let Some(next) = next {
        text.push_str(&format!("  → {next}\n"));
    }
    text
}

/// How the command ends.
pub(crate) const fn exit(ended: &Ended) -> Exit {
    match ended {
        Ended::Complete => Exit::Done,
        Ended::Incomplete => Exit::Incomplete,
        Ended::Waiting { .. } | Ended::Refused { .. } | Ended::Superseded => Exit::Refused,
        Ended::Stopped { .. } | Ended::Aborted { .. } => Exit::Failed,
    }
}
