//! A move that promoted nothing is ended: what it put to sleep at the primary wakes as it was.

use twinlake_workflow::Runbook;

use super::steps::{approve, promote, supersede, take_lease, validate};
use crate::moves::Move;

pub(super) static RUNBOOK: Runbook<Move> = Runbook {
    name: super::ABORT,
    version: 1,
    title: "Abort: production stays, and wakes as it was",
    steps: &[approve::STEP, take_lease::STEP, supersede::STEP, promote::STEP, validate::STEP],
};
