//! Ships the state: the whole of it, compressed, encrypted, to every location that is given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use twinlake_base::Clock;
use twinlake_store::Store;

use crate::header::{Body, Facts};
use crate::retention::superfluous;
use crate::shelf::{Shelf, is_crash};
use crate::{Arrival, Finding, Key, Location, Shipment, VaultError};

/// What ships. Cheap to clone; clones remember together what has arrived where.
#[derive(Clone)]
pub struct Vault {
    key: Key,
    clock: Clock,
    by: Arc<str>,
    /// Per location, how many writes the state had seen when it arrived there, and as which generation.
    arrived: Arc<Mutex<HashMap<String, (u64, u64)>>>,
}

impl Vault {
    /// A vault that encrypts with this key. `by` names this controller to whoever recovers; it is encrypted, too.
    #[must_use]
    pub fn new(key: Key, clock: Clock, by: &str) -> Self {
        Self { key, clock, by: by.into(), arrived: Arc::default() }
    }

    /// Ships the state to every location, side by side. One that fails holds up no other, and is told.
    ///
    /// A location that has the present state is left alone: without any request while this process has written
    /// nothing since it arrived there, and after two small ones otherwise. Everywhere else it becomes the next
    /// generation: a listing, the newest line read, one put, and the line and the deletion of the one that is too many.
    ///
    /// The newest [`KEPT`](crate::KEPT) generations stay, and so does every one that our audit does not continue:
    /// another controller's work is never cleared away.
    ///
    /// One `Vault` ships one state: whoever opens another one makes another vault.
    ///
    /// # Errors
    /// When the state cannot be read, or the process was stopped by a test. What fails at a location is in its
    /// [`Shipment`].
    pub async fn ship(&self, store: &Store, to: &[Location]) -> Result<Vec<Shipment>, VaultError> {
        let writes = store.writes();
        if let Some(unchanged) = self.all_arrived(to, writes) {
            return Ok(unchanged);
        }
        let export = store.export().await?;
        let body = Body::of(&export, &self.by, self.clock.now(), &self.key)?;
        let writes = export.writes;
        drop(export);
        let shipments =
            join_all(to.iter().map(|location| self.ship_to(store, &body, writes, location))).await;
        shipments.into_iter().collect()
    }

    async fn ship_to(
        &self,
        store: &Store,
        body: &Body,
        writes: u64,
        location: &Location,
    ) -> Result<Shipment, VaultError> {
        let mut findings = Vec::new();
        let arrival = match self.put(store, body, location, &mut findings).await {
            Ok(arrival) => arrival,
            Err(error) if is_crash(&error) => return Err(error),
            Err(error) => Arrival::Failed(error),
        };
        if let Arrival::Shipped { generation, .. } | Arrival::Unchanged { generation } = arrival {
            let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            arrived.insert(location.name.clone(), (writes, generation));
        }
        Ok(Shipment { location: location.name.clone(), arrival, findings })
    }

    async fn put(
        &self,
        store: &Store,
        body: &Body,
        location: &Location,
        findings: &mut Vec<Finding>,
    ) -> Result<Arrival, VaultError> {
        let shelf = Shelf(location);
        let generations = shelf.generations().await?;
        let last = generations.last().copied();
        if let Some(last) = last
            && let Some(newest) = look(&shelf, last, findings).await?
        {
            if newest.state == body.facts.state {
                return Ok(Arrival::Unchanged { generation: last });
            }
            findings.extend(stranger(store, &newest, &body.facts, last).await?);
        }
        let (generation, size_bytes) = shelf.put(body, last.unwrap_or(0)).await?;
        for old in superfluous(&generations, generation) {
            clear(store, &shelf, old, &body.facts, findings).await?;
        }
        Ok(Arrival::Shipped { generation, size_bytes })
    }

    /// The answer where nothing was written since the state arrived everywhere.
    fn all_arrived(&self, to: &[Location], writes: u64) -> Option<Vec<Shipment>> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = to.iter().map(|location| {
            let (at, generation) = *arrived.get(&location.name)?;
            let arrival = Arrival::Unchanged { generation };
            (at == writes).then(|| Shipment {
                location: location.name.clone(),
                arrival,
                findings: Vec::new(),
            })
        });
        unchanged.collect()
    }
}

/// What a generation says of itself; None, and a finding, when it does not.
async fn look(
    shelf: &Shelf<'_>,
    generation: u64,
    findings: &mut Vec<Finding>,
) -> Result<Option<Facts>, VaultError> {
    match shelf.header(generation).await {
        Ok(header) => Ok(header.map(|header| header.facts)),
        Err(error @ (VaultError::Damaged { .. } | VaultError::Newer { .. })) => {
            findings.push(Finding::Unreadable { generation, detail: error.to_string() });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a shipped state is one that ours does not continue.
async fn stranger(
    store: &Store,
    found: &Facts,
    ours: &Facts,
    generation: u64,
) -> Result<Option<Finding>, VaultError> {
    if found.audit_rows > ours.audit_rows {
        let (rows, ours) = (found.audit_rows, ours.audit_rows);
        return Ok(Some(Finding::Ahead { generation, rows, ours }));
    }
    let there = if found.audit_rows == 0 { None } else { store.audit_digest(found.audit_rows).await? };
    Ok((there != found.audit_head).then_some(Finding::Forked { generation, row: found.audit_rows }))
}

/// Clears an old generation away if ours continues it. What cannot be cleared now is a finding, not a failure.
async fn clear(
    store: &Store,
    shelf: &Shelf<'_>,
    generation: u64,
    ours: &Facts,
    findings: &mut Vec<Finding>,
) -> Result<(), VaultError> {
    let cleared = async {
        let mut noticed = Vec::new();
        if let Some(old) = look(shelf, generation, &mut noticed).await? {
            match stranger(store, &old, ours, generation).await? {
                Some(finding) => noticed.push(finding),
                None => shelf.clear(generation).await?,
            }
        }
        Ok(noticed)
    };
    match cleared.await {
        Ok(noticed) => findings
            .extend(noticed.into_iter().filter(|finding| !findings.contains(finding)).collect::<Vec<_>>()),
        Err(error) if is_crash(&error) => return Err(error),
        Err(error) => findings.push(Finding::NotCleared { generation, why: error.to_string() }),
    }
    Ok(())
}
