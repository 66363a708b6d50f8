//! The table of runbooks: what moves production, and what ends a move.
//!
//! A runbook is a list of steps; each step is a file of its own, and several runbooks may have it. Adding a step to a
//! runbook is a line in that runbook's file and a new version of it.

mod abort;
mod commit;
mod failback;
mod forced_failover;
mod promote_for_good;
mod rollback;
pub(crate) mod steps;
mod switchover;

use twinlake_workflow::Runbook;

use crate::moves::Move;

pub(crate) const SWITCHOVER: &str = "switchover";
pub(crate) const FORCED: &str = "forced_failover";
pub(crate) const FAILBACK: &str = "failback";
pub(crate) const ROLLBACK: &str = "rollback";
pub(crate) const ABORT: &str = "abort";
pub(crate) const COMMIT: &str = "commit";
pub(crate) const FOR_GOOD: &str = "promote_for_good";

/// The step that takes the lease.
pub(crate) const TAKE_LEASE: &str = "take_lease";
/// The step that takes the primary as it is, before anything is put to sleep there; and the fact that has it.
pub(crate) const PIN: &str = "keep_in_step";
pub(crate) const PINNED: &str = "pinned";
/// The step that puts the old primary to sleep in order; and the fact that has what ran.
pub(crate) const QUIESCE: &str = "quiesce";
pub(crate) const CANCELLED: &str = "cancelled";
/// The step that carries the last edits; and the fact that has what is to wake.
pub(crate) const FINAL_SYNC: &str = "final_sync";
pub(crate) const KEPT: &str = "kept";
/// The step that begins the next epoch. Its evidence is the new term.
pub(crate) const EPOCH: &str = "begin_epoch";
/// The fact of that step that says what must sleep from then on.
pub(crate) const FENCES: &str = "fences";
/// The step that offers a rollback. Its evidence is the window.
pub(crate) const WINDOW: &str = "open_window";

/// Every runbook.
pub static RUNBOOKS: &[&Runbook<Move>] = &[
    &switchover::RUNBOOK,
    &forced_failover::RUNBOOK,
    &failback::RUNBOOK,
    &promote_for_good::RUNBOOK,
    &abort::RUNBOOK,
    &commit::RUNBOOK,
    &rollback::RUNBOOK,
];

/// The runbook of this name.
#[must_use]
pub(crate) fn find(name: &str) -> Option<&'static Runbook<Move>> {
    RUNBOOKS.iter().copied().find(|runbook| runbook.name == name)
}

/// The phases that runs go through: what a hook of the config may name.
#[must_use]
pub fn phase_names() -> Vec<String> {
    let mut phases = Vec::new();
    for phase in RUNBOOKS.iter().flat_map(|runbook| runbook.steps).map(|step| step.phase) {
        if !phases.iter().any(|known| known == phase) {
            phases.push(phase.to_owned());
        }
    }
    phases
}

/// Whether a step acts before the run has the lease.
pub(crate) fn acts_without_lease(step: &str) -> bool {
    step == steps::approve::STEP.name || step == TAKE_LEASE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runbook_is_well_formed_and_has_a_name_of_its_own() {
        for runbook in RUNBOOKS {
            assert_eq!(runbook.problems(), Vec::<String>::new(), "{}", runbook.name);
            assert!(std::ptr::eq(find(runbook.name).unwrap(), *runbook));
        }
    }

    #[test]
    fn a_step_is_the_same_wherever_it_stands() {
        let mut known = std::collections::BTreeMap::new();
        for step in RUNBOOKS.iter().flat_map(|runbook| runbook.steps) {
            let planned = known.entry(step.name).or_insert_with(|| step.planned());
            assert_eq!(*planned, step.planned());
        }
    }

    #[test]
    fn whatever_writes_to_a_workspace_comes_after_the_lease() {
        for runbook in RUNBOOKS {
            let lease = runbook.steps.iter().position(|step| step.name == TAKE_LEASE);
            let free = runbook.steps.iter().take_while(|step| acts_without_lease(step.name)).count();
            assert!(lease.is_some_and(|lease| lease < free), "{}", runbook.name);
        }
    }

    #[test]
    fn hooks_can_name_the_phases() {
        assert_eq!(phase_names(), ["prepare", "quiesce", "promote", "settle"]);
    }
}
