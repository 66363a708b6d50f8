//! Where a test can fail, repeat or crash a step's functions.
//!
//! What [`Gate`](twinlake_base::Gate) is at the seams to the world, this is between the engine and its steps. In
//! production there is none.

use crate::{Part, StepError};

/// What happens before or after a function of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intercept {
    /// Nothing.
    Pass,
    /// It fails: before it, nothing happened; after it, it did and the answer is lost.
    Fail(StepError),
    /// It is called once more. Before it, this means nothing.
    Repeat,
    /// The process ends here.
    Crash,
}

/// Decides around each function of each step. Implementations are tests' own.
pub trait Interceptor: Send + Sync {
    /// The function is about to be called.
    fn before(&self, step: &str, part: Part) -> Intercept;

    /// The function has succeeded.
    fn after(&self, step: &str, part: Part) -> Intercept;
}
