//! Where the logs of runs lie.

use std::sync::Arc;

use twinlake_model::SiteId;
use twinlake_workflow::Log;

use crate::moves::runs::failed;
use crate::{ControllerError, House};

/// The log of a run that moves production to this site.
pub(crate) async fn to(house: &House, _site: &SiteId) -> Result<Arc<dyn Log>, ControllerError> {
    Ok(Arc::new(house.store.clone()))
}

/// The log that has this run.
pub(crate) async fn of(house: &House, _run: &str) -> Result<Arc<dyn Log>, ControllerError> {
    Ok(Arc::new(house.store.clone()))
}

/// The names of all runs that are known.
pub(crate) async fn all(house: &House) -> Result<Vec<String>, ControllerError> {
    Log::runs(&house.store).await.map_err(|source| failed(source.into()))
}
