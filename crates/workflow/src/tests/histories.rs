//! Random histories: what is illegal never loads, and whatever is legal is gone on with.
//!
//! What is illegal is said here a second time, as laws over whole histories, in other words than the transition's.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use proptest::prelude::*;
use serde_json::{Value, json};
use twinlake_base::{ErrorClass, GateDecision, Timestamp};

use super::toy::{RUNBOOK, Stage, Toy};
use crate::conformance::gated::{GatedFunctions, Keeper};
use crate::conformance::rehearsal::{Process, Rehearsal, undisturbed};
use crate::{
    Appended, Because, Entry, Event, Log, LogError, MemoryLog, Note, Objectives, Outcome, Part, Recorded,
    RunBegan, RunEvent, Seq, Status, Wait,
};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn began() -> RunEvent {
    RunEvent::RunBegan(RunBegan {
        runbook: "toy-move".to_owned(),
        version: 1,
        // Two that must be done and one that is optional.
        outline: RUNBOOK.outline().into_iter().take(3).collect(),
        parameters: Value::Null,
        actor: "ada".to_owned(),
        objectives: Objectives::default(),
        simulated: false,
    })
}

/// Any event, about any step, with any attempt: most cannot follow.
fn any_event() -> impl Strategy<Value = RunEvent> {
    let step = prop_oneof![Just("approve"), Just("number"), Just("quiesce"), Just("unheard-of")];
    let because = prop_oneof![
        Just(Because::AlreadyTrue),
        Just(Because::NotNeeded),
        Just(Because::GivenUp),
        Just(Because::Decided { by: "ada".to_owned() }),
    ];
    let wait = prop_oneof![
        Just(Wait::Answer { question: "?".to_owned(), about: Value::Null }),
        Just(Wait::Until { at: AT, why: "!".to_owned() }),
    ];
    let outcome = prop_oneof![
        Just(Outcome::Complete),
        Just(Outcome::Incomplete { missing: vec!["quiesce".to_owned()] })
    ];
    (step, 1_u32..6, because, wait, outcome, 0_u8..16).prop_map(
        |(step, attempt, because, wait, outcome, which)| {
            let step = step.to_owned();
            let text = "text".to_owned();
            match which {
                0 => began(),
                1 => RunEvent::RunResumed { by: text },
                2 => RunEvent::RunStopped { step: None, why: text, hint: None },
                3 | 4 => RunEvent::RunEnded { outcome },
                5 => RunEvent::StepNoted { step, note: Note::Deviation { what: text } },
                6 | 7 => RunEvent::StepDone { step, evidence: json!({}) },
                8 | 9 => RunEvent::StepSkipped { step, because, reason: text, evidence: None },
                10 => RunEvent::StepFailed {
                    step,
                    attempt,
                    part: Part::Act,
                    error: text,
                    class: ErrorClass::Retryable,
                    hint: None,
                },
                11 => RunEvent::StepWaiting { step, wait },
                12 => RunEvent::StepAnswered { step, by: text, value: json!(true) },
                13 if attempt == 5 => RunEvent::RunAborted { by: text.clone(), reason: text },
                _ => RunEvent::StepBegan { step, attempt },
            }
        },
    )
}

fn recorded(seq: usize, event: &RunEvent) -> Recorded {
    let event = Entry { at: AT, writer: "engine".to_owned(), event: event.clone() }.to_event().unwrap();
    Recorded { seq: Seq(seq as u64), event }
}

fn load(events: &[RunEvent]) -> Result<Status, crate::IllegalEvent> {
    Status::replay(
        &events.iter().enumerate().map(|(index, event)| recorded(index + 1, event)).collect::<Vec<_>>(),
    )
}

/// The events that could follow each other, in the order in which they came.
fn accepted(candidates: Vec<RunEvent>) -> Vec<RunEvent> {
    let mut events = vec![began()];
    let mut status = load(&events).unwrap();
    for candidate in candidates {
        let before = status.clone();
        match status.apply(&recorded(events.len() + 1, &candidate)) {
            Ok(()) => events.push(candidate),
            Err(_) => assert_eq!(status, before, "a refused event leaves no trace"),
        }
    }
    events
}

