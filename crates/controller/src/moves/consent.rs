//! What the operator says to a proposal.

use std::collections::BTreeSet;

use twinlake_model::safety::Rule;

use crate::ControllerError;
use crate::moves::Proposal;

/// What the operator says to a proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Who. It counts as an approval if the config lists this name.
    pub by: String,
    /// The group's name, typed.
    pub typed: Option<String>,
    /// Automation within the rules: nothing is typed.
    pub yes: bool,
    /// The safety rules whose objections were read and are set aside.
    pub acknowledged: BTreeSet<Rule>,
}

impl Consent {
    /// Proves that the operator agrees, and that no safety rule is against it.
    ///
    /// # Errors
    /// [`ControllerError::Objection`], [`ControllerError::NotNow`].
    pub(crate) fn judge(&self, proposal: &Proposal) -> Result<(), ControllerError> {
        if let Some(objection) = proposal.objections.first() {
            return Err(ControllerError::Objection {
                rule: objection.rule.to_string(),
                reason: objection.reason.clone(),
                satisfied_by: objection.hint.clone(),
            });
        }
        if self.yes || self.typed.as_deref().map(str::trim) == Some(proposal.group.as_str()) {
            return Ok(());
        }
        let what = match &self.typed {
            None => format!("nobody confirmed it; nothing of {} was changed", proposal.group),
            Some(typed) => {
                format!("{:?} is not the name of the group, {}; nothing was changed", typed, proposal.group)
            }
        };
        Err(ControllerError::NotNow { what, instead: format!("type {}, or pass --yes", proposal.group) })
    }
}
