//! Whatever fails, a run stops resumable, is healed, and ends as if nothing had been.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use twinlake_base::ErrorClass;

use super::Scenario;
use super::rehearsal::{Process, Rehearsal, undisturbed};
use crate::{
    Ending, Intercept, Interceptor, Outcome, Part, Retries, RunReport, RunState, Step, StepError, StepState,
};

const CLASSES: [ErrorClass; 7] = [
    ErrorClass::Retryable,
    ErrorClass::Conflict,
    ErrorClass::Missing,
    ErrorClass::Denied,
    ErrorClass::Invalid,
    ErrorClass::Refused,
    ErrorClass::Bug,
];

/// Where a function fails.
const PLACES: [(Part, bool); 4] =
    [(Part::Check, false), (Part::Act, false), (Part::Act, true), (Part::Confirm, false)];

/// Holds a runbook to stopping resumable: for each step, each class of error and each place (in its check, before and
/// after its act's effect, in its confirm), a fresh run in which exactly that fails, every time it is tried.
///
/// Then the run has stopped at exactly that step, durably, and its report names the failure; or, if the step is
/// optional, it has ended without it. Once healed, the run is resumed and ends as an undisturbed one. A failure that
/// heals by itself before the retries are used up does not stop the run at all.
///
/// Complete, because the engine sees a step only through its three functions: whatever the world does to a step comes
/// out of one of them, before or after its effect, in one of the classes.
///
/// # Panics
/// A promise is broken.
pub async fn stops_resumable<S: Scenario>(scenario: &S) {
    let expected = undisturbed(scenario).await;
    for step in scenario.runbook().steps {
        for (part, after) in PLACES {
            for class in CLASSES {
                fails_for_good(
                    scenario,
                    &expected,
                    step,
                    Failing::new(step.name, part, after, class, u64::MAX),
                )
                .await;
            }
            if step.retries.attempts > 1 {
                let once = Failing::new(step.name, part, after, ErrorClass::Retryable, 1);
                fails_once(scenario, &expected, once).await;
            }
        }
    }
}

async fn fails_for_good<S: Scenario>(
    scenario: &S,
    expected: &S::End,
    step: &Step<S::World>,
    failing: Arc<Failing>,
) {
    let rehearsal = Rehearsal::new(scenario).await;
    let process =
        Process { interceptor: Some(Arc::clone(&failing) as Arc<dyn Interceptor>), ..rehearsal.healthy() };
    let ending = rehearsal.go(process).await.expect("a failing step is no failure of the engine");
    let described = failing.describe();
    // An attempt whose effect stands although it failed is found done by the next one.
    let may_recover = failing.after && Retries::helps(failing.class) && step.retries.attempts > 1;
    match ending {
        Ending::Ended(outcome) if failing.times() == 0 => {
            // The function has nothing to do in this scenario.
            assert_eq!(outcome, scenario.outcome());
        }
        Ending::Ended(Outcome::Incomplete { missing })
            if step.optional && missing.contains(&failing.step) =>
        {
            return;
        }
        Ending::Ended(_) if may_recover => {}
        Ending::Stopped { step: Some(at), .. } if at == step.name && !step.optional => {
            let status = rehearsal.status().await;
            assert!(matches!(status.state, RunState::Stopped { .. }), "the stop is durable: {described}");
            let (_, current) = status.current().expect("a stopped run stands at a step");
            let right = matches!(&current.state, StepState::Failed { part, class, .. }
                if *part == failing.part && *class == failing.class);
            assert!(right, "the failure is on record as it was: {described}: {:?}", current.state);
            let report = RunReport::of("rehearsal", &rehearsal.events().await, rehearsal.now()).unwrap();
            assert_eq!(report.state, "stopped");
            assert!(!report.deviations.is_empty(), "the report names the failure: {described}");
        }
        other => panic!("{described}: the run went on to {other:?}"),
    }
    rehearsal.ends_like(expected, &described).await;
}

async fn fails_once<S: Scenario>(scenario: &S, expected: &S::End, failing: Arc<Failing>) {
    let rehearsal = Rehearsal::new(scenario).await;
    let process =
        Process { interceptor: Some(Arc::clone(&failing) as Arc<dyn Interceptor>), ..rehearsal.healthy() };
    let ending = rehearsal.go(process).await.unwrap();
    let described = failing.describe();
    assert_eq!(ending, Ending::Ended(scenario.outcome()), "once, {described}");
    rehearsal.ends_like(expected, &described).await;
}

/// Fails one function of one step.
struct Failing {
    step: String,
    part: Part,
    after: bool,
    class: ErrorClass,
    at_most: u64,
    times: AtomicU64,
}

impl Failing {
    fn new(step: &str, part: Part, after: bool, class: ErrorClass, at_most: u64) -> Arc<Self> {
        Arc::new(Self { step: step.to_owned(), part, after, class, at_most, times: AtomicU64::new(0) })
    }

    fn times(&self) -> u64 {
        self.times.load(Ordering::SeqCst)
    }

    fn describe(&self) -> String {
        let side = if self.after { "after" } else { "in" };
        format!("{:?} {side} the {:?} of step {}", self.class, self.part, self.step)
    }

    fn decide(&self, step: &str, part: Part, after: bool) -> Intercept {
        if step != self.step || part != self.part || after != self.after || self.times() >= self.at_most {
            return Intercept::Pass;
        }
        self.times.fetch_add(1, Ordering::SeqCst);
        Intercept::Fail(StepError::new(self.class, "failed by the rehearsal"))
    }
}

impl Interceptor for Failing {
    fn before(&self, step: &str, part: Part) -> Intercept {
        self.decide(step, part, false)
    }

    fn after(&self, step: &str, part: Part) -> Intercept {
        self.decide(step, part, true)
    }
}
