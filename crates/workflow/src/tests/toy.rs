//! A small move between two places: a step of every sort, in a world that is a map.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::ToSpan;
use serde::Deserialize;
use serde_json::{Value, json};
use twinlake_base::{Clock, ErrorClass, Gate, GateDecision, Passage, Seam, Side};

use crate::conformance::Scenario;
use crate::{
    Check, Figure, Note, Outcome, Retries, Runbook, Step, StepContext, StepError, StepState, Undo, Wait, Work,
};

/// What stays when a process dies. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage(Arc<Mutex<BTreeMap<String, u64>>>);

impl Stage {
    pub(super) fn state(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn of(state: BTreeMap<String, u64>) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }
}

/// One process's side of the stage.
pub(super) struct World {
    pub(super) stage: Stage,
    pub(super) gate: Gate,
}

impl World {
    fn get(&self, key: &str) -> u64 {
        self.stage.state().get(key).copied().unwrap_or(0)
    }

    /// One effect, which the gate may crash, lose, or keep quiet about.
    pub(super) fn change(&self, key: &str, change: impl FnOnce(u64) -> u64) -> Result<(), StepError> {
        let lost = || StepError::new(ErrorClass::Retryable, format!("no answer about {key}"));
        let ask = |side| {
            self.gate
                .ask(Passage { seam: Seam::Databricks, side, what: key })
                .map_err(|crashed| StepError::caused_by(ErrorClass::Bug, &crashed))
        };
        if ask(Side::Before)? == GateDecision::Lose {
            return Err(lost());
        }
        let mut state = self.stage.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = state.get(key).copied().unwrap_or(0);
        state.insert(key.to_owned(), change(value));
        drop(state);
        if ask(Side::After)? == GateDecision::Lose {
            return Err(lost());
        }
        Ok(())
    }
}

const ITEMS: [&str; 3] = ["loads", "reports", "alerts"];

#[derive(Deserialize)]
struct Params {
    items: Vec<String>,
}

pub(super) const RUNBOOK: Runbook<World> = Runbook {
    name: "toy-move",
    version: 1,
    title: "Move the toys",
    steps: &[
        Step {
            name: "approve",
            title: "Approve the move",
            does: "asks somebody",
            phase: "prepare",
            undo: Undo::Reversible("nothing has happened yet"),
            deadline: Duration::from_secs(10),
            retries: Retries::NONE,
            optional: false,
            work: &Approve,
        },
        Step {
            name: "number",
            title: "Take the next number",
            does: "counts up",
            phase: "prepare",
            undo: Undo::Forward("numbers only go up; a higher one is harmless"),
            deadline: Duration::from_secs(10),
            retries: Retries::FEW,
            optional: false,
            work: &Number,
        },
        Step {
            name: "quiesce",
            title: "Put the east to sleep",
            does: "lets every item in the east sleep",
            phase: "move",
            undo: Undo::Reversible("wake them again"),
            deadline: Duration::from_secs(30),
            retries: Retries::FEW,
            optional: true,
            work: &Quiesce,
        },
        Step {
            name: "settle",
            title: "Let things settle",
            does: "waits until ten minutes after the beginning",
            phase: "move",
            undo: Undo::Reversible("it only waits"),
            deadline: Duration::from_secs(30),
            retries: Retries::NONE,
            optional: false,
            work: &Settle,
        },
        Step {
            name: "trim",
            title: "Trim what is torn",
            does: "trims, where there is anything torn",
            phase: "move",
            undo: Undo::UntilFirstWrite("put back what was trimmed"),
            deadline: Duration::from_secs(30),
            retries: Retries::NONE,
            optional: false,
            work: &Trim,
        },
        Step {
            name: "wake",
            title: "Wake the west",
            does: "starts every item in the west, once",
            phase: "wake",
            undo: Undo::Forward("what has started keeps running; moving back handles it"),
            deadline: Duration::from_secs(60),
            retries: Retries::FEW,
            optional: false,
            work: &Wake,
        },
        Step {
            name: "announce",
            title: "Announce the move",
            does: "tells everybody",
            phase: "wake",
            undo: Undo::Forward("what was said was said"),
            deadline: Duration::from_secs(10),
            retries: Retries::NONE,
            optional: true,
            work: &Announce,
        },
    ],
};

struct Approve;

#[async_trait]
impl Work<World> for Approve {
    async fn check(&self, _: &World, context: &StepContext) -> Result<Check, StepError> {
        Ok(match context.answers().last() {
            None => {
                let question = "May the toys be moved?".to_owned();
                Check::Wait(Wait::Answer { question, about: json!({ "toys": ITEMS.len() }) })
            }
            Some(answer) if answer.value == json!(true) => Check::Act,
            Some(answer) => Check::Refuse {
                reason: format!("{} said no", answer.by),
                hint: Some("ask again with a new run".to_owned()),
            },
        })
    }

    async fn act(&self, _: &World, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }

    async fn confirm(&self, _: &World, context: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "by": context.answers().last().map(|answer| answer.by.clone()) }))
    }
}

struct Number;