/// The laws that each history keeps.
fn keeps_the_laws(events: &[RunEvent]) {
    let settles =
        |event: &RunEvent| matches!(event, RunEvent::StepDone { .. } | RunEvent::StepSkipped { .. });
    let ends = |event: &RunEvent| matches!(event, RunEvent::RunEnded { .. } | RunEvent::RunAborted { .. });
    for (index, event) in events.iter().enumerate() {
        let before = &events[..index];
        assert_eq!(matches!(event, RunEvent::RunBegan(_)), index == 0, "a run begins once, first");
        assert!(!before.iter().any(ends), "nothing follows an end");

        let stopped = before
            .iter()
            .rev()
            .find(|event| matches!(event, RunEvent::RunStopped { .. } | RunEvent::RunResumed { .. }))
            .is_some_and(|event| matches!(event, RunEvent::RunStopped { .. }));
        let decided = matches!(event, RunEvent::StepSkipped { because: Because::Decided { .. }, .. });
        let patient = matches!(
            event,
            RunEvent::RunResumed { .. } | RunEvent::RunAborted { .. } | RunEvent::StepAnswered { .. }
        );
        assert!(!stopped || decided || patient, "a stopped run is left alone: {event:?}");
        assert!(stopped || !decided, "people decide about stopped runs");

        let settled: Vec<_> =
            before.iter().filter(|event| settles(event)).filter_map(RunEvent::step).collect();
        if let RunEvent::RunEnded { .. } = event {
            assert_eq!(settled, ["approve", "number", "quiesce"], "an ended run has settled every step");
        }
        let Some(step) = event.step() else { continue };
        let order = ["approve", "number", "quiesce"];
        assert_eq!(order.get(settled.len()), Some(&step), "steps come in order, one at a time: {event:?}");

        let own: Vec<_> = before.iter().filter(|event| event.step() == Some(step)).collect();
        let acts = own.iter().filter(|event| matches!(event, RunEvent::StepBegan { .. })).count();
        let last_of_all = before.iter().rev().find(|event| {
            event.step() == Some(step) && !matches!(event, RunEvent::StepNoted { .. })
                || matches!(event, RunEvent::RunResumed { .. })
        });
        match event {
            RunEvent::StepBegan { .. } => {
                assert!(
                    !matches!(last_of_all, Some(RunEvent::StepBegan { .. })),
                    "an act is not announced while another may be under way"
                );
            }
            RunEvent::StepDone { .. } => assert!(acts > 0, "what never acted is not done"),
            RunEvent::StepAnswered { .. } => {
                let says_little = |event: &RunEvent| {
                    matches!(event, RunEvent::StepAnswered { .. } | RunEvent::StepNoted { .. })
                };
                let asked = own.iter().rev().find(|event| !says_little(event));
                let open = matches!(asked, Some(RunEvent::StepWaiting { wait: Wait::Answer { .. }, .. }));
                assert!(open, "an answer follows its question");
            }
            RunEvent::StepSkipped { because, .. } => {
                let forced = matches!(because, Because::GivenUp | Because::Decided { .. });
                assert!(!forced || step == "quiesce", "only what is optional is left out");
                assert!(*because != Because::AlreadyTrue || acts == 0, "what acted is done, not skipped");
            }
            _ => {}
        }
        // Attempts are counted without gaps: each announcement, and each failure before one.
        let numbers: Vec<u32> = own
            .iter()
            .copied()
            .chain([event])
            .filter_map(|event| match event {
                RunEvent::StepBegan { attempt, .. } | RunEvent::StepFailed { attempt, .. } => Some(*attempt),
                _ => None,
            })
            .collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "{numbers:?}");
        assert!(numbers.first().is_none_or(|first| *first == 1), "{numbers:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_history_that_loads_breaks_a_law(candidates in prop::collection::vec(any_event(), 0..300)) {
        let events = accepted(candidates);
        keeps_the_laws(&events);
        prop_assert!(load(&events).is_ok());
    }

    #[test]
    fn a_history_with_an_event_missing_twice_or_moved_never_loads_into_a_lie(
        candidates in prop::collection::vec(any_event(), 50..300),
        at in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let whole = accepted(candidates);
        let mut events = whole.clone();
        let moved = events.remove(at.index(whole.len()));
        if load(&events).is_ok() {
            keeps_the_laws(&events);
        }
        events.insert(to.index(whole.len()), moved);
        if load(&events).is_ok() {
            keeps_the_laws(&events);
        }
        // With their numbers, a missing event is always seen.
        let mut numbered: Vec<_> = whole.iter().enumerate().map(|(n, event)| recorded(n + 1, event)).collect();
        if at.index(whole.len()) + 1 < whole.len() {
            numbered.remove(at.index(whole.len()));
            prop_assert!(Status::replay(&numbered).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Processes that crash and lose answers at random write a history; each of its prefixes, on the stage as it was
    /// then, is gone on with to the same end.
    #[test]
    fn a_run_is_gone_on_with_from_each_prefix_of_a_history_to_the_same_end(
        blows in prop::collection::vec((0_usize..60, prop::bool::ANY), 0..6)
    ) {
        paused(async {
            let expected = undisturbed(&Toy).await;
            let rehearsal = Rehearsal::new(&Toy).await;
            let moments = Arc::new(Mutex::new(Vec::new()));
            for (at, crash) in blows {
                let decision = if crash { GateDecision::Crash } else { GateDecision::Lose };
                let gate = Keeper::deciding(at, decision).gate();
                let mut process = rehearsal.gated(gate.clone());
                process.interceptor = Some(Arc::new(GatedFunctions(gate)));
                process.log = photographed(&rehearsal, process.log, &moments);
                // However it ends.
                let _ = rehearsal.go(process).await;
            }
            let last = rehearsal.healthy();
            let _ = rehearsal.go(Process { log: photographed(&rehearsal, last.log.clone(), &moments), ..last }).await;
            let events = rehearsal.events().await;
            let moments = moments.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (length, state) in moments {
                let log = MemoryLog::default();
                for recorded in &events[..length] {
                    let expected = Seq(recorded.seq.0 - 1);
                    log.append("rehearsal", expected, &recorded.event).await.unwrap();
                }
                let at = events[length - 1].event.at;
                let left = Rehearsal::left(&Toy, Stage::of(state), log, at);
                if left.status().await.outcome() == Outcome::Complete {
                    left.ends_like(&expected, &format!("a stop after event {length}")).await;
                } else {
                    left.to_the_end().await;
                }
            }
        });
    }
}

fn paused(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

type State = BTreeMap<String, u64>;
type Moments = Arc<Mutex<Vec<(usize, State)>>>;

fn photographed(rehearsal: &Rehearsal<'_, Toy>, log: Arc<dyn Log>, moments: &Moments) -> Arc<dyn Log> {
    Arc::new(Photographed { log, stage: rehearsal.stage.clone(), moments: Arc::clone(moments) })
}

/// A log that remembers what the stage looked like at each of its ends: when an event came, and when the next one was
/// about to.
struct Photographed {
    log: Arc<dyn Log>,
    stage: Stage,
    moments: Moments,
}

impl Photographed {
    fn remember(&self, length: u64) {
        if length > 0 {
            let length = usize::try_from(length).unwrap();
            self.moments.lock().unwrap_or_else(PoisonError::into_inner).push((length, self.stage.state()));
        }
    }
}

#[async_trait]
impl Log for Photographed {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        self.remember(expected.0);
        let appended = self.log.append(run, expected, event).await?;
        if let Appended::At(seq) = appended {
            self.remember(seq.0);
        }
        Ok(appended)
    }

    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError> {
        self.log.read(run).await
    }

    async fn runs(&self) -> Result<Vec<String>, LogError> {
        self.log.runs().await
    }
}
