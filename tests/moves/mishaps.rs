//! What goes wrong in the middle of a move, at a moment that a test names.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use twinlake_base::{Gate, GateDecision, Gatekeeper, Passage, Seam, Side};
use twinlake_controller::{
    Consent, ControllerError, House, Moved, News, Observer, RUNBOOKS, Stop, Wish, begin, propose,
};
use twinlake_workflow::{Happened, RunEvent};

/// The steps of a runbook, in order.
pub(super) fn steps_of(runbook: &str) -> Vec<&'static str> {
    let runbook = RUNBOOKS.iter().find(|row| row.name == runbook).unwrap();
    runbook.steps.iter().map(|step| step.name).collect()
}

/// Does something once, as soon as a run has come to a step, and so many things have happened in it.
pub(super) struct AtStep {
    step: String,
    happened: u64,
    seen: AtomicU64,
    inside: AtomicBool,
    act: Mutex<Option<Act>>,
}

type Act = Box<dyn FnOnce() + Send>;

impl AtStep {
    pub(super) fn new(step: &str, happened: u64, act: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            step: step.to_owned(),
            happened,
            seen: AtomicU64::new(0),
            inside: AtomicBool::new(false),
            act: Mutex::new(Some(Box::new(act))),
        })
    }

    /// Whether it was done.
    pub(super) fn is_done(&self) -> bool {
        self.act.lock().unwrap().is_none()
    }
}

impl Observer for AtStep {
    fn see(&self, news: News) {
        match news {
            News::Run { progress, .. } => match progress.happened {
                Happened::Logged(RunEvent::StepBegan { step, .. } | RunEvent::StepSkipped { step, .. })
                    if step == self.step =>
                {
                    self.inside.store(true, Ordering::SeqCst);
                }
                Happened::Logged(RunEvent::StepDone { step, .. } | RunEvent::StepFailed { step, .. })
                    if step == self.step =>
                {
                    self.inside.store(false, Ordering::SeqCst);
                }
                _ => {}
            },
            News::Cycle(_) if self.inside.load(Ordering::SeqCst) => {
                self.seen.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
        if self.inside.load(Ordering::SeqCst) && self.seen.load(Ordering::SeqCst) >= self.happened {
            let act = self.act.lock().unwrap().take();
            if let Some(act) = act {
                act();
            }
        }
    }
}

/// Proposes and begins what is wished, watched by `observer`.
pub(super) async fn run_watched(house: &House, wish: &Wish, observer: Arc<dyn Observer>) -> Moved {
    try_run_watched(house, wish, observer).await.unwrap_or_else(|error| panic!("{}: {error}", wish.runbook))
}

/// The same, where it may be refused.
pub(super) async fn try_run_watched(
    house: &House,
    wish: &Wish,
    observer: Arc<dyn Observer>,
) -> Result<Moved, ControllerError> {
    let proposal = propose(house, wish).await?;
    let consent = Consent { by: "anna".to_owned(), yes: true, ..Consent::default() };
    begin(house, wish, &proposal, &consent, &Stop::new(), observer).await
}

/// What a site needs to be taken down or brought back from inside an observer.
pub(super) fn region_of(site: &str) -> &'static str {
    match site {
        "east" => "us-east-1",
        "west" => "us-west-2",
        _ => "eu-north-1",
    }
}

/// Keeps the gate of the witness alone: its requests are lost, or their answers, as long as somebody says so.
#[derive(Default)]
pub(super) struct WitnessKeeper {
    /// Nothing reaches it.
    pub(super) gone: AtomicBool,
    /// The answer to the put of this number is lost, from 1.
    pub(super) loses_answer_of: AtomicU64,
    puts: AtomicU64,
}

impl WitnessKeeper {
    pub(super) fn gate(self: &Arc<Self>) -> Gate {
        Gate::kept_by(Arc::clone(self) as Arc<dyn Gatekeeper>)
    }
}

impl Gatekeeper for WitnessKeeper {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        if passage.seam != Seam::Objects || !passage.what.contains("lease") {
            return GateDecision::Pass;
        }
        if self.gone.load(Ordering::SeqCst) {
            return GateDecision::Lose;
        }
        if passage.side == Side::After && passage.what.starts_with("PUT") {
            let number = self.puts.fetch_add(1, Ordering::SeqCst) + 1;
            if number == self.loses_answer_of.load(Ordering::SeqCst) {
                return GateDecision::Lose;
            }
        }
        GateDecision::Pass
    }
}
