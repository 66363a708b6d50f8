//! The contracts of this crate, as checks that every implementation passes.
//!
//! | suite | holds |
//! |---|---|
//! | [`holds`] | a [`Log`](crate::Log) to its promises |
//! | [`succeeds`] | a runbook: goes through, and tells it |
//! | [`stops_resumable`] | a runbook: whatever fails, it stops, is healed, and ends as if nothing had been |
//! | [`twice_is_once`] | a runbook: each function of each step may be repeated |
//! | [`survives_crashes`], [`survives_lost_answers`] | a runbook: at every append, function and effect |
//! | [`two_engines_act_once`] | a runbook: of two who drive one run, one acts |
//!
//! A runbook is brought to its suites by a [`Scenario`]; [`every_suite`] applies all of them. They are meant for a
//! paused clock (`#[tokio::test(start_paused = true)]`), where waiting costs nothing, and for one thread, where a
//! failure replays. A broken promise panics, and says at which step, function or passage.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test suite: an error is a broken promise"
)]

mod crashes;
mod failures;
pub(crate) mod gated;
mod log;
mod race;
pub(crate) mod rehearsal;
mod scenario;
mod success;
mod twice;

pub use crashes::{survives_crashes, survives_lost_answers};
pub use failures::stops_resumable;
pub use log::holds;
pub use race::two_engines_act_once;
pub use scenario::Scenario;
pub use success::succeeds;
pub use twice::twice_is_once;

/// Holds a runbook to all of its promises.
///
/// `at_most_effects` bounds how many of the world's own effects are crashed at and lost; every append and every
/// function of every step always is.
///
/// # Panics
/// A promise is broken.
pub async fn every_suite<S: Scenario>(scenario: &S, at_most_effects: usize) {
    succeeds(scenario).await;
    stops_resumable(scenario).await;
    twice_is_once(scenario).await;
    survives_crashes(scenario, at_most_effects).await;
    survives_lost_answers(scenario, at_most_effects).await;
    two_engines_act_once(scenario).await;
}
