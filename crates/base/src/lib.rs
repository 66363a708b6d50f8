//! The homes of everything that is not a pure function of its arguments.
//!
//! | what | home | why it is here |
//! |---|---|---|
//! | time and waiting | [`Clock`] | a simulation owns it; a month passes in a second |
//! | randomness | [`Entropy`] | a seed replays a failure exactly |
//! | the environment | [`Env`] | one place that reads it, and tests that need none |
//! | faults | [`Gate`] | crash, delay or lie at each seam to the world |
//! | secrets | [`Secret`] | never printed, by construction |
//! | what an error means | [`ErrorClass`] | retry, exit code and colour all follow from it |
//!
//! Process exit has its home in the binary. This crate is a leaf: it may use nothing of the house.

mod clock;
mod entropy;
mod env;
mod error_class;
mod gate;
mod secret;

pub use clock::Clock;
pub use entropy::Entropy;
pub use env::Env;
pub use error_class::ErrorClass;
pub use gate::{Crashed, Gate, GateDecision, Gatekeeper, Passage, Seam, Side};
pub use jiff::Timestamp;
pub use secret::Secret;
pub use tokio::time::Instant;
