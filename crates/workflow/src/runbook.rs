//! A named, versioned list of steps.

use std::collections::BTreeSet;

use crate::{PlannedStep, RunBegan, Step};

/// A procedure: a row in somebody's table of runbooks.
pub struct Runbook<C: ?Sized + 'static> {
    /// Its name: `failover`.
    pub name: &'static str,
    /// Raised whenever the names, the order or the meaning of steps change: a run is only gone on with by the version
    /// that began it.
    pub version: u32,
    /// What people call it.
    pub title: &'static str,
    /// In the order in which they are taken.
    pub steps: &'static [Step<C>],
}

impl<C: ?Sized + 'static> Runbook<C> {
    /// The steps as they are shown before approval.
    #[must_use]
    pub fn outline(&self) -> Vec<PlannedStep> {
        self.steps.iter().map(Step::planned).collect()
    }

    /// What is wrong with the table itself, for a test over all runbooks. Empty if nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let (mut names, mut phases) = (BTreeSet::new(), BTreeSet::new());
        let mut phase = None;
        if self.steps.is_empty() {
            problems.push("it has no steps".to_owned());
        }
        for step in self.steps {
            let name = step.name;
            if !names.insert(name) {
                problems.push(format!("two steps are called {name}"));
            }
            if phase != Some(step.phase) && !phases.insert(step.phase) {
                problems.push(format!("step {name} returns to phase {}, which was left", step.phase));
            }
            phase = Some(step.phase);
            let texts = [name, step.title, step.does, step.phase, step.undo.sentence()];
            if texts.iter().any(|text| text.trim().is_empty()) {
                problems.push(format!("step {name} leaves a text empty"));
            }
            if step.deadline.is_zero() {
                problems.push(format!("step {name} has no time"));
            }
            if step.retries.attempts == 0 {
                problems.push(format!("step {name} is never attempted"));
            }
        }
        problems
    }

    /// Why this runbook cannot go on with a run that began so, if it cannot.
    #[must_use]
    pub fn disagrees_with(&self, began: &RunBegan) -> Option<String> {
        let same_steps = self.steps.iter().map(|step| (step.name, step.optional));
        let their_steps = began.outline.iter().map(|step| (step.name.as_str(), step.optional));
        if began.runbook == self.name && began.version == self.version && same_steps.eq(their_steps) {
            return None;
        }
        Some(format!(
            "the run was begun with version {} of {}, and this program has version {} of {}",
            began.version, began.runbook, self.version, self.name
        ))
    }
}
