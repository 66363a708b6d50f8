//! Keeping an old primary from processing, and saying how surely (P4).
//!
//! | to learn | open |
//! |---|---|
//! | whose a run is, where groups share a workspace | [`whose`]; pure |
//! | what a fence leaves alone for other groups' sake | [`shared`]; pure |
//! | one look at a place that must sleep, and what is put to sleep | [`visit`] |
//! | the few requests that stop a dying primary first | [`coarse`] |
//! | what every cycle does about sites that were primary once | [`standing`] |
//! | letting the reverse direction begin | [`acknowledge`] |
//!
//! A place is fenced like any standby is put to sleep: its own documents, in the role of a standby. What is special is
//! only what a standby never has: runs, and a tail that was never replicated.

pub(crate) mod acknowledge;
pub(crate) mod coarse;
pub(crate) mod shared;
pub(crate) mod standing;
pub(crate) mod visit;
pub(crate) mod whose;

pub use acknowledge::{Acknowledged, acknowledge, divergences};
pub use standing::FenceReport;
