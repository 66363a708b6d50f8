//! The suites hold on the toy, and fail on runbooks that break a promise.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::{Clock, Gate};

use super::toy::{Stage, Toy, World};
use crate::conformance::{self, Scenario};
use crate::{Check, Retries, Runbook, Step, StepContext, StepError, Undo, Work};

#[tokio::test(start_paused = true)]
async fn the_toy_succeeds() {
    conformance::succeeds(&Toy).await;
}

#[tokio::test(start_paused = true)]
async fn the_toy_stops_resumable_whatever_fails() {
    conformance::stops_resumable(&Toy).await;
}

#[tokio::test(start_paused = true)]
async fn each_step_of_the_toy_twice_is_once() {
    conformance::twice_is_once(&Toy).await;
}

#[tokio::test(start_paused = true)]
async fn the_toy_survives_a_crash_anywhere() {
    conformance::survives_crashes(&Toy, usize::MAX).await;
}

#[tokio::test(start_paused = true)]
async fn the_toy_survives_a_lost_answer_anywhere() {
    conformance::survives_lost_answers(&Toy, usize::MAX).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_engines_with_the_toy_one_acts() {
    conformance::two_engines_act_once(&Toy).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a second Act of count")]
async fn a_step_that_counts_each_call_is_found_out() {
    const STEPS: &[Step<World>] = &[step("count", &Careless { looks: true })];
    conformance::twice_is_once(&Broken::of(STEPS)).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the run ended elsewhere, disturbed by Crash")]
async fn a_step_whose_check_does_not_look_is_found_out() {
    const STEPS: &[Step<World>] = &[step("count", &Careless { looks: false })];
    conformance::survives_crashes(&Broken::of(STEPS), usize::MAX).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "two steps are called count")]
async fn a_table_with_a_name_twice_is_found_out() {
    const STEPS: &[Step<World>] =
        &[step("count", &Careless { looks: true }), step("count", &Careless { looks: true })];
    conformance::succeeds(&Broken::of(STEPS)).await;
}

const fn step(name: &'static str, work: &'static dyn Work<World>) -> Step<World> {
    Step {
        name,
        title: "Count",
        does: "counts up by one",
        phase: "count",
        undo: Undo::Forward("what was counted was counted"),
        deadline: Duration::from_secs(1),
        retries: Retries::NONE,
        optional: false,
        work,
    }
}

/// Counts up whenever it is called.
struct Careless {
    looks: bool,
}

#[async_trait]
impl Work<World> for Careless {
    async fn check(&self, world: &World, _: &StepContext) -> Result<Check, StepError> {
        let counted = self.looks && world.stage.state().contains_key("count");
        Ok(if counted { Check::Already("it was counted".to_owned()) } else { Check::Act })
    }

    async fn act(&self, world: &World, _: &StepContext) -> Result<(), StepError> {
        world.change("count", |count| count + 1)
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({}))
    }
}

/// A runbook that breaks a promise, on an empty stage.
struct Broken(Runbook<World>);

impl Broken {
    fn of(steps: &'static [Step<World>]) -> Self {
        Self(Runbook { name: "broken", version: 1, title: "Broken", steps })
    }
}

#[async_trait]
impl Scenario for Broken {
    type World = World;
    type Stage = Stage;
    type End = BTreeMap<String, u64>;

    fn runbook(&self) -> &Runbook<World> {
        &self.0
    }

    fn parameters(&self) -> Value {
        json!({})
    }

    async fn stage(&self, _: &Clock) -> Stage {
        Stage::default()
    }

    async fn open(&self, stage: &Stage, clock: &Clock, gate: &Gate) -> World {
        Toy.open(stage, clock, gate).await
    }

    async fn end_state(&self, stage: &Stage) -> Self::End {
        stage.state()
    }

    fn same_end_state(&self, expected: &Self::End, found: &Self::End) -> Result<(), String> {
        Toy.same_end_state(expected, found)
    }
}
