//! Where the logs of runs lie: durable where the standby keeps its state before anything is done, and in the local state.
//!
//! A run that moves production to a site is logged at that site's state location, encrypted, ahead of each act. So any
//! controller that can reach it goes on with the run, whatever became of this one. Where the config names no such place,
//! or no key to encrypt with, the local state is all there is, and `check` says so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use twinlake_model::SiteId;
use twinlake_vault::{AheadLog, ObjectLog};
use twinlake_workflow::{Log, Status};

use crate::moves::parameters::Parameters;
use crate::moves::runs::failed;
use crate::places::{self, Places};
use crate::{ControllerError, House};

/// How long a place is waited for that may be gone with its region.
const PATIENCE: Duration = Duration::from_secs(5);

/// The log of a run that moves production to this site.
///
/// # Errors
/// When the key cannot be fetched or is none.
pub(crate) async fn to(house: &House, site: &SiteId) -> Result<Arc<dyn Log>, ControllerError> {
    let Some(key) = places::key(house)?.filter(twinlake_vault::Key::can_open) else {
        return Ok(local(house));
    };
    let Some(objects) = Places::of(house).site(site)? else { return Ok(local(house)) };
    let ahead = ObjectLog::new(objects, key).map_err(places::vault_error)?;
    Ok(Arc::new(AheadLog::new(ahead, house.store.clone())))
}

/// The log that has this run.
///
/// # Errors
/// When no log has it, or the one that has it cannot be read.
pub(crate) async fn of(house: &House, run: &str) -> Result<Arc<dyn Log>, ControllerError> {
    let local = local(house);
    let mut site = None;
    let events = local.read(run).await.map_err(|source| failed(source.into()))?;
    if let Ok(status) = Status::replay(&events) {
        let parameters = serde_json::from_value::<Parameters>(status.began.parameters);
        site = parameters.ok().map(|parameters| parameters.to);
    }
    match site {
        Some(site) => to(house, &site).await,
        // This state does not know it yet: somebody else's state was lost, and its run is not.
        None => match elsewhere(house).await?.into_iter().find(|(runs, _)| runs.contains(run)) {
            Some((_, site)) => to(house, &site).await,
            None => Ok(local),
        },
    }
}

/// The names of all runs that are known, here or at any site that answers.
///
/// # Errors
/// When the local state cannot be read.
pub(crate) async fn all(house: &House) -> Result<Vec<String>, ControllerError> {
    let mut runs = Log::runs(&house.store).await.map_err(|source| failed(source.into()))?;
    for (there, _) in elsewhere(house).await? {
        runs.extend(there.into_iter().filter(|run| !runs.contains(run)).collect::<Vec<_>>());
    }
    Ok(runs)
}

/// The runs that are logged at each site that answers.
async fn elsewhere(house: &House) -> Result<Vec<(BTreeSet<String>, SiteId)>, ControllerError> {
    let Some(key) = places::key(house)?.filter(twinlake_vault::Key::can_open) else { return Ok(Vec::new()) };
    let places = Places::of(house);
    let mut asked = Vec::new();
    for site in house.config.sites.keys() {
        let Some(objects) = places.site(site)? else { continue };
        let log = ObjectLog::new(objects, key.clone()).map_err(places::vault_error)?;
        asked.push(async move {
            let found = tokio::select! {
                found = log.runs() => found.map_err(|error| error.to_string()),
                () = house.setup.clock.sleep(PATIENCE) => Err("it does not answer".to_owned()),
            };
            match found {
                Ok(runs) => Some((runs.into_iter().collect(), site.clone())),
                Err(why) => {
                    tracing::warn!(%site, why, "the runs that are logged there are not known");
                    None
                }
            }
        });
    }
    Ok(futures::future::join_all(asked).await.into_iter().flatten().collect())
}

fn local(house: &House) -> Arc<dyn Log> {
    Arc::new(house.store.clone())
}
