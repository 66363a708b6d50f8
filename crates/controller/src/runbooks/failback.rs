//! A switchover in the other direction: production comes home. Documents travel as edits, so what nobody edited stands at
//! home as it did before (P9); what home did unseen has been acknowledged before this may begin (P10).

use twinlake_workflow::Runbook;

use super::steps::{
    approve, at_rest, begin_epoch, equality, final_sync, hooks, keep_in_step, open_window, promote, quiesce,
    reprotect, take_lease, unfinished, validate,
};
use crate::moves::Move;

pub(super) static RUNBOOK: Runbook<Move> = Runbook {
    name: super::FAILBACK,
    version: 2,
    title: "Failback: production comes home, without loss",
    steps: &[
        approve::STEP,
        take_lease::STEP,
        hooks::BEFORE_PREPARE,
        keep_in_step::STEP,
        hooks::AFTER_PREPARE,
        hooks::BEFORE_QUIESCE,
        quiesce::STEP,
        at_rest::STEP,
        final_sync::STEP,
        equality::STEP,
        hooks::AFTER_QUIESCE,
        hooks::BEFORE_PROMOTE,
        begin_epoch::STEP,
        promote::STEP,
        validate::STEP,
        hooks::AFTER_PROMOTE,
        hooks::BEFORE_SETTLE,
        unfinished::STEP,
        open_window::STEP,
        reprotect::STEP,
        hooks::AFTER_SETTLE,
    ],
};
