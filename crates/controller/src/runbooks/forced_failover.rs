//! The primary is gone. What is lost was shown first; nothing is read from the primary, and it is given 30 seconds in all.

use twinlake_workflow::Runbook;

use super::steps::{
    approve, begin_epoch, coarse_fence, fence_old, hooks, open_window, promote, supersede, take_lease,
    unfinished, validate,
};
use crate::moves::Move;

pub(super) static RUNBOOK: Runbook<Move> = Runbook {
    name: super::FORCED,
    version: 2,
    title: "Forced failover: the primary is given up",
    steps: &[
        approve::STEP,
        take_lease::STEP,
        hooks::BEFORE_PREPARE,
        supersede::STEP,
        hooks::AFTER_PREPARE,
        hooks::BEFORE_PROMOTE,
        begin_epoch::STEP,
        coarse_fence::STEP,
        promote::STEP,
        validate::STEP,
        hooks::AFTER_PROMOTE,
        hooks::BEFORE_SETTLE,
        unfinished::STEP,
        open_window::STEP,
        fence_old::STEP,
        hooks::AFTER_SETTLE,
    ],
};
