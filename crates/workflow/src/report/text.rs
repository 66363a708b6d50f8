//! A report as text for a terminal: calm, aligned, without colours.

use std::fmt::Write as _;

use super::words::{duration, figure, moment, plain};
use super::{RunReport, StepReport};

impl RunReport {
    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mark = if self.simulated { " (simulated)" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "Run {}: {} (version {})", plain(&self.run), self.runbook, self.version);
        row(&mut out, "state", &with_why(self.state, self.why.as_deref()));
        if let Some(hint) = &self.hint {
            row(&mut out, "next", hint);
        }
        row(&mut out, "began", &format!("{} by {}", moment(self.began_at), self.actor));
        if let Some(ended_at) = self.ended_at {
            row(&mut out, "ended", &moment(ended_at));
        }
        row(&mut out, "took", &format!("{}{mark}", self.times()));
        for driver in self.drivers.iter().skip(1) {
            row(&mut out, "resumed", &format!("{} by {}", moment(driver.at), driver.by));
        }
        for judged in &self.judged {
            row(&mut out, &judged.name.to_uppercase(), &format!("{}{mark}", judged.sentence()));
        }
        out.push_str("\nSteps\n");
        let width = self.steps.iter().map(|step| step.planned.name.chars().count()).max().unwrap_or(0);
        for step in &self.steps {
            step.write(&mut out, width);
        }
        if !self.figures.is_empty() {
            let _ = writeln!(out, "\nFigures{mark}");
            for measured in &self.figures {
                let value = figure(measured.figure.value, &measured.figure.unit);
                let _ = writeln!(out, "  {}: {value} (step {})", plain(&measured.figure.name), measured.step);
            }
        }
        out.push_str("\nDeviations\n");
        if self.deviations.is_empty() {
            out.push_str("  none\n");
        }
        for deviation in &self.deviations {
            let step = deviation.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
            let _ = writeln!(out, "  {}  {step}{}", moment(deviation.at), plain(&deviation.what));
        }
        out
    }

    /// How long it took, and how much of that was not work.
    pub(super) fn times(&self) -> String {
        let mut times = duration(self.seconds);
        let parts = [("waited", self.waited_seconds), ("stopped", self.stopped_seconds)];
        for (what, seconds) in parts.into_iter().filter(|(_, seconds)| *seconds > 0.0) {
            let _ = write!(times, ", of which {what} {}", duration(seconds));
        }
        times
    }
}

impl super::Judged {
    pub(super) fn sentence(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "targets are far below 2^52 seconds")]
        let target = duration(self.target_seconds as f64);
        match (self.measured_seconds, self.met) {
            (Some(measured), Some(true)) => format!("{} of at most {target}: met", duration(measured)),
            (Some(measured), _) => format!("{} of at most {target}: missed", duration(measured)),
            (None, _) => format!("not measured, at most {target}"),
        }
    }
}

impl StepReport {
    fn write(&self, out: &mut String, width: usize) {
        let state = self.state;
        let _ = write!(out, "  {state:<11}  {:<width$}  {}", self.planned.name, self.planned.title);
        if self.began_at.is_some() {
            let _ = write!(out, ", {}", duration(self.seconds));
        }
        if self.waited_seconds > 0.0 {
            let _ = write!(out, ", waited {}", duration(self.waited_seconds));
        }
        if self.attempts > 1 {
            let _ = write!(out, ", {} attempts", self.attempts);
        }
        out.push('\n');
        if let Some(reason) = &self.reason {
            let _ = writeln!(out, "               {}", plain(reason));
        }
        for answer in &self.answers {
            let _ = writeln!(
                out,
                "               {} answered {}",
                plain(&answer.by),
                plain(&answer.value.to_string())
            );
        }
        if let Some(evidence) = &self.evidence {
            let _ = writeln!(out, "               evidence: {}", plain(&evidence.to_string()));
        }
    }
}

fn row(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "  {name:<8} {}", plain(value));
}

fn with_why(state: &str, why: Option<&str>) -> String {
    why.map_or_else(|| state.to_owned(), |why| format!("{state}: {why}"))
}
