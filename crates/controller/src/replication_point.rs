//! The instant up to which everything of a leg has arrived: the start of its last complete cycle.
//!
//! Kept as a fact of the state beside the cycles, because only the controller knows what the operator accepts as
//! complete. A crash between the end of a cycle and this record makes the point older than it is, never newer.

use twinlake_base::Timestamp;
use twinlake_store::Store;

use crate::ControllerError;
use crate::legs::Leg;

fn fact(leg: &Leg) -> String {
    format!("replication_point/{}/{}/{}", leg.group, leg.source, leg.target)
}

/// Records that everything that stood at `point` has arrived.
pub(crate) async fn advance(store: &Store, leg: &Leg, point: Timestamp) -> Result<(), ControllerError> {
    Ok(store.put_meta(&fact(leg), &point.to_string()).await?)
}

/// The point. None before the first complete cycle.
pub(crate) async fn of(store: &Store, leg: &Leg) -> Result<Option<Timestamp>, ControllerError> {
    Ok(store.meta(&fact(leg)).await?.and_then(|text| text.parse().ok()))
}
