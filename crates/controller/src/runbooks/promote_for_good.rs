//! Production stays where it is: that site is the group's home from now on.

use twinlake_workflow::Runbook;

use super::steps::{approve, close_window, make_home, take_lease};
use crate::moves::Move;

pub(super) static RUNBOOK: Runbook<Move> = Runbook {
    name: super::FOR_GOOD,
    version: 1,
    title: "Promote for good: production stays where it is",
    steps: &[approve::STEP, take_lease::STEP, make_home::STEP, close_window::STEP],
};
