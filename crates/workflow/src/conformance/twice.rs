//! Each function of each step may be repeated.

use std::sync::Arc;

use super::Scenario;
use super::rehearsal::{Process, Rehearsal, undisturbed};
use crate::{Ending, Intercept, Interceptor, Part};

/// Holds a runbook to idempotence: for each step and each of its functions, a fresh run in which exactly that function
/// is called again right after it succeeded; and one run in which all are.
///
/// Complete for whole repetitions: a step is only ever repeated from its check on, so an act meets the effects of an
/// earlier act of the same step and nothing in between. An act that was cut off half-way is what
/// [`survives_crashes`](super::survives_crashes) repeats.
///
/// # Panics
/// The end of the run, or of the stage, is another one than when everything happens once.
pub async fn twice_is_once<S: Scenario>(scenario: &S) {
    let expected = undisturbed(scenario).await;
    for step in scenario.runbook().steps {
        for part in [Part::Check, Part::Act, Part::Confirm] {
            let repeating = Repeating(Some((step.name, part)));
            repeats(scenario, &expected, repeating, &format!("a second {part:?} of {}", step.name)).await;
        }
    }
    repeats(scenario, &expected, Repeating(None), "a second call of everything").await;
}

async fn repeats<S: Scenario>(scenario: &S, expected: &S::End, repeating: Repeating, described: &str) {
    let rehearsal = Rehearsal::new(scenario).await;
    let process = Process { interceptor: Some(Arc::new(repeating)), ..rehearsal.healthy() };
    let ending = rehearsal.go(process).await.unwrap();
    assert_eq!(ending, Ending::Ended(scenario.outcome()), "disturbed by {described}");
    rehearsal.ends_like(expected, described).await;
}

/// Repeats one function, or all.
struct Repeating(Option<(&'static str, Part)>);

impl Interceptor for Repeating {
    fn before(&self, _: &str, _: Part) -> Intercept {
        Intercept::Pass
    }

    fn after(&self, step: &str, part: Part) -> Intercept {
        if self.0.is_none_or(|only| only == (step, part)) { Intercept::Repeat } else { Intercept::Pass }
    }
}