#[async_trait]
impl Work<World> for Number {
    async fn check(&self, world: &World, context: &StepContext) -> Result<Check, StepError> {
        let chosen: Option<u64> = context.fact("number")?;
        let taken = chosen.is_some_and(|number| world.get("number") == number);
        Ok(if taken { Check::Already("the number is taken".to_owned()) } else { Check::Act })
    }

    async fn act(&self, world: &World, context: &StepContext) -> Result<(), StepError> {
        let number = match context.fact("number")? {
            Some(number) => number,
            None => {
                let number = world.get("number") + 1;
                context.record("number", json!(number)).await?;
                number
            }
        };
        world.change("number", |_| number)
    }

    async fn confirm(&self, world: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "number": world.get("number") }))
    }
}

struct Quiesce;

#[async_trait]
impl Work<World> for Quiesce {
    async fn check(&self, world: &World, context: &StepContext) -> Result<Check, StepError> {
        let items = context.parameters::<Params>()?.items;
        let asleep = items.iter().all(|item| world.get(&format!("east/{item}/awake")) == 0);
        Ok(if asleep { Check::Already("all sleep".to_owned()) } else { Check::Act })
    }

    async fn act(&self, world: &World, context: &StepContext) -> Result<(), StepError> {
        let items = context.parameters::<Params>()?.items;
        for (index, item) in items.iter().enumerate() {
            context.may_act(context.deadline())?;
            world.change(&format!("east/{item}/awake"), |_| 0)?;
            context.further("items asleep", index as u64 + 1, Some(items.len() as u64));
        }
        Ok(())
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "asleep": true }))
    }
}

struct Settle;

#[async_trait]
impl Work<World> for Settle {
    async fn check(&self, _: &World, context: &StepContext) -> Result<Check, StepError> {
        let at = context.status().began_at + 600.seconds();
        if context.clock().now() < at {
            return Ok(Check::Wait(Wait::Until { at, why: "caches live for ten minutes".to_owned() }));
        }
        Ok(Check::Already("ten minutes are over".to_owned()))
    }

    async fn act(&self, _: &World, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({}))
    }
}

struct Trim;

#[async_trait]
impl Work<World> for Trim {
    async fn check(&self, _: &World, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Skip("nothing is torn".to_owned()))
    }

    async fn act(&self, world: &World, _: &StepContext) -> Result<(), StepError> {
        world.change("trimmed", |_| 1)
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({}))
    }
}

struct Wake;

#[async_trait]
impl Work<World> for Wake {
    async fn check(&self, world: &World, context: &StepContext) -> Result<Check, StepError> {
        let items = context.parameters::<Params>()?.items;
        let awake = items.iter().all(|item| world.get(&format!("west/{item}/starts")) > 0);
        Ok(if awake { Check::Already("all are awake".to_owned()) } else { Check::Act })
    }

    async fn act(&self, world: &World, context: &StepContext) -> Result<(), StepError> {
        let items = context.parameters::<Params>()?.items;
        for item in &items {
            let starts = format!("west/{item}/starts");
            if world.get(&starts) == 0 {
                context.may_act(context.deadline())?;
                world.change(&starts, |starts| starts + 1)?;
            }
        }
        let (what, done) = ("items awake".to_owned(), items.len() as u64);
        context.note(Note::Progress { what, done, of: Some(done) }).await
    }

    async fn confirm(&self, world: &World, context: &StepContext) -> Result<Value, StepError> {
        let taken = context.clock().now().duration_since(context.status().began_at);
        context.measure(Figure::seconds(Figure::RTO, taken.as_secs_f64())).await?;
        let number: Option<Value> = context.evidence("number")?;
        let settled = context.status().step("number").map(|step| &step.state);
        assert!(matches!(settled, Some(StepState::Done { .. })), "earlier steps are settled");
        Ok(json!({ "starts": ITEMS.map(|item| world.get(&format!("west/{item}/starts"))), "under": number }))
    }
}

struct Announce;

#[async_trait]
impl Work<World> for Announce {
    async fn check(&self, world: &World, _: &StepContext) -> Result<Check, StepError> {
        let said = world.get("announced") > 0;
        Ok(if said { Check::Already("it was announced".to_owned()) } else { Check::Act })
    }

    async fn act(&self, world: &World, _: &StepContext) -> Result<(), StepError> {
        world.change("announced", |_| 1)
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({}))
    }
}

/// The toy on its stage.
pub(super) struct Toy;

#[async_trait]
impl Scenario for Toy {
    type World = World;
    type Stage = Stage;
    type End = BTreeMap<String, u64>;

    fn runbook(&self) -> &Runbook<World> {
        &RUNBOOK
    }

    fn parameters(&self) -> Value {
        json!({ "items": ITEMS })
    }

    async fn stage(&self, _: &Clock) -> Stage {
        Stage::of(ITEMS.iter().map(|item| (format!("east/{item}/awake"), 1)).collect())
    }

    async fn open(&self, stage: &Stage, _: &Clock, gate: &Gate) -> World {
        World { stage: stage.clone(), gate: gate.clone() }
    }

    fn outcome(&self) -> Outcome {
        Outcome::Complete
    }

    async fn end_state(&self, stage: &Stage) -> Self::End {
        stage.state()
    }

    fn same_end_state(&self, expected: &Self::End, found: &Self::End) -> Result<(), String> {
        if expected == found { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
    }
}
