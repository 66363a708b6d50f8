//! What the engine does beyond what the suites hold every runbook to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::{Clock, Entropy, ErrorClass, Gate, Instant, Timestamp};

use super::toy::{RUNBOOK, Stage, Toy, World};
use crate::conformance::Scenario;
use crate::{
    Ask, Asks, Authority, Begin, Check, Deed, Ending, Engine, Happened, Intervention, Log, MemoryLog,
    Objectives, Patience, Progress, Refusal, Retries, RunBegan, RunEvent, RunState, Runbook, Status, Step,
    StepContext, StepError, StepState, Undo, Watch, Work, WorkflowError, intervene, next_step,
};

const RUN: &str = "toys-1";

struct House {
    log: MemoryLog,
    clock: Clock,
    world: World,
}

impl House {
    async fn new() -> Self {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let stage = Toy.stage(&clock).await;
        let world = Toy.open(&stage, &clock, &Gate::open()).await;
        Self { log: MemoryLog::default(), clock, world }
    }

    fn engine(&self) -> Engine {
        Engine::new(Arc::new(self.log.clone()), self.clock.clone(), Entropy::seeded(3), "test")
    }

    fn stage(&self) -> &Stage {
        &self.world.stage
    }

    async fn status(&self) -> Status {
        Status::replay(&self.log.read(RUN).await.unwrap()).unwrap()
    }

    async fn intervene(&self, by: &str, word: Intervention) -> Result<Status, WorkflowError> {
        intervene(Arc::new(self.log.clone()), &self.clock, RUN, by, word).await
    }

    async fn answer(&self, value: Value) -> Result<Status, WorkflowError> {
        self.intervene("ada", Intervention::Answer { step: "approve".to_owned(), value }).await
    }
}

fn begin() -> Begin {
    Begin {
        parameters: Toy.parameters(),
        actor: "ada".to_owned(),
        objectives: Objectives { rpo_seconds: None, rto_seconds: Some(900) },
        simulated: false,
    }
}

const fn step(work: &'static dyn Work<World>) -> Step<World> {
    Step {
        name: "only",
        title: "Only",
        does: "does one thing",
        phase: "only",
        undo: Undo::Reversible("nothing happens"),
        deadline: Duration::from_secs(5),
        retries: Retries::FEW,
        optional: false,
        work,
    }
}

