//! Of two who drive one run, one acts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Barrier, Notify};
use twinlake_base::{GateDecision, Instant};

use super::Scenario;
use super::gated::{Keeper, Origin};
use super::rehearsal::{Process, Rehearsal, undisturbed};
use crate::{
    Appended, Authority, Deed, Ending, Event, Intercept, Interceptor, Log, LogError, Part, Recorded, Refusal,
    Seq,
};

/// Holds a runbook, and the engine beneath it, to one driver at a time. For each end that its log ever had:
///
/// - *two begin*: a process ended there; two others load the same end and go on side by side. Exactly one goes on, and
///   the other leaves without an act;
/// - *one stalls, with a lease*: an engine stalls right after the append that made that end; another one gets the right
///   to act, takes over and ends the run; the first wakes up. It neither acts nor appends any more, although its last
///   append may have announced an act;
/// - *one stalls, without*: the same without any right to lose, at each end that announces no act: the log alone stops
///   the first engine, because an act needs an append first.
///
/// In each, no step is acted on more often than the log announced, and the run ends as an undisturbed one.
///
/// Complete for the order of appends, because engines meet nowhere else than at the log; that a lease ends before the
/// next one begins is the lease's own promise.
///
/// # Panics
/// A promise is broken.
pub async fn two_engines_act_once<S: Scenario>(scenario: &S) {
    let expected = undisturbed(scenario).await;
    let counting = Keeper::counting();
    let rehearsal = Rehearsal::new(scenario).await;
    rehearsal.go(rehearsal.gated(counting.gate())).await.expect("counting disturbs nothing");
    let passed = counting.passed();
    let is_an_end = |at: &usize| passed[*at].origin == Origin::Append && passed[*at].after;

    two_go_on(scenario, &expected, None).await;
    for (number, at) in (0..passed.len()).filter(is_an_end).enumerate() {
        two_go_on(scenario, &expected, Some(at)).await;
        // What a step notes may announce an effect within its act.
        let what = &passed[at].what;
        let announces_an_act = what.ends_with(" step.began") || what.ends_with(" step.noted");
        for leased in [true, false] {
            if leased || !announces_an_act {
                one_stalls(scenario, &expected, number + 1, leased).await;
            }
        }
    }
}

async fn two_go_on<S: Scenario>(scenario: &S, expected: &S::End, crash_at: Option<usize>) {
    let rehearsal = Rehearsal::new(scenario).await;
    let acts = Acts::default();
    if let Some(at) = crash_at {
        let gate = Keeper::deciding(at, GateDecision::Crash).gate();
        let process = Process { interceptor: Some(acts.clone().boxed()), ..rehearsal.gated(gate) };
        let _ = rehearsal.go(process).await.expect_err("the process crashes");
    }
    let over = !rehearsal.events().await.is_empty() && rehearsal.status().await.is_over();
    let (one, other) = (Acts::default(), Acts::default());
    let barrier = Arc::new(Barrier::new(2));
    let racer = |acts: &Acts| {
        let log = TogetherLog {
            log: rehearsal.healthy().log,
            barrier: Arc::clone(&barrier),
            begins: crash_at.is_none(),
            met: AtomicBool::new(false),
        };
        Process { log: Arc::new(log), interceptor: Some(acts.clone().boxed()), ..rehearsal.healthy() }
    };
    let described = format!("two engines that go on after passage {crash_at:?}");
    let endings = tokio::join!(rehearsal.go(racer(&one)), rehearsal.go(racer(&other)));
    let endings = [(endings.0.unwrap(), one.total()), (endings.1.unwrap(), other.total())];
    let lost = endings.iter().filter(|(ending, acts)| *ending == Ending::Superseded && *acts == 0).count();
    assert_eq!(lost, usize::from(!over), "{described}: {endings:?}");
    if !over {
        rehearsal.ends_like(expected, &described).await;
    }
    holds_the_log_against(&rehearsal, &[&acts, &one, &other], &described).await;
}

