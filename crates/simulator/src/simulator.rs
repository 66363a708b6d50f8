//! The simulated account, as the rest of the house holds it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use twinlake_base::{Clock, Entropy};

use crate::account::{Account, World};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::settings::Settings;
use crate::workspace::{WorkspaceInfo, WorkspaceSpec};

/// A simulated Databricks account. Cheap to clone; clones are the same account.
///
/// Time comes from the [`Clock`] and ids from the [`Entropy`] that it is given: with a simulated clock and seeded
/// entropy, the same calls give the same account.
#[derive(Clone)]
pub struct Simulator {
    pub(crate) gateway: Gateway,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("workspaces", &self.gateway.lock().world.workspaces.len()).finish()
    }
}

impl Simulator {
    /// An account without workspaces.
    #[must_use]
    pub fn new(clock: Clock, entropy: Entropy, settings: Settings) -> Self {
        Self::of(clock, entropy, World { settings, ..World::default() })
    }

    fn of(clock: Clock, entropy: Entropy, world: World) -> Self {
        let account = Arc::new(Mutex::new(Account::new(clock, entropy, world)));
        Self { gateway: Gateway { account, stopping: tokio::sync::watch::Sender::new(false) } }
    }

    /// The account that [`save`](Self::save) wrote. What was due since then happens before the first request.
    ///
    /// # Errors
    /// [`Error::StateFile`], [`Error::DamagedState`].
    pub fn load(path: &Path, clock: Clock, entropy: Entropy) -> Result<Self, Error> {
        Ok(Self::of(clock, entropy, crate::state::read(path)?))
    }

    /// Writes the whole account to a file, by way of a new file beside it.
    ///
    /// # Errors
    /// [`Error::StateFile`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        crate::state::write(path, &self.gateway.lock().world)
    }

    /// Adds a workspace: its tree has the folders, its compute the starter warehouse and the default policies, that
    /// every workspace is born with.
    ///
    /// # Errors
    /// [`Error::DuplicateWorkspace`].
    pub fn add_workspace(&self, spec: &WorkspaceSpec) -> Result<WorkspaceInfo, Error> {
        let mut account = self.gateway.lock();
        let at = account.add(spec)?;
        Ok(account.world.workspaces[at].info())
    }

    /// All workspaces, in order of creation.
    #[must_use]
    pub fn workspaces(&self) -> Vec<WorkspaceInfo> {
        self.gateway.lock().world.workspaces.iter().map(crate::workspace::Workspace::info).collect()
    }

    /// One workspace.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn workspace(&self, name: &str) -> Result<WorkspaceInfo, Error> {
        let account = self.gateway.lock();
        let at = account.place(name)?;
        Ok(account.world.workspaces[at].info())
    }

    /// The API of a workspace, to be served or to be called in process. A response that carries
    /// [`Disconnected`](crate::Disconnected) among its extensions stands for a connection that broke.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn router(&self, workspace: &str) -> Result<Router, Error> {
        let at = self.gateway.lock().place(workspace)?;
        let gateway = self.gateway.clone();
        Ok(Router::new().fallback(move |request: axum::extract::Request| gateway.clone().handle(at, request)))
    }
}
