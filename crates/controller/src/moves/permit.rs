//! The right to write inside a step: the run is ours, the lease holds, nobody asked to stop, the step has time left.

use twinlake_base::Instant;
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_workflow::StepContext;

/// The permit of one attempt of a step.
pub(crate) struct StepPermit<'a> {
    pub(crate) context: &'a StepContext,
    pub(crate) lease: &'a dyn Permit,
}

impl Permit for StepPermit<'_> {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        let run = self.context.run();
        let resume = || Some(format!("twinlake runs resume {run}"));
        if self.context.asked_to_stop() {
            return Err(PermitRefused { reason: "we were asked to stop".to_owned(), hint: resume() });
        }
        if until > self.context.deadline() {
            let reason = format!("step {} of run {run} has no time left for a request", self.context.step());
            return Err(PermitRefused { reason, hint: resume() });
        }
        self.context
            .may_act(until)
            .map_err(|error| PermitRefused { reason: error.what.clone(), hint: error.hint.clone() })?;
        self.lease.check(until)
    }
}
