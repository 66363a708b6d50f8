//! Back to where production was, as long as nothing was written where it is now.

use twinlake_workflow::Runbook;

use super::steps::{
    approve, at_rest, begin_epoch, hooks, promote, quiesce, reprotect, take_lease, unfinished, untouched,
    validate,
};
use crate::moves::Move;

pub(super) static RUNBOOK: Runbook<Move> = Runbook {
    name: super::ROLLBACK,
    version: 2,
    title: "Rollback: production goes back, before the first write",
    steps: &[
        approve::STEP,
        take_lease::STEP,
        hooks::BEFORE_PREPARE,
        untouched::STEP,
        hooks::AFTER_PREPARE,
        hooks::BEFORE_QUIESCE,
        quiesce::STEP,
        at_rest::STEP,
        hooks::AFTER_QUIESCE,
        hooks::BEFORE_PROMOTE,
        begin_epoch::STEP,
        promote::STEP,
        validate::STEP,
        hooks::AFTER_PROMOTE,
        hooks::BEFORE_SETTLE,
        unfinished::STEP,
        reprotect::STEP,
        hooks::AFTER_SETTLE,
    ],
};
