//! Where state is kept besides this machine: at each site, and at the witness.

use std::time::Duration;

use twinlake_config::Config;
use twinlake_model::SiteId;
use twinlake_objects::Objects;
use twinlake_vault::{Key, Location, VaultError};

use crate::tenure::Ground;
use crate::{ControllerError, House, Setup};

/// How long one request may take that carries a whole state.
const WHOLE_STATE: Duration = Duration::from_secs(120);

/// The places of an estate where state is kept.
pub(crate) struct Places<'a> {
    pub(crate) config: &'a Config,
    pub(crate) setup: &'a Setup,
}

impl<'a> Places<'a> {
    pub(crate) fn of(house: &'a House) -> Self {
        Self { config: &house.config, setup: &house.setup }
    }

    /// Where a site keeps state. None: nowhere that this version can use.
    pub(crate) fn site(&self, site: &SiteId) -> Result<Option<Objects>, ControllerError> {
        Ground::of_site(self.config, self.setup, site)
            .map(|ground| ground.open(self.setup, None).map_err(|error| vault_error(error.into())))
            .transpose()
    }

    /// Every place, for whole states: the sites in order, then the witness. And those that cannot be opened, with why.
    pub(crate) fn all(&self) -> (Vec<Location>, Vec<(String, VaultError)>) {
        let sites = self
            .config
            .sites
            .keys()
            .filter_map(|site| Some((site.to_string(), Ground::of_site(self.config, self.setup, site)?)));
        let witness = Some(Ground::of(self.config, self.setup)).filter(|ground| !ground.is_makeshift);
        let (mut locations, mut closed) = (Vec::new(), Vec::new());
        for (name, ground) in sites.chain(witness.map(|ground| ("witness".to_owned(), ground))) {
            match ground.open(self.setup, Some(WHOLE_STATE)) {
                Ok(objects) => locations.push(Location::new(name, objects)),
                Err(error) => closed.push((name, error.into())),
            }
        }
        (locations, closed)
    }
}

/// The key with which state is encrypted. None: the config names none.
///
/// # Errors
/// When the secret half cannot be fetched, or the key is none.
pub(crate) fn key(house: &House) -> Result<Option<Key>, ControllerError> {
    key_of(&house.config, &house.setup)
}

pub(crate) fn key_of(config: &Config, setup: &Setup) -> Result<Option<Key>, ControllerError> {
    let Some(configured) = &config.state_key else { return Ok(None) };
    let identity = configured
        .identity
        .as_ref()
        .map(|reference| reference.resolve(&setup.env))
        .transpose()
        .map_err(|source| ControllerError::StateKey { source })?;
    Key::new(&configured.recipients, identity.as_ref()).map(Some).map_err(vault_error)
}

pub(crate) fn vault_error(error: VaultError) -> ControllerError {
    ControllerError::Vault(Box::new(error))
}
