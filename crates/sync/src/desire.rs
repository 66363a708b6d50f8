//! What a copy should be. Pure.

use serde_json::Value;
use twinlake_assets::AssetKind;
use twinlake_assets::localize::{Dialects, Pair, localize};
use twinlake_model::{Document, Entry, Mappings, Posture, Role, SiteId};

/// The two dialects of a copy, and how to get from one to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Direction<'a> {
    pub(crate) from: &'a SiteId,
    pub(crate) to: &'a SiteId,
    pub(crate) mappings: &'a Mappings,
    pub(crate) role: Role,
}

/// What an asset's copy should be: its document in the target's dialect, and its posture in the target's role.
pub(crate) fn desire(
    kind: &dyn AssetKind,
    source: &Entry,
    portable: &Value,
    direction: Direction<'_>,
    base: Option<(&Value, &Value)>,
) -> (Document, Posture) {
    let Direction { from, to, mappings, role } = direction;
    let pair = base.map(|(from, to)| Pair { from, to });
    let document = localize(&kind.schema().fragment, portable, Dialects { from, to, mappings }, pair);
    let posture = match role {
        Role::Primary => source.version.posture.clone(),
        Role::Standby => kind.asleep(&source.version.posture),
    };
    (Document::from(document), posture)
}
