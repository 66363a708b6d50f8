//! What is woken: the spec as it was last replicated, the posture as it was before we put anything to sleep (P7).

use std::collections::{BTreeMap, HashMap};

use twinlake_model::{AssetId, Key, Posture, Snapshot};
use twinlake_store::{Store, StoreError};

/// A snapshot whose every asset has the posture that it had in an earlier one.
pub(crate) struct Waking {
    /// The snapshot. It belongs to no cycle, and is kept by whoever refers to it.
    pub(crate) snapshot: Snapshot,
    /// What was made after the earlier one. It was put to sleep as it was made, so nobody knows how it was meant to run:
    /// it stays asleep, and is named.
    pub(crate) made_since: Vec<(AssetId, Key)>,
}

/// Gives each asset of `latest` the posture that it had in `pinned`.
///
/// # Errors
/// When either cannot be read.
pub(crate) async fn with_postures_of(
    store: &Store,
    pinned: &Snapshot,
    latest: &Snapshot,
) -> Result<Waking, StoreError> {
    let mut made_since = Vec::new();
    let mut manifests = BTreeMap::new();
    for (kind, digest) in &latest.manifests {
        let mut manifest = store.manifest(*digest).await?;
        let postures: HashMap<AssetId, Posture> = match pinned.manifests.get(kind) {
            None => HashMap::new(),
            Some(digest) => {
                let entries = store.manifest(*digest).await?.entries;
                entries.into_iter().map(|entry| (entry.asset, entry.version.posture)).collect()
            }
        };
        for entry in &mut manifest.entries {
            match postures.get(&entry.asset) {
                Some(posture) => {
                    // A field that is gone since decides nothing any more; one that is new sleeps as it was found.
                    let kept = posture.iter().filter(|(at, _)| entry.version.posture.get(at).is_some());
                    let kept: Posture = kept.map(|(at, value)| (at.to_owned(), value.clone())).collect();
                    entry.version.posture.overlay(&kept);
                }
                None => made_since.push((entry.asset.clone(), entry.key.clone())),
            }
        }
        manifests.insert(kind.clone(), store.put_manifest(&manifest).await?);
    }
    let snapshot = Snapshot { manifests, ..latest.clone() };
    Ok(Waking { snapshot, made_since })
}
