//! `acknowledge`: somebody has read what an old primary did that was never replicated, and lets the reverse direction
//! write over it (P10). All of it stays readable in the state.

use serde::Serialize;
use serde_json::json;
use twinlake_model::{Divergence, Fence, FoundAwake, GroupName, Place, Tail};
use twinlake_store::AuditEntry;

use crate::{ControllerError, House};

/// A tail that waits, or was acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Acknowledged {
    /// The group.
    pub group: GroupName,
    /// The place whose tail it is.
    pub place: Place,
    /// What is known of it.
    pub tail: Tail,
    /// What was made, edited and deleted there, and what ran.
    pub divergence: Divergence,
    /// What was found awake there and put to sleep since.
    pub found_awake: Vec<FoundAwake>,
}

/// The tails of a group that are known.
///
/// # Errors
/// When there is no such group, or the state cannot be read.
pub async fn divergences(house: &House, group: &str) -> Result<Vec<Acknowledged>, ControllerError> {
    let name = house.groups(Some(group))?[0].name.clone();
    let mut tails = Vec::new();
    for fence in house.store.fences(&name).await? {
        tails.extend(told(house, fence).await?);
    }
    Ok(tails)
}

/// Lets the reverse direction write over the tail with this digest, or its first digits.
///
/// # Errors
/// [`ControllerError::NotNow`] if no tail with that digest waits.
pub async fn acknowledge(
    house: &House,
    group: &str,
    digest: &str,
    by: &str,
) -> Result<Acknowledged, ControllerError> {
    let name = house.groups(Some(group))?[0].name.clone();
    let mut waiting = Vec::new();
    for mut fence in house.store.fences(&name).await? {
        let Tail::Quarantined { divergence, .. } = fence.tail else { continue };
        if digest.is_empty() || !divergence.to_string().starts_with(&digest.to_ascii_lowercase()) {
            waiting.push(format!("{} of {}", divergence.short(), fence.place));
            continue;
        }
        let at = house.setup.clock.now();
        fence.tail = Tail::Acknowledged { divergence, by: by.to_owned(), at };
        house.store.put_fence(&fence).await?;
        let entry = AuditEntry {
            at,
            actor: by.to_owned(),
            action: "tail.acknowledged".to_owned(),
            subject: format!("{name}: {}", fence.place),
            detail: json!({ "divergence": divergence, "epoch": fence.epoch }),
        };
        house.store.append_audit(&entry).await?;
        let Some(told) = told(house, fence).await? else { break };
        return Ok(told);
    }
    let (what, instead) = match waiting.as_slice() {
        [] => (format!("no tail of {name} waits to be acknowledged"), format!("twinlake status {name}")),
        _ => (
            format!("no tail of {name} has the digest {digest:?}; what waits is {}", waiting.join(", ")),
            format!("twinlake failback {name}"),
        ),
    };
    Err(ControllerError::NotNow { what, instead })
}

async fn told(house: &House, fence: Fence) -> Result<Option<Acknowledged>, ControllerError> {
    let (Tail::Quarantined { divergence, .. } | Tail::Acknowledged { divergence, .. }) = &fence.tail else {
        return Ok(None);
    };
    let divergence = serde_json::from_value(house.store.document(*divergence).await?.value());
    let found_awake = super::standing::recall(house, &fence).await?;
    Ok(Some(Acknowledged {
        group: fence.group,
        place: fence.place,
        tail: fence.tail,
        divergence: divergence.unwrap_or_default(),
        found_awake,
    }))
}
