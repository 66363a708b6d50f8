//! A log and functions that pass a gate, and the keeper that counts what passes.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use twinlake_base::{ErrorClass, Gate, GateDecision, Gatekeeper, Passage, Seam, Side};

use crate::{Appended, Event, Intercept, Interceptor, Log, LogError, Part, Recorded, Seq, StepError};

/// Something that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) what: String,
    pub(crate) after: bool,
    pub(crate) origin: Origin,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An append to the log.
    Append,
    /// A function of a step.
    Function,
    /// An effect of the world.
    Effect,
}

const APPEND: &str = "workflow: append ";
const FUNCTION: &str = "workflow: function ";

/// Counts what passes, and does one thing at one passage.
pub(crate) struct Keeper {
    passed: Mutex<Vec<Passed>>,
    at: Option<(usize, GateDecision)>,
}

impl Keeper {
    /// Lets everything pass.
    pub(crate) fn counting() -> Arc<Self> {
        Arc::new(Self { passed: Mutex::default(), at: None })
    }

    /// Does this at that passage, counted from 0.
    pub(crate) fn deciding(at: usize, decision: GateDecision) -> Arc<Self> {
        Arc::new(Self { passed: Mutex::default(), at: Some((at, decision)) })
    }

    /// A gate that this one keeps.
    pub(crate) fn gate(self: &Arc<Self>) -> Gate {
        Gate::kept_by(Arc::clone(self) as Arc<dyn Gatekeeper>)
    }

    /// What has passed, in order.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Gatekeeper for Keeper {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        let origin = match passage.what {
            what if what.starts_with(APPEND) => Origin::Append,
            what if what.starts_with(FUNCTION) => Origin::Function,
            _ => Origin::Effect,
        };
        let (what, after) = (passage.what.to_owned(), passage.side == Side::After);
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.push(Passed { what, after, origin });
        match self.at {
            Some((at, decision)) if at + 1 == passed.len() => decision,
            _ => GateDecision::Pass,
        }
    }
}

/// A log whose appends pass a gate.
pub(crate) struct GatedLog {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) gate: Gate,
}

#[async_trait]
impl Log for GatedLog {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        let what = format!("{APPEND}{} {}", expected.next(), event.name);
        let passage = |side| Passage { seam: Seam::State, side, what: &what };
        let lost = || Box::<dyn std::error::Error + Send + Sync>::from("lost by the rehearsal");
        if self.gate.ask(passage(Side::Before))? == GateDecision::Lose {
            return Err(LogError::Unavailable { run: run.to_owned(), source: lost() });
        }
        let appended = self.log.append(run, expected, event).await?;
        if self.gate.ask(passage(Side::After))? == GateDecision::Lose {
            return Err(LogError::Unknown { run: run.to_owned(), source: lost() });
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

/// Functions that pass a gate.
pub(crate) struct GatedFunctions(pub(crate) Gate);

impl Interceptor for GatedFunctions {
    fn before(&self, step: &str, part: Part) -> Intercept {
        self.ask(step, part, Side::Before)
    }

    fn after(&self, step: &str, part: Part) -> Intercept {
        self.ask(step, part, Side::After)
    }
}

impl GatedFunctions {
    fn ask(&self, step: &str, part: Part, side: Side) -> Intercept {
        let what = format!("{FUNCTION}{part:?} of {step}");
        match self.0.ask(Passage { seam: Seam::State, side, what: &what }) {
            Ok(GateDecision::Lose) => {
                Intercept::Fail(StepError::new(ErrorClass::Retryable, "lost by the rehearsal"))
            }
            Ok(_) => Intercept::Pass,
            Err(_) => Intercept::Crash,
        }
    }
}
