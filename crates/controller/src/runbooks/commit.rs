//! The last promotion stands: no rollback is offered any more.

use twinlake_workflow::Runbook;

use super::steps::{approve, close_window, take_lease};
use crate::moves::Move;

pub(super) static RUNBOOK: Runbook<Move> = Runbook {
    name: super::COMMIT,
    version: 1,
    title: "Commit: the promotion stands",
    steps: &[approve::STEP, take_lease::STEP, close_window::STEP],
};
