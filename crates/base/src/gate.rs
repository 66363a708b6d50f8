//! Where a simulation can crash, delay or lie.
//!
//! The house reaches the world through three seams: Databricks, object stores, the state store. Each asks its
//! [`Gate`] before and after every effect. In production the gate is open and costs nothing. In a test, a
//! [`Gatekeeper`] counts the passages and decides.
//!
//! A crash is a process that stops: once a gate has crashed, everything that reaches any seam through it
//! crashes too, so nothing written "after the crash" can leak into what the next process finds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A boundary to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Seam {
    /// A request to a workspace or account.
    Databricks,
    /// A request to an object store.
    Objects,
    /// A write to the state store.
    State,
}

/// On which side of the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Nothing has happened yet.
    Before,
    /// It has happened; the caller has not been told.
    After,
}

/// One thing that is about to happen, or has just happened.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// Which seam.
    pub seam: Seam,
    /// Before or after the effect.
    pub side: Side,
    /// What it is, for a person who reads the failing trace: `POST /api/2.2/jobs/create`.
    pub what: &'a str,
}

/// What a gatekeeper decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateDecision {
    /// Go on.
    Pass,
    /// Go on after a while.
    Delay(Duration),
    /// Before: it never left. After: it happened, and the answer is lost.
    Lose,
    /// The process ends here.
    Crash,
}

/// Decides at each passage. Implementations are tests' own.
pub trait Gatekeeper: Send + Sync {
    /// What happens at this passage.
    fn decide(&self, passage: Passage<'_>) -> GateDecision;
}

/// The process has ended, as far as the code beyond the gate is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process was stopped here by a test")]
pub struct Crashed;

/// The seam's side of a gatekeeper. Cheap to clone; clones crash together.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<Guarded>>);

struct Guarded {
    keeper: Arc<dyn Gatekeeper>,
    crashed: AtomicBool,
}

impl Gate {
    /// The gate of production: always open.
    #[must_use]
    pub const fn open() -> Self {
        Self(None)
    }

    /// A gate that asks.
    #[must_use]
    pub fn kept_by(keeper: Arc<dyn Gatekeeper>) -> Self {
        Self(Some(Arc::new(Guarded { keeper, crashed: AtomicBool::new(false) })))
    }

    /// Asks for passage. The seam acts on what comes back; waiting for a [`GateDecision::Delay`] is the seam's, too.
    ///
    /// # Errors
    /// [`Crashed`], from the first crash on.
    pub fn ask(&self, passage: Passage<'_>) -> Result<GateDecision, Crashed> {
        let Some(guarded) = &self.0 else { return Ok(GateDecision::Pass) };
        if guarded.crashed.load(Ordering::SeqCst) {
            return Err(Crashed);
        }
        match guarded.keeper.decide(passage) {
            GateDecision::Crash => {
                guarded.crashed.store(true, Ordering::SeqCst);
                Err(Crashed)
            }
            decision => Ok(decision),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Gate(kept)" } else { "Gate(open)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct CrashAt(std::sync::atomic::AtomicU64);

    impl Gatekeeper for CrashAt {
        fn decide(&self, _: Passage<'_>) -> GateDecision {
            if self.0.fetch_sub(1, Ordering::SeqCst) == 1 { GateDecision::Crash } else { GateDecision::Pass }
        }
    }

    #[test]
    fn after_a_crash_nothing_passes_any_clone() {
        let gate = Gate::kept_by(Arc::new(CrashAt(2.into())));
        let passage = Passage { seam: Seam::State, side: Side::Before, what: "put" };
        assert_eq!(gate.ask(passage), Ok(GateDecision::Pass));
        assert_eq!(gate.ask(passage), Err(Crashed));
        assert_eq!(gate.clone().ask(passage), Err(Crashed));
    }
}
