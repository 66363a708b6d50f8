//! A process may end, and an answer may be lost, anywhere.

use std::sync::Arc;

use twinlake_base::GateDecision;

use super::Scenario;
use super::gated::{GatedFunctions, Keeper, Origin, Passed};
use super::rehearsal::{Process, Rehearsal, undisturbed};
use crate::{Ending, LogError, Outcome, Status, WorkflowError};

/// Holds a runbook to surviving crashes: counts what passes the gate in an undisturbed run (before and after each
/// append, each function of each step, each effect of the world), then, for each passage, a fresh run whose process
/// ends exactly there. Another process opens the log and the stage as they were left, goes on, and ends as an
/// undisturbed run does.
///
/// Complete, because a process that ends leaves behind only what it appended and what it effected, and these are what
/// passes; between two passages nothing changes that a successor could see. `at_most_effects` bounds the passages of
/// the world that are tried, spread evenly; appends and functions are always all tried.
///
/// # Panics
/// A run ends elsewhere, or cannot be resumed.
pub async fn survives_crashes<S: Scenario>(scenario: &S, at_most_effects: usize) {
    disturbs_everywhere(scenario, at_most_effects, GateDecision::Crash).await;
}

/// Holds a runbook to surviving lost requests and lost answers, at the same passages as [`survives_crashes`]: before
/// it, the append, function or effect does not happen; after it, it did and nobody is told. The process lives on.
///
/// Complete in the same way; that the world's effects tell `before` from `after` honestly is its clients' matter.
///
/// # Panics
/// A run ends elsewhere, or cannot be resumed.
pub async fn survives_lost_answers<S: Scenario>(scenario: &S, at_most_effects: usize) {
    disturbs_everywhere(scenario, at_most_effects, GateDecision::Lose).await;
}

async fn disturbs_everywhere<S: Scenario>(scenario: &S, at_most_effects: usize, decision: GateDecision) {
    let expected = undisturbed(scenario).await;
    let counting = Keeper::counting();
    let rehearsal = Rehearsal::new(scenario).await;
    rehearsal.go(process(&rehearsal, &counting)).await.expect("counting disturbs nothing");
    rehearsal.ends_like(&expected, "counting").await;

    let passed = counting.passed();
    for at in chosen(&passed, at_most_effects) {
        let side = if passed[at].after { "after" } else { "before" };
        let described = format!("{decision:?} at passage {at}, {side} {}", passed[at].what);
        let rehearsal = Rehearsal::new(scenario).await;
        let ended = rehearsal.go(process(&rehearsal, &Keeper::deciding(at, decision))).await;
        if decision == GateDecision::Crash {
            let crashed =
                matches!(ended, Err(WorkflowError::Crashed(_) | WorkflowError::Log(LogError::Crashed(_))));
            assert!(crashed, "{described}: the process lived on: {ended:?}");
        }
        if passed[at].origin == Origin::Append {
            if decision == GateDecision::Lose {
                let went_on = matches!(&ended, Ok(Ending::Ended(_)));
                assert!(went_on, "{described}: the engine does not settle it by itself: {ended:?}");
            }
            // Whatever is in the log then can be loaded.
            let events = rehearsal.events().await;
            assert!(events.is_empty() || Status::replay(&events).is_ok(), "{described}");
        }
        let gave_up = matches!(&ended, Ok(Ending::Ended(Outcome::Incomplete { .. })));
        if decision == GateDecision::Lose && gave_up && ended.ok() != Some(Ending::Ended(scenario.outcome()))
        {
            // An optional step without retries may be given up: the history allows that to no other.
            continue;
        }
        rehearsal.ends_like(&expected, &described).await;
    }
}

fn process<S: Scenario>(rehearsal: &Rehearsal<'_, S>, keeper: &Arc<Keeper>) -> Process {
    let gate = keeper.gate();
    let interceptor = Arc::new(GatedFunctions(gate.clone()));
    Process { interceptor: Some(interceptor), ..rehearsal.gated(gate) }
}

/// Every passage of the engine, and so many of the world's, spread evenly.
fn chosen(passed: &[Passed], at_most_effects: usize) -> Vec<usize> {
    let is_effect = |at: &usize| passed[*at].origin == Origin::Effect;
    let effects: Vec<usize> = (0..passed.len()).filter(is_effect).collect();
    let taken = effects.len().min(at_most_effects);
    let spread = (0..taken).map(|n| effects[n * effects.len() / taken]);
    let mut chosen: Vec<usize> = (0..passed.len()).filter(|at| !is_effect(at)).chain(spread).collect();
    chosen.sort_unstable();
    chosen
}
