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

/// The `there` of a pair as far as it can still be believed. It was made with the tables `former`; where those of now say
/// something else of `here`, it speaks of nothing any more, so that a row that was added or changed takes effect.
pub(crate) fn believable(
    kind: &dyn AssetKind,
    here: &Value,
    there: &Value,
    direction: Direction<'_>,
    former: Option<&Mappings>,
) -> Value {
    let Direction { from, to, mappings, .. } = direction;
    let Some(former) = former else { return Value::Null };
    if former == mappings {
        return there.clone();
    }
    let by = |mappings| localize(&kind.schema().fragment, here, Dialects { from, to, mappings }, None);
    let mut there = there.clone();
    forget(&by(former), &by(mappings), &mut there);
    there
}

/// Puts null wherever `then` and `now` differ.
fn forget(then: &Value, now: &Value, there: &mut Value) {
    match (then, now, there) {
        _ if then == now => {}
        (Value::Object(then), Value::Object(now), Value::Object(there)) if then.len() == now.len() => {
            for (key, there) in there {
                if let (Some(then), Some(now)) = (then.get(key), now.get(key)) {
                    forget(then, now, there);
                }
            }
        }
        (Value::Array(then), Value::Array(now), Value::Array(there)) if then.len() == now.len() => {
            for ((then, now), there) in then.iter().zip(now).zip(there) {
                forget(then, now, there);
            }
        }
        (_, _, there) => *there = Value::Null,
    }
}
