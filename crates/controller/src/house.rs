//! An estate, opened: its config, its state, and the ways to its workspaces.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use twinlake_config::Config;
use twinlake_databricks::{Client, Identity, Policy};
use twinlake_lease::Term;
use twinlake_model::{FailoverGroup, GroupName, Place, RunId, SiteId};
use twinlake_store::{Store, StoreOptions};

use crate::legs::{Leg, legs};
use crate::same_workspace::{Twins, twins};
use crate::{ControllerError, Reach, Setup, term};

/// The fact of the state file that names its estate.
const ESTATE: &str = "estate";
/// The folder that we make ourselves when it holds the state: it is ours by its name.
const OWN_FOLDER: &str = ".twinlake";

/// An estate, opened. Holds the state's lock as long as it, or a clone of it, lives.
#[derive(Clone)]
pub struct House {
    pub(crate) setup: Setup,
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) reach: Reach,
    /// Where each group is primary according to the config, whatever the witness says.
    began: BTreeMap<GroupName, SiteId>,
}

impl House {
    /// Opens the state that the config names. Reaches no workspace.
    ///
    /// # Errors
    /// When the state is locked, damaged, or another estate's.
    pub async fn open(config: Config, setup: Setup) -> Result<Self, ControllerError> {
        let path = config.local_state.clone();
        make_own_folder(&path)?;
        let options = StoreOptions { clock: setup.clock.clone(), gate: setup.gate.clone() };
        let store = Store::open(&path, options).await?;
        Self::over(store, config, setup).await
    }

    /// The same for somebody who only looks, also while another process works with the state. Every write is refused.
    ///
    /// # Errors
    /// When there is no state yet, or it is damaged, or another estate's.
    pub async fn open_to_read(config: Config, setup: Setup) -> Result<Self, ControllerError> {
        let options = StoreOptions { clock: setup.clock.clone(), gate: setup.gate.clone() };
        let store = Store::open_to_read(&config.local_state, options).await?;
        Self::over(store, config, setup).await
    }

    /// Opens an estate over a state that is open already.
    ///
    /// # Errors
    /// When the state is another estate's.
    pub async fn over(store: Store, config: Config, setup: Setup) -> Result<Self, ControllerError> {
        let wanted = config.estate.name.clone();
        match store.meta(ESTATE).await? {
            None => store.put_meta(ESTATE, &wanted).await?,
            Some(found) if found == wanted => {}
            Some(found) => {
                let path = store.path().to_owned();
                return Err(ControllerError::OtherEstate { path, found, wanted });
            }
        }
        let reach = Reach::new(&setup)?;
        let began = config.estate.groups.values();
        let began = began.map(|group| (group.name.clone(), group.primary.clone())).collect();
        Ok(Self { setup, config, store, reach, began })
    }

    /// The config.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The state.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What the process gives.
    #[must_use]
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The group of this name; without a name, all groups.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn groups(&self, name: Option<&str>) -> Result<Vec<&FailoverGroup>, ControllerError> {
        let groups = &self.config.estate.groups;
        let Some(name) = name else { return Ok(groups.values().collect()) };
        match groups.get(&GroupName::from(name)) {
            Some(group) => Ok(vec![group]),
            None => {
                let known = groups.keys().map(ToString::to_string).collect();
                Err(ControllerError::UnknownGroup { name: name.to_owned(), known })
            }
        }
    }

    /// The estate as it stands now: each group's primary is where the witness says that it is, and every other site of
    /// it is a standby. The config only says where a group began. Every operation begins with this.
    ///
    /// # Errors
    /// When the state cannot be read, or a witness names a site that the config does not know.
    pub async fn now(&self) -> Result<Self, ControllerError> {
        let mut house = self.clone();
        for group in self.config.estate.groups.values() {
            house.orient(&group.name, &term::of(self, group).await?.term);
        }
        Ok(house)
    }

    /// Where a group is primary according to the config.
    pub(crate) fn began(&self, group: &GroupName) -> Result<SiteId, ControllerError> {
        let unknown = || ControllerError::UnknownGroup { name: group.to_string(), known: Vec::new() };
        self.began.get(group).cloned().ok_or_else(unknown)
    }

    /// Takes a group to be in this term.
    pub(crate) fn orient(&mut self, group: &GroupName, term: &Term) {
        if let Some(group) = self.config.estate.groups.get_mut(group) {
            (group.standbys, group.primary) = (term::standbys(term, group), term.primary.clone());
        }
    }

    /// The legs of a group.
    #[must_use]
    pub fn legs(&self, group: &FailoverGroup) -> Vec<Leg> {
        legs(&self.config.estate, group)
    }

    /// A client of a place.
    pub(crate) fn client(&self, place: &Place) -> Result<Client, ControllerError> {
        self.reach.client(&self.config, place, Policy::PATIENT)
    }

    /// A new run of something.
    pub(crate) fn new_run(&self, of: &str) -> RunId {
        let at = self.setup.clock.now().strftime("%Y%m%dT%H%M%SZ");
        RunId::new(format!("{of}-{at}-{}", self.setup.entropy.hex(6)))
    }

    /// Asks the places of some legs which workspaces they are, and proves that no two of those that answer are one.
    ///
    /// # Errors
    /// [`ControllerError::SameWorkspace`]. Why a place does not answer is its entry in the map.
    pub(crate) async fn prove_distinct(
        &self,
        legs: &[Leg],
    ) -> Result<BTreeMap<Place, Result<Identity, ControllerError>>, ControllerError> {
        let places: BTreeSet<&Place> = legs.iter().flat_map(|leg| [&leg.source, &leg.target]).collect();
        let identities = places.into_iter().map(|place| async move {
            let identity = match self.reach.client(&self.config, place, Policy::QUICK) {
                Ok(client) => client.me().await.map_err(|source| ControllerError::Reach {
                    place: place.clone(),
                    source: Box::new(source),
                }),
                Err(error) => Err(error),
            };
            (place.clone(), identity)
        });
        let found: BTreeMap<_, _> = futures::future::join_all(identities).await.into_iter().collect();
        let answered = found.iter().filter_map(|(place, found)| Some((place, found.as_ref().ok()?)));
        match twins(answered.map(|(place, identity)| (place, identity.workspace_id.as_str()))) {
            None => Ok(found),
            Some(Twins { one, other, workspace_id }) => {
                Err(ControllerError::SameWorkspace { one, other, workspace_id })
            }
        }
    }
}

/// Makes the folder of the state if its name says that it is ours; a folder of any other name must be there, because
/// making it would hide a mistyped path. Its contents are kept out of version control.
pub(crate) fn make_own_folder(state: &Path) -> Result<(), ControllerError> {
    let Some(folder) = state.parent().filter(|folder| folder.ends_with(OWN_FOLDER) && !folder.exists())
    else {
        return Ok(());
    };
    let io = |path: PathBuf| move |source| ControllerError::Io { doing: "making", path, source };
    std::fs::create_dir_all(folder).map_err(io(folder.to_owned()))?;
    let ignore = folder.join(".gitignore");
    std::fs::write(&ignore, "*\n").map_err(io(ignore))
}
