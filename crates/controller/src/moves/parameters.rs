//! What a run that moves production is begun with: everything that a controller needs to go on with it elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use twinlake_base::Timestamp;
use twinlake_model::safety::{self, MoveKind, Rule};
use twinlake_model::{Digest, Epoch, GroupName, SetName, SiteId, Snapshot};

use crate::moves::Loss;

/// What a run is about. It stands in the run's first event, and never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// What sort of move it is.
    pub kind: MoveKind,
    /// The group.
    pub group: GroupName,
    /// Where production runs, as it begins.
    pub from: SiteId,
    /// Where it is to run. For what moves nothing (abort, commit), the same site.
    pub to: SiteId,
    /// The epoch in which it was proposed. If another has begun meanwhile, the run stops before it does anything.
    pub epoch: Epoch,
    /// What is woken, per workspace set: the primary as it was, from what we keep. Empty where the primary is still
    /// there to be asked: then the run takes it before its first write, and records it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<SetName, Snapshot>,
    /// What is lost, as it was shown.
    pub loss: Loss,
    /// The digest of the proposal, to which approvals are bound.
    pub proposal: Digest,
    /// The safety rules whose objections were read and set aside.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub acknowledged: BTreeSet<Rule>,
    /// Whether the run may go on with a standby that is not complete.
    #[serde(default)]
    pub incomplete_too: bool,
    /// Who agreed to go on without the witness. Empty: it is asked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without_witness: BTreeSet<String>,
    /// Since when production is away, where somebody knows: the recovery time counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_since: Option<Timestamp>,
    /// The run that this one undoes or ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl Parameters {
    /// The loss, as the safety rules take it.
    pub(crate) fn loss_for_rules(&self) -> safety::Loss {
        match self.kind {
            MoveKind::Forced => self.loss.for_rules(),
            MoveKind::Switchover | MoveKind::Failback | MoveKind::Rollback => safety::Loss::None,
        }
    }
}
