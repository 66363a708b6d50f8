//! What the file means: names that lead somewhere, values with their types, and rules that hold across the file.
//!
//! Nothing here stops at the first problem. A part that cannot be read is left out of the answer, and the answer is
//! thrown away if there was any problem; so no half-understood config ever leaves this crate.

pub(crate) mod glob;
pub(crate) mod group;
pub(crate) mod mapping;
pub(crate) mod name;
pub(crate) mod overlap;
pub(crate) mod safety;
pub(crate) mod selection;
pub(crate) mod setting;
pub(crate) mod site;
pub(crate) mod state_key;
pub(crate) mod window;
pub(crate) mod witness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinlake_model::{Estate, FailoverGroup, GroupName, SiteId};

use crate::checked::group::{Contact, Surroundings};
use crate::checked::safety::Beyond;
use crate::checked::selection::Absent;
use crate::checked::site::Site;
use crate::checked::state_key::StateKey;
use crate::problem::{Problem, Report, Spot};
use crate::raw::RawConfig;
use crate::{LoadOptions, Notice, StorageUrl, notice};

/// Where the controller keeps its state when the config does not say.
pub const DEFAULT_LOCAL_STATE: &str = ".twinlake/state.db";

/// A config that was checked whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// The groups and what several of them use.
    pub estate: Estate,
    /// The sites, and how their workspaces are reached.
    pub sites: BTreeMap<SiteId, Site>,
    /// Where epochs and leases live: outside every site.
    pub witness: Option<StorageUrl>,
    /// To whom the state is encrypted wherever it is shipped. None: it is not shipped.
    pub state_key: Option<StateKey>,
    /// The state file: what the config says, starting at the folder of the config.
    pub local_state: PathBuf,
    /// Who is told, by group.
    pub contacts: BTreeMap<GroupName, Vec<Contact>>,
    /// The target that was laid over the base.
    pub target: Option<String>,
    /// Every file that was read, the first one first.
    pub files: Vec<PathBuf>,
    /// What was taken, and is probably not what was meant.
    pub warnings: Vec<Problem>,
    pub(crate) notices: Vec<Notice>,
}

impl Config {
    /// What the config says and this version does not act on, and what is lost because it does not say something.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// A site by its id.
    #[must_use]
    pub fn site(&self, id: &SiteId) -> Option<&Site> {
        self.sites.get(id)
    }

    /// A group by its name.
    #[must_use]
    pub fn group(&self, name: &GroupName) -> Option<&FailoverGroup> {
        self.estate.groups.get(name)
    }
}

/// Gives a meaning to what was typed. `folder` is where relative paths start. None only if the report says why.
pub(crate) fn check(
    raw: &RawConfig,
    folder: &Path,
    options: &LoadOptions,
    report: &Report,
) -> Option<Config> {
    let kinds = options.known_kinds.as_slice();
    let sites = site::check(&raw.sites, report);
    let witness = witness::check(raw, report);
    let state_key = raw.state_key.as_ref().and_then(|raw| state_key::check(raw, report));
    let beyond = Beyond { promotions: raw.promotions.unwrap_or(true), phases: &options.known_phases, report };
    let around = Surroundings { sites: &raw.sites, kinds, safety: beyond, report };
    let mut groups = BTreeMap::new();
    let mut contacts = BTreeMap::new();
    let mut claims = Vec::new();
    for raw in &raw.groups {
        let checked = group::check(raw, &around);
        claims.extend(checked.claims);
        if let Some(group) = checked.group {
            contacts.insert(group.name.clone(), checked.contacts);
            groups.insert(group.name.clone(), group);
        }
    }
    overlap::check(&claims, report);
    let base_layer = selection::check(raw.base_layer.as_ref(), Absent::Nothing, kinds, report);
    let local_state = raw.local_state.as_ref().map_or(DEFAULT_LOCAL_STATE, |typed| typed.value.as_str());
    if raw.witness.is_none()
        && let Some(estate) = &raw.estate
    {
        let spot = Spot { mark: estate.spot.mark.clone(), key: "witness".to_owned() };
        report
            .add(Problem::warning(&spot, "is missing, so nothing outside the sites decides who is primary"));
    }
    Some(Config {
        estate: Estate { name: raw.estate.as_ref()?.value.clone(), groups, base_layer },
        sites,
        witness,
        state_key,
        local_state: folder.join(local_state),
        contacts,
        target: None,
        files: Vec::new(),
        warnings: Vec::new(),
        notices: notice::gather(raw),
    })
}
