//! What moves together, and what it is promised.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{GroupName, Key, Mappings, Place, Safety, Selection, SetName, SiteId};

/// How long an asset must have been missing at the source before its copy is deleted.
pub const DEFAULT_DELETION_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The share of a place's assets that one plan may delete without an approval, in percent.
pub const DEFAULT_MAX_DELETED_PERCENT: u8 = 5;

/// What a site is for a group now. Swapped by a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Production runs here.
    Primary,
    /// Kept in step, asleep.
    Standby,
}

/// Target recovery point and recovery time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// How much may be lost.
    pub rpo: Duration,
    /// How long it may take.
    pub rto: Duration,
}

/// Named objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Hot: RPO 15 min, RTO 1 h.
    One,
    /// Warm: RPO 4 h, RTO 8 h.
    Two,
    /// Cold: RPO 24 h, RTO 48 h.
    Three,
}

impl Tier {
    /// What the tier promises.
    #[must_use]
    pub const fn objectives(self) -> Objectives {
        const fn hours(rpo: u64, rto: u64) -> Objectives {
            Objectives { rpo: Duration::from_secs(rpo * 3600), rto: Duration::from_secs(rto * 3600) }
        }
        match self {
            Self::One => Objectives { rpo: Duration::from_secs(15 * 60), rto: Duration::from_secs(3600) },
            Self::Two => hours(4, 8),
            Self::Three => hours(24, 48),
        }
    }
}

/// The workspaces, one per site, that stand for each other, and what of them is in the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceSet {
    /// The set's name, which is each site's key for its workspace.
    pub name: SetName,
    /// What the group speaks for in it.
    pub assets: Selection,
}

/// What keeps a plan from doing harm (P8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    /// How long an asset must have been missing before its copy goes.
    pub deletion_grace: Duration,
    /// The share of assets that one plan may delete without an approval.
    pub max_deleted_percent: u8,
}

impl Default for Guards {
    fn default() -> Self {
        Self { deletion_grace: DEFAULT_DELETION_GRACE, max_deleted_percent: DEFAULT_MAX_DELETED_PERCENT }
    }
}

/// Which fraction of each API limit is ours to use, by role.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// On a primary, where production needs the rest.
    pub primary: f64,
    /// On a standby, where nobody else should be.
    pub standby: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { primary: 0.25, standby: 1.0 }
    }
}

/// What moves together: one primary, one or more standbys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailoverGroup {
    /// Its name.
    pub name: GroupName,
    /// Where production runs according to the config. The lease knows better once there was a failover.
    pub primary: SiteId,
    /// Where it could run.
    pub standbys: Vec<SiteId>,
    /// What it is promised.
    pub objectives: Objectives,
    /// Its workspaces and assets.
    pub sets: Vec<WorkspaceSet>,
    /// Its catalogs.
    pub catalogs: Vec<String>,
    /// What is called otherwise at another site.
    pub mappings: Mappings,
    /// What may run on the standby, at a price.
    pub warm: Selection,
    /// In which order to wake.
    pub waves: Vec<Selection>,
    /// Verdicts that the operator accepts as complete: what is skipped or unsupported knowingly.
    pub accept: Selection,
    /// Limits of what a routine sync may do.
    pub guards: Guards,
    /// Our part of each API limit.
    pub shares: Shares,
    /// The rules under which it moves.
    #[serde(default)]
    pub safety: Safety,
    /// How often to sync.
    pub schedule: Option<Duration>,
}

/// All groups, and what several of them use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estate {
    /// The estate's name.
    pub name: String,
    /// The groups, by name.
    pub groups: BTreeMap<GroupName, FailoverGroup>,
    /// What several groups use, kept in step for all.
    pub base_layer: Selection,
}

impl Estate {
    /// The groups that claim an asset of this kind (plural name) and key at a place, in order of name. Rights of
    /// promotion are exclusive, so more than one is a conflict that must be settled before anything is written.
    #[must_use]
    pub fn claimants(&self, place: &Place, kinds: &str, key: &Key) -> Vec<&GroupName> {
        let claims = |group: &&FailoverGroup| {
            group.sites().any(|site| *site == place.site)
                && group.sets.iter().any(|set| set.name == place.set && set.assets.takes(kinds, key))
        };
        self.groups.values().filter(claims).map(|group| &group.name).collect()
    }
}

impl FailoverGroup {
    /// Every site of the group, primary first.
    pub fn sites(&self) -> impl Iterator<Item = &SiteId> {
        std::iter::once(&self.primary).chain(&self.standbys)
    }

    /// The place of a set at a site.
    #[must_use]
    pub fn place(&self, set: &WorkspaceSet, site: &SiteId) -> Place {
        Place::new(set.name.clone(), site.clone())
    }
}