const fn runbook(steps: &'static [Step<World>]) -> Runbook<World> {
    Runbook { name: "only", version: 1, title: "Only", steps }
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_an_answer_without_an_engine_and_goes_on_from_it() {
    let house = House::new().await;
    let ending = house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    assert!(matches!(ending, Ending::Waiting { ref step, .. } if step == "approve"), "{ending:?}");
    house.answer(json!(true)).await.unwrap();
    let ending = house.engine().resume(&RUNBOOK, &house.world, RUN, "ada").await.unwrap();
    assert_eq!(ending, Ending::Ended(crate::Outcome::Complete));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stays_finds_the_answer_by_itself() {
    let house = House::new().await;
    let patience = Patience::Stay { every: Duration::from_secs(2) };
    let engine = house.engine().with_patience(patience);
    let answers = async {
        house.clock.sleep(Duration::from_secs(60)).await;
        house.answer(json!(true)).await.unwrap();
    };
    let (ending, ()) = tokio::join!(engine.begin(&RUNBOOK, &house.world, RUN, begin()), answers);
    assert_eq!(ending.unwrap(), Ending::Ended(crate::Outcome::Complete));
    assert!(house.log.read(RUN).await.unwrap().iter().all(|event| event.event.name != "run.resumed"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_no_stops_the_run_before_anything_happened() {
    let house = House::new().await;
    let untouched = house.stage().state();
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    house.answer(json!(false)).await.unwrap();
    let ending = house.engine().resume(&RUNBOOK, &house.world, RUN, "ada").await.unwrap();
    let Ending::Stopped { step, why, hint } = ending else { panic!("{ending:?}") };
    assert_eq!((step.as_deref(), why.as_str()), (Some("approve"), "ada said no"));
    assert!(hint.is_some());
    assert_eq!(house.stage().state(), untouched);
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_what_was_not_asked_and_nothing_goes_on_after_an_abort() {
    let house = House::new().await;
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    let other = Intervention::Answer { step: "wake".to_owned(), value: json!(true) };
    assert!(matches!(house.intervene("ada", other).await, Err(WorkflowError::NotNow { .. })));
    let word = Intervention::Abort { reason: "not today".to_owned() };
    let status = house.intervene("ada", word).await.unwrap();
    assert_eq!(status.standing().count(), 0);
    assert!(matches!(house.answer(json!(true)).await, Err(WorkflowError::NotNow { .. })));
    let ending = house.engine().resume(&RUNBOOK, &house.world, RUN, "ada").await.unwrap();
    assert!(matches!(ending, Ending::Aborted { .. }), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_from_elsewhere_reaches_the_engine_before_its_next_act() {
    let house = House::new().await;
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    house.answer(json!(true)).await.unwrap();
    // While the engine lets things settle.
    let stops = async {
        house.clock.sleep(Duration::from_secs(30)).await;
        house.intervene("bob", Intervention::Stop).await.unwrap();
    };
    let engine = house.engine();
    let (ending, ()) = tokio::join!(engine.resume(&RUNBOOK, &house.world, RUN, "ada"), stops);
    let Ending::Stopped { why, .. } = ending.unwrap() else { panic!("it went on") };
    assert_eq!(why, "bob asked it to stop");
    assert!(house.stage().state().keys().all(|key| !key.starts_with("west/")));
}

#[tokio::test(start_paused = true)]
async fn an_optional_step_of_a_stopped_run_can_be_left_out_and_no_other() {
    let house = House::new().await;
    let word = |step: &str| Intervention::Skip { step: step.to_owned(), reason: "it is gone".to_owned() };
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    house.intervene("bob", Intervention::Stop).await.unwrap();
    assert!(matches!(house.intervene("bob", word("approve")).await, Err(WorkflowError::NotNow { .. })));
    house.answer(json!(true)).await.unwrap();
    let gone = Arc::new(Refuses("quiesce"));
    let engine = house.engine().permitted_by(gone);
    let ending = engine.resume(&RUNBOOK, &house.world, RUN, "bob").await.unwrap();
    assert!(
        matches!(ending, Ending::Stopped { step: Some(ref step), .. } if step == "quiesce"),
        "{ending:?}"
    );
    house.intervene("bob", word("quiesce")).await.unwrap();
    let ending = house.engine().resume(&RUNBOOK, &house.world, RUN, "bob").await.unwrap();
    let missing = vec!["quiesce".to_owned()];
    assert_eq!(ending, Ending::Ended(crate::Outcome::Incomplete { missing }));
}

#[tokio::test(start_paused = true)]
async fn without_the_right_nothing_is_logged_and_a_right_that_is_lost_stops_the_run() {
    let house = House::new().await;
    let engine = house.engine().permitted_by(Arc::new(Refuses("")));
    let ending = engine.begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    assert!(matches!(ending, Ending::Refused(_)), "{ending:?}");
    assert_eq!(house.log.read(RUN).await.unwrap(), []);

    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    house.answer(json!(true)).await.unwrap();
    let engine = house.engine().permitted_by(Arc::new(Refuses("number")));
    let ending = engine.resume(&RUNBOOK, &house.world, RUN, "ada").await.unwrap();
    assert!(matches!(ending, Ending::Stopped { step: Some(ref step), .. } if step == "number"), "{ending:?}");
    let status = house.status().await;
    assert_eq!(status.step("number").unwrap().attempts, 0, "no act was announced");
}

/// Refuses one step, or with an empty name everything.
struct Refuses(&'static str);

impl Authority for Refuses {
    fn allow(&self, deed: Deed<'_>, _: Instant) -> Result<(), Refusal> {
        if self.0.is_empty() || deed == Deed::Act(self.0) {
            return Err(Refusal { reason: "the lease has ended".to_owned(), hint: None });
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_hangs_is_cut_off_at_its_deadline_tried_again_and_stops_the_run() {
    const STEPS: &[Step<World>] = &[step(&Hangs)];
    let house = House::new().await;
    let began = house.clock.now();
    let ending = house.engine().begin(&runbook(STEPS), &house.world, RUN, begin()).await.unwrap();
    let Ending::Stopped { why, .. } = ending else { panic!("{ending:?}") };
    assert_eq!(why, "it was not done within 5 seconds");
    assert_eq!(house.status().await.step("only").unwrap().attempts, Retries::FEW.attempts);
    // Five attempts of five seconds, and the delays of 1, 2, 4 and 8 between them.
    assert_eq!(house.clock.now().duration_since(began).as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_stop_gives_the_act_a_while_and_then_cuts_it_off() {
    const STEPS: &[Step<World>] = &[step(&Hangs)];
    let house = House::new().await;
    let asks = Asks::default();
    asks.ask(Ask::Stop { by: "Ctrl-C".to_owned() });
    let engine = house.engine().asked_through(asks, Duration::from_secs(1));
    let ending = engine.begin(&runbook(STEPS), &house.world, RUN, begin()).await.unwrap();
    assert!(matches!(ending, Ending::Stopped { ref why, .. } if why.contains("Ctrl-C")), "{ending:?}");
    assert_eq!(house.status().await.step("only").unwrap().attempts, 0, "no step begins after the wish");

    let asks = Asks::default();
    let engine = house.engine().asked_through(asks.clone(), Duration::from_secs(1));
    let wishes = async {
        house.clock.sleep(Duration::from_secs(2)).await;
        asks.ask(Ask::Abort { by: "ada".to_owned(), reason: "enough".to_owned() });
    };
    let began = house.clock.now();
    let book = runbook(STEPS);
    let (ending, ()) = tokio::join!(engine.resume(&book, &house.world, RUN, "ada"), wishes);
    assert!(matches!(ending.unwrap(), Ending::Aborted { .. }));
    assert_eq!(house.clock.now().duration_since(began).as_secs(), 3);
    let status = house.status().await;
    assert_eq!(status.standing().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["only"]);
}

struct Hangs;

#[async_trait]
impl Work<World> for Hangs {
    async fn check(&self, _: &World, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Act)
    }

    async fn act(&self, _: &World, _: &StepContext) -> Result<(), StepError> {
        std::future::pending().await
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({}))
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_waits_for_the_past_is_a_bug_and_no_endless_loop() {
    const STEPS: &[Step<World>] = &[step(&WaitsForThePast)];
    let house = House::new().await;
    let ending = house.engine().begin(&runbook(STEPS), &house.world, RUN, begin()).await.unwrap();
    assert!(matches!(ending, Ending::Stopped { .. }), "{ending:?}");
    let status = house.status().await;
    let state = &status.step("only").unwrap().state;
    assert!(matches!(state, StepState::Failed { class: ErrorClass::Bug, .. }), "{state:?}");
}

struct WaitsForThePast;

#[async_trait]
impl Work<World> for WaitsForThePast {
    async fn check(&self, _: &World, _: &StepContext) -> Result<Check, StepError> {
        let why = "of a mistake".to_owned();
        Ok(Check::Wait(crate::Wait::Until { at: Timestamp::UNIX_EPOCH, why }))
    }

    async fn act(&self, _: &World, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }

    async fn confirm(&self, _: &World, _: &StepContext) -> Result<Value, StepError> {
        Ok(json!({}))
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_is_only_gone_on_with_by_the_runbook_that_began_it() {
    let house = House::new().await;
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    let newer = Runbook { version: 2, ..RUNBOOK };
    let refused = house.engine().resume(&newer, &house.world, RUN, "ada").await.unwrap_err();
    assert!(refused.to_string().contains("version 1 of toy-move"), "{refused}");
    assert_eq!(house.status().await.last.0, 2, "nothing was appended");
    let next = next_step(&newer, &house.status().await, house.clock.now());
    assert!(matches!(next, crate::Next::Stop { .. }), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_a_run_has_is_not_given_to_another_and_an_unknown_one_is_said_so() {
    let house = House::new().await;
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    let again = house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    assert_eq!(again, Ending::Superseded);
    let unknown = house.engine().resume(&RUNBOOK, &house.world, "toys-2", "ada").await;
    assert!(matches!(unknown, Err(WorkflowError::NoSuchRun { .. })));
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_sees_each_event_and_the_time_against_the_objective() {
    let house = House::new().await;
    let seen = Arc::new(Seen::default());
    house.engine().begin(&RUNBOOK, &house.world, RUN, begin()).await.unwrap();
    house.answer(json!(true)).await.unwrap();
    let engine = house.engine().watched_by(Arc::clone(&seen) as Arc<dyn Watch>);
    engine.resume(&RUNBOOK, &house.world, RUN, "ada").await.unwrap();
    let seen = seen.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let logged = seen.iter().filter(|progress| matches!(progress.happened, Happened::Logged(_))).count();
    // All but the beginning, the question and the answer, which were before.
    assert_eq!(logged, house.log.read(RUN).await.unwrap().len() - 3);
    assert!(seen.iter().any(|progress| matches!(progress.happened, Happened::Further { done: 2, .. })));
    let last = seen.last().unwrap();
    assert!(matches!(last.happened, Happened::Logged(RunEvent::RunEnded { .. })));
    assert_eq!(last.rto_left().unwrap().as_secs(), 300);
}

#[derive(Default)]
struct Seen(Mutex<Vec<Progress>>);

impl Watch for Seen {
    fn see(&self, progress: Progress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
    }
}

#[test]
fn the_outline_that_is_approved_is_the_one_on_record() {
    let began = RunBegan {
        runbook: RUNBOOK.name.to_owned(),
        version: RUNBOOK.version,
        outline: RUNBOOK.outline(),
        parameters: json!({}),
        actor: "ada".to_owned(),
        objectives: Objectives::default(),
        simulated: false,
    };
    assert_eq!(RUNBOOK.disagrees_with(&began), None);
    let forward = began.outline.iter().find(|step| step.name == "wake").unwrap();
    assert_eq!(forward.undo.to_string(), "point of no return");
    let outline = began.outline.into_iter().rev().collect();
    assert!(RUNBOOK.disagrees_with(&RunBegan { outline, ..began }).is_some());
}

#[test]
fn a_run_can_be_driven_by_any_thread() {
    fn sends<T: Send>(_: &T) {}
    let log: Arc<dyn Log> = Arc::new(MemoryLog::default());
    let engine = Engine::new(log, Clock::system(), Entropy::seeded(1), "test");
    let world = World { stage: Stage::default(), gate: Gate::open() };
    sends(&engine.begin(&RUNBOOK, &world, RUN, begin()));
    sends(&engine.resume(&RUNBOOK, &world, RUN, "ada"));
}

#[tokio::test(start_paused = true)]
async fn a_resumption_counts_attempts_anew_and_tries_at_once() {
    const STEPS: &[Step<World>] = &[step(&Hangs)];
    let house = House::new().await;
    house.engine().begin(&runbook(STEPS), &house.world, RUN, begin()).await.unwrap();
    let stopped = house.status().await;
    assert!(matches!(stopped.state, RunState::Stopped { .. }));
    let resumed_at = house.clock.now();
    house.engine().resume(&runbook(STEPS), &house.world, RUN, "ada").await.unwrap();
    assert_eq!(house.status().await.step("only").unwrap().attempts, 2 * Retries::FEW.attempts);
    assert_eq!(house.clock.now().duration_since(resumed_at).as_secs(), 40);
}
