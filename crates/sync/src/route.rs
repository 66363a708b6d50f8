//! From where to where, what of it, in which role, and what the operator agreed to.

use std::collections::BTreeSet;
use std::sync::Arc;

use twinlake_databricks::Client;
use twinlake_model::{AssetId, Digest, Epoch, GroupName, Guards, Mappings, Place, Role, Selection, Snapshot};

/// One end of a route.
#[derive(Clone)]
pub struct Side {
    /// Which workspace.
    pub place: Place,
    /// How it is reached. Its share of the API's limits follows the site's role.
    pub client: Client,
}

/// From where to where, what, and within which limits.
#[derive(Clone)]
pub struct Route {
    /// The group.
    pub group: GroupName,
    /// Where it is read.
    pub source: Side,
    /// Where it is written.
    pub target: Side,
    /// What of it.
    pub selection: Selection,
    /// What is called otherwise at the other site.
    pub mappings: Mappings,
    /// What a routine cycle may do.
    pub guards: Guards,
    /// What the target is to be: a standby sleeps.
    pub role: Role,
    /// Take the source as it was in this snapshot, and ask it nothing.
    pub kept: Option<Snapshot>,
    /// Change only these of the assets: a wave.
    pub only: Option<Arc<BTreeSet<AssetId>>>,
    /// In which term.
    pub epoch: Epoch,
}

/// What the operator agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// What the guards let pass.
    Routine,
    /// Exactly this plan, also where a guard holds it.
    Plan(Digest),
}

impl Route {
    /// Whether a place is brought into a role of its own, rather than into step with another.
    pub(crate) fn is_within_one_place(&self) -> bool {
        self.source.place == self.target.place
    }
}
