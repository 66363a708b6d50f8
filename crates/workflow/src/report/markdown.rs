//! A report as Markdown, for a ticket or an auditor's folder.

use std::fmt::Write as _;

use super::RunReport;
use super::words::{duration, figure, moment, plain};

impl RunReport {
    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let mark = if self.simulated { " *(simulated)*" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# Run {}\n", cell(&self.run));
        let _ = writeln!(out, "| | |\n|---|---|");
        let mut row = |name: &str, value: String| {
            let _ = writeln!(out, "| {name} | {} |", cell(&value));
        };
        row("Runbook", format!("{}, version {}", self.runbook, self.version));
        row("State", self.why.as_ref().map_or(self.state.to_owned(), |why| format!("{}: {why}", self.state)));
        row("Began", format!("{} by {}", moment(self.began_at), self.actor));
        if let Some(ended_at) = self.ended_at {
            row("Ended", moment(ended_at));
        }
        for driver in self.drivers.iter().skip(1) {
            row("Resumed", format!("{} by {}", moment(driver.at), driver.by));
        }
        if let Some(hint) = &self.hint {
            row("Next", hint.clone());
        }
        let _ = writeln!(out, "| Took | {}{mark} |", self.times());
        for judged in &self.judged {
            let _ = writeln!(out, "| {} | {}{mark} |", judged.name.to_uppercase(), judged.sentence());
        }
        self.write_steps(&mut out);
        self.write_figures(&mut out, mark);
        self.write_deviations(&mut out);
        self.write_evidence(&mut out);
        out
    }

    fn write_steps(&self, out: &mut String) {
        out.push_str("\n## Steps\n\n");
        out.push_str("| Step | State | Began | Took | Waited | Attempts | Can it be undone? |\n");
        out.push_str("|---|---|---|---|---|---|---|\n");
        for step in &self.steps {
            let state = match &step.reason {
                Some(reason) => format!("{}: {reason}", step.state),
                None => step.state.to_owned(),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {}: {} |",
                cell(&step.planned.title),
                cell(&state),
                step.began_at.map(moment).unwrap_or_default(),
                duration(step.seconds),
                duration(step.waited_seconds),
                step.attempts,
                step.planned.undo,
                cell(&step.planned.undo_how),
            );
        }
    }

    fn write_figures(&self, out: &mut String, mark: &str) {
        if self.figures.is_empty() {
            return;
        }
        out.push_str("\n## Figures\n\n| Figure | Value | Step |\n|---|---|---|\n");
        for measured in &self.figures {
            let value = figure(measured.figure.value, &measured.figure.unit);
            let (name, step) = (cell(&measured.figure.name), cell(&measured.step));
            let _ = writeln!(out, "| {name} | {}{mark} | {step} |", cell(&value));
        }
    }

    fn write_deviations(&self, out: &mut String) {
        out.push_str("\n## Deviations\n\n");
        if self.deviations.is_empty() {
            out.push_str("None.\n");
            return;
        }
        out.push_str("| When | Step | What |\n|---|---|---|\n");
        for deviation in &self.deviations {
            let step = deviation.step.as_deref().unwrap_or_default();
            let _ =
                writeln!(out, "| {} | {} | {} |", moment(deviation.at), cell(step), cell(&deviation.what));
        }
    }

    fn write_evidence(&self, out: &mut String) {
        out.push_str("\n## Evidence\n");
        for step in &self.steps {
            if step.evidence.is_none() && step.answers.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n### {}\n", cell(&step.planned.title));
            for answer in &step.answers {
                let (by, value) = (cell(&answer.by), cell(&answer.value.to_string()));
                let _ = writeln!(out, "- {by} answered {value} at {}", moment(answer.at));
            }
            if let Some(evidence) = &step.evidence {
                // Indented, because a fence could be closed by what is inside.
                let text = serde_json::to_string_pretty(evidence).unwrap_or_default();
                out.push('\n');
                for line in text.lines() {
                    let _ = writeln!(out, "    {line}");
                }
            }
        }
    }
}

/// Text of others that stays within its cell.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            _ => safe.push(c),
        }
    }
    safe
}
