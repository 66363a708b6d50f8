//! Proof that we see everything.
//!
//! Every list of Databricks shows only what the caller may see, without a word about the rest. So before anything is
//! concluded from what is missing, we must be an administrator of the workspace.

use twinlake_databricks::Reader;
use twinlake_model::Place;

use crate::SyncError;

/// Proves that we are an administrator.
///
/// # Errors
/// [`SyncError::Rights`] if we are not; [`SyncError::Crawl`] if we could not ask.
pub(crate) async fn prove(reader: &Reader, place: &Place) -> Result<(), SyncError> {
    let me = reader.get_json("/api/2.0/preview/scim/v2/Me", &[]).await;
    let me = me.map_err(|source| SyncError::crawl("our own rights", place, source))?;
    let groups = me["groups"].as_array().map_or(&[][..], Vec::as_slice);
    if groups.iter().any(|group| group["display"] == "admins") {
        return Ok(());
    }
    let who = me["userName"].as_str().unwrap_or("the identity").to_owned();
    Err(SyncError::Rights { who, place: place.clone() })
}