async fn one_stalls<S: Scenario>(scenario: &S, expected: &S::End, append: usize, leased: bool) {
    let rehearsal = Rehearsal::new(scenario).await;
    let (first, second) = (Acts::default(), Acts::default());
    let holder = Arc::new(AtomicU64::new(1));
    let turn = |number| -> Option<Arc<dyn Authority>> {
        leased.then(|| Arc::new(Turn { number, holder: Arc::clone(&holder) }) as Arc<dyn Authority>)
    };
    let stall = Arc::new(Stall::default());
    let log = StallingLog {
        log: rehearsal.healthy().log,
        stall: Arc::clone(&stall),
        left: AtomicU64::new(append as u64),
    };
    let stalls = Process {
        log: Arc::new(log),
        interceptor: Some(first.clone().boxed()),
        authority: turn(1),
        ..rehearsal.healthy()
    };
    let takes_over = async {
        stall.reached.notified().await;
        holder.store(2, Ordering::SeqCst);
        let process =
            Process { interceptor: Some(second.clone().boxed()), authority: turn(2), ..rehearsal.healthy() };
        rehearsal.go(process).await.unwrap();
        let before = (rehearsal.events().await, first.total());
        stall.over.notify_one();
        before
    };
    let (woken, before) = tokio::join!(rehearsal.go(stalls), takes_over);
    let described = format!("an engine that stalls after event {append}, with a lease: {leased}");
    let after = (rehearsal.events().await, first.total());
    assert_eq!(before.0, after.0, "{described}: what it appended after it woke up as {woken:?}");
    assert_eq!(before.1, after.1, "{described}: acts after it woke up");
    rehearsal.ends_like(expected, &described).await;
    holds_the_log_against(&rehearsal, &[&first, &second], &described).await;
}

/// No step was acted on more often than was announced.
async fn holds_the_log_against<S: Scenario>(rehearsal: &Rehearsal<'_, S>, acts: &[&Acts], described: &str) {
    let events = rehearsal.events().await;
    for step in rehearsal.scenario.runbook().steps {
        let announced = events
            .iter()
            .filter(|recorded| {
                recorded.event.name == "step.began" && recorded.event.detail["step"] == step.name
            })
            .count();
        let acted: usize = acts.iter().map(|acts| acts.of(step.name)).sum();
        assert!(acted <= announced, "{described}: step {} acted {acted} times of {announced}", step.name);
    }
}

/// Counts one engine's acts.
#[derive(Clone, Default)]
struct Acts(Arc<Mutex<BTreeMap<String, usize>>>);

impl Acts {
    fn boxed(self) -> Arc<dyn Interceptor> {
        Arc::new(self)
    }

    fn of(&self, step: &str) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(step).copied().unwrap_or(0)
    }

    fn total(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Interceptor for Acts {
    fn before(&self, step: &str, part: Part) -> Intercept {
        if part == Part::Act {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(step.to_owned()).or_default() += 1;
        }
        Intercept::Pass
    }

    fn after(&self, _: &str, _: Part) -> Intercept {
        Intercept::Pass
    }
}

/// A right that ends when somebody else gets it.
struct Turn {
    number: u64,
    holder: Arc<AtomicU64>,
}

impl Authority for Turn {
    fn allow(&self, _: Deed<'_>, _: Instant) -> Result<(), Refusal> {
        if self.holder.load(Ordering::SeqCst) == self.number {
            return Ok(());
        }
        Err(Refusal { reason: "somebody else has the right".to_owned(), hint: None })
    }
}

/// A log that two engines find at the same end: they wait for each other after their first read or, where the run is yet
/// to begin, before their first append.
struct TogetherLog {
    log: Arc<dyn Log>,
    barrier: Arc<Barrier>,
    begins: bool,
    met: AtomicBool,
}

impl TogetherLog {
    async fn meet(&self) {
        if !self.met.swap(true, Ordering::SeqCst) {
            self.barrier.wait().await;
        }
    }
}

#[async_trait]
impl Log for TogetherLog {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        if self.begins {
            self.meet().await;
        }
        self.log.append(run, expected, event).await
    }

    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError> {
        let events = self.log.read(run).await;
        if !self.begins {
            self.meet().await;
        }
        events
    }

    async fn runs(&self) -> Result<Vec<String>, LogError> {
        self.log.runs().await
    }
}

#[derive(Default)]
struct Stall {
    reached: Notify,
    over: Notify,
}

/// A log whose nth successful append returns late.
struct StallingLog {
    log: Arc<dyn Log>,
    stall: Arc<Stall>,
    left: AtomicU64,
}

#[async_trait]
impl Log for StallingLog {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        let appended = self.log.append(run, expected, event).await?;
        if matches!(appended, Appended::At(_)) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.stall.reached.notify_one();
            self.stall.over.notified().await;
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
