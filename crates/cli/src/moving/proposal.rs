//! What a move would do and cost, as it is shown before anything happens.

use std::fmt::Write as _;

use serde_json::{Value, json};
use twinlake_controller::{Behind, Loss, PlannedStep, Proposal, UndoClass};
use twinlake_model::SeenRun;
use twinlake_model::safety::{MoveKind, Objection};

use crate::paint::Paint;
use crate::table::Table;
use crate::verbs::plan::shown_key;
use crate::verbs::sync::verdict_lines;
use crate::words::{count, duration, time, wrapped};

/// How many runs are named; the JSON names all.
const MOST_NAMED: usize = 10;

/// How wide a line is, so that a narrow terminal shows it whole.
const WIDTH: usize = 78;
/// Where what a step does begins.
const STEP_INDENT: usize = 8;

/// What the proposal itself does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// Whether the world is a simulated one.
    pub(crate) simulated: bool,
    /// Whether the config names hooks.
    pub(crate) has_hooks: bool,
}

/// A proposal, whole.
pub(crate) fn text(proposal: &Proposal, shown: Shown, paint: Paint) -> String {
    let mut text = heading(proposal, paint);
    if proposal.kind == MoveKind::Forced {
        text.push_str(&format!(
            "\n  {}\n",
            paint.strong(marked("What is lost, as far as is known", shown.simulated))
        ));
        text.push_str(&loss(&proposal.loss, paint));
    }
    text.push_str(&format!(
        "\n  {}\n{}",
        paint.strong("Steps, and whether each can be undone"),
        steps(&proposal.steps, shown.has_hooks, paint)
    ));
    let approvals = &proposal.approvals;
    if approvals.required > 0 {
        #[expect(clippy::cast_precision_loss, reason = "an hour or so")]
        let expiry = duration(approvals.expire.as_secs() as f64);
        let _ = write!(
            text,
            "\n  {} {} of {} must agree, each for at most {expiry}\n",
            paint.strong("Approvals"),
            approvals.required,
            approvals.of.join(", ")
        );
    }
    let _ = write!(text, "\n  proposal {}\n", proposal.digest.short());
    for note in &proposal.notes {
        text.push_str(&objection(note, &paint.fair("! not held up by"), paint));
    }
    for against in &proposal.objections {
        text.push_str(&objection(against, &paint.bad("✗ refused by"), paint));
    }
    text
}

/// A proposal for scripts: durations are numbers of seconds, as everywhere.
pub(crate) fn json(proposal: &Proposal) -> Value {
    let mut document = json!(proposal);
    document["approvals"] = json!({
        "required": proposal.approvals.required, "of": proposal.approvals.of,
        "expire_seconds": proposal.approvals.expire.as_secs(),
    });
    document
}

/// `Forced failover of main: east → west`.
fn heading(proposal: &Proposal, paint: Paint) -> String {
    let what = title(&proposal.runbook);
    let (from, to) = (&proposal.from, &proposal.to);
    let from_to = if from == to { format!("in {from}") } else { format!("{from} → {to}") };
    let group = paint.strong(&proposal.group);
    format!("{what} of {group}: {from_to}   {}\n", paint.faint(format!("epoch {}", proposal.epoch)))
}

/// What a runbook is called at the terminal.
pub(crate) fn title(runbook: &str) -> String {
    let mut words = runbook.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// A heading; figures of a simulated world say so.
fn marked(heading: &str, simulated: bool) -> String {
    if simulated { format!("{heading} (simulated)") } else { heading.to_owned() }
}

/// What would be lost.
pub(crate) fn loss(loss: &Loss, paint: Paint) -> String {
    let mut text: String = loss.behind.iter().map(|behind| one_copy(behind, paint)).collect();
    if loss.may_have_run.is_empty() {
        text.push_str("    no run was seen that had not ended\n");
        return text;
    }
    let runs = count(loss.may_have_run.len(), "run");
    let _ =
        writeln!(text, "    {} may have run, or not; nothing starts them again unasked", paint.fair(runs));
    text + &run_lines(&loss.may_have_run, paint)
}

fn one_copy(behind: &Behind, paint: Paint) -> String {
    let Behind { source, target, .. } = behind;
    let lost = match (behind.replication_point, behind.seconds) {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a loss are far below 2^52")]
        (Some(point), Some(seconds)) => format!(
            "what was written since {} ({})",
            time(point),
            paint.fair(format!("the last {}", duration(seconds as f64)))
        ),
        _ => paint.bad("unknown: never yet has everything arrived"),
    };
    let mut text = format!("    {source} → {target}\n      {lost}\n");
    if let Some(at) = behind.last_looked_at {
        let _ = writeln!(text, "      {}", paint.faint(format!("{source} was last read at {}", time(at))));
    }
    if behind.lacking.is_empty() {
        text.push_str("      every asset that was seen there is here as it was\n");
    } else {
        let lacking = count(behind.lacking.len(), "asset");
        let _ = writeln!(text, "      {} not here as it was there:", paint.fair(lacking));
        text.push_str(&verdict_lines(&behind.lacking, paint));
    }
    text
}

/// Runs, a line each.
pub(crate) fn run_lines(runs: &[SeenRun], paint: Paint) -> String {
    let mut table = Table::new();
    for run in runs.iter().take(MOST_NAMED) {
        table.row([
            run.activity.replace('_', " "),
            shown_key(&run.name),
            paint.faint(run.id.to_string()),
            run.state.to_lowercase(),
            paint.faint(format!("since {}", time(run.began_at))),
        ]);
    }
    let mut text = table.lines(6);
    if runs.len() > MOST_NAMED {
        let _ = writeln!(text, "      and {} more; all of them with -o json", runs.len() - MOST_NAMED);
    }
    text
}

/// Each step, and whether it can be undone (P14): how, where it cannot always be. Hooks are shown where there are any.
fn steps(steps: &[PlannedStep], has_hooks: bool, paint: Paint) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| has_hooks || !is_hook(step)) {
        let class = match step.undo {
            UndoClass::Reversible => paint.faint(step.undo),
            UndoClass::UntilFirstWrite => paint.fair(step.undo),
            UndoClass::Forward => paint.bad(step.undo),
        };
        let _ = writeln!(text, "    {:>2}  {} · {class}", number + 1, step.title);
        text.push_str(&wrapped(&step.does, STEP_INDENT, WIDTH));
        if step.undo != UndoClass::Reversible {
            text.push_str(&wrapped(&format!("back: {}", step.undo_how), STEP_INDENT, WIDTH));
        }
    }
    text
}

fn is_hook(step: &PlannedStep) -> bool {
    step.name.starts_with("hooks_")
}

fn objection(objection: &Objection, sign: &str, paint: Paint) -> String {
    let Objection { rule, reason, hint } = objection;
    format!("\n  {sign} {}: {reason}\n    → {hint}\n", paint.strong(rule))
}
