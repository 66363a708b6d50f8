//! Who may have the lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use twinlake_base::{Clock, Entropy, Instant, Timestamp};
use twinlake_model::{Epoch, GroupName, SiteId};
use twinlake_objects::Objects;

use crate::lease::{Controller, Held};
use crate::ledger::{Ledger, Written};
use crate::record::Record;
use crate::{Lease, LeaseError, Term, Terms};

/// How often a record is written anew whose answer was lost, or whose number somebody else got.
const ATTEMPTS: usize = 3;

/// The row in which the records of a witness lie.
const ROW: &str = "lease";

/// What the last record of a group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The group's primary term.
    pub epoch: Epoch,
    /// Where production runs in it.
    pub primary: SiteId,
    /// Who holds the lease, or held it last.
    pub holder: String,
    /// Whether it was released since.
    pub released: bool,
    /// When the record was written, by its writer's date.
    pub written_at: Timestamp,
}

impl Standing {
    /// The group's primary term.
    #[must_use]
    pub fn term(&self) -> Term {
        Term { epoch: self.epoch, primary: self.primary.clone() }
    }
}

/// One controller's view of a place where leases are kept.
///
/// The place is the witness of the groups that it speaks for, and then it must lie outside every site of theirs. Or it
/// is what a site keeps for them, such as a standby's state location, with [a row of its own](Self::in_row): a lease
/// there says who may act at that site, and nothing of who may promote.
///
/// Each value is a controller of its own: make one per process, and leases of one process share it.
pub struct Witness {
    objects: Objects,
    row: &'static str,
    controller: Arc<Controller>,
    seats: Mutex<HashMap<GroupName, Seat>>,
}

/// What we know of a group besides what the witness says.
#[derive(Default)]
struct Seat {
    /// The last record by somebody else, and when we had first seen it.
    watched: Option<(u64, String, Instant)>,
    /// Our own lease, if it still lives.
    ours: Option<Weak<Mutex<Held>>>,
}

/// Whether a group's lease can be taken, decided from what we see.
#[derive(Debug, PartialEq, Eq)]
enum Seating {
    Free,
    TakenUntil(Instant),
}

impl Witness {
    /// A controller that introduces itself as `holder` (`process 4711 on dr-1`).
    #[must_use]
    pub fn new(
        objects: Objects,
        holder: impl Into<String>,
        terms: Terms,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        let holder = holder.into();
        // Two controllers must never draw the same; name and date help where a seed is the same.
        let id = format!("{holder}, {}, {}", clock.now(), entropy.hex(16));
        let controller = Controller { holder, id, terms, clock, entropy };
        Self { objects, row: ROW, controller: Arc::new(controller), seats: Mutex::default() }
    }

    /// The same controller over a row of another name: its records lie under `<row>/<group>`, apart from those of every
    /// other row, and so do its leases. To be said before the first use.
    #[must_use]
    pub fn in_row(self, row: &'static str) -> Self {
        Self { row, ..self }
    }

    /// The URL of the store.
    #[must_use]
    pub fn place(&self) -> &str {
        self.objects.place()
    }

    /// What the last record of a group says; None for a group that never had a lease.
    ///
    /// # Errors
    /// When the witness cannot be asked, or the record not be read.
    pub async fn standing(&self, group: &GroupName) -> Result<Option<Standing>, LeaseError> {
        let last = self.ledger(group).last().await?;
        Ok(last.map(|(_, record)| Standing {
            epoch: record.epoch,
            primary: record.primary,
            holder: record.holder,
            released: record.released,
            written_at: record.written_at,
        }))
    }

    /// Takes the lease of a group, if it is free: never held, released, ours and ended, or somebody else's and waited
    /// out by this controller. `primary` counts for a group that never had a lease and begins its epoch 1; afterwards
    /// the records know better.
    ///
    /// # Errors
    /// [`LeaseError::Held`], with the holder's name and from when on it can be taken over; or when the witness cannot
    /// be asked.
    pub async fn acquire(&self, group: &GroupName, primary: &SiteId) -> Result<Lease, LeaseError> {
        let ledger = self.ledger(group);
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let last = ledger.last().await?;
            if let Some((seq, record)) = &last
                && let Seating::TakenUntil(end) = self.seating(group, *seq, record)
            {
                return Err(self.held_until(group, record, end));
            }
            let (seq, term) = match last {
                Some((seq, record)) => (seq, Term { epoch: record.epoch, primary: record.primary }),
                None => (0, Term { epoch: Epoch(1), primary: primary.clone() }),
            };
            let held = self.controller.held_from_now(seq.saturating_add(1), term);
            match ledger.write(held.seq, &self.controller.record(&held, false)).await? {
                Written::Ours => {
                    if ledger.last_number().await? == Some(held.seq) {
                        return Ok(self.grant(ledger, held));
                    }
                    why = "others went on while this controller stood still".to_owned();
                }
                Written::Taken(record) => why = format!("{} was faster", record.holder),
                Written::Unsettled(reason) => why = reason,
            }
        }
        Err(LeaseError::Unsettled { group: group.clone(), why })
    }

    /// As [`acquire`](Self::acquire), but waits for a holder that has ended, up to `patience`.
    ///
    /// # Errors
    /// As there; [`LeaseError::Held`] if the holder lives on or our patience is too short.
    pub async fn acquire_within(
        &self,
        group: &GroupName,
        primary: &SiteId,
        patience: Duration,
    ) -> Result<Lease, LeaseError> {
        let clock = &self.controller.clock;
        let give_up = clock.instant() + patience;
        loop {
            let error = match self.acquire(group, primary).await {
                Err(error @ LeaseError::Held { .. }) => error,
                other => return other,
            };
            // Looking in between shows a release early, and a renewal, which starts the wait anew.
            let next = (clock.instant() + self.controller.terms.renew_every).min(give_up);
            if clock.instant() >= give_up {
                return Err(error);
            }
            clock.sleep_until(next).await;
        }
    }

    fn ledger(&self, group: &GroupName) -> Ledger {
        Ledger { objects: self.objects.clone(), row: self.row, group: group.clone() }
    }

    /// Also notes when a record was seen first: from then on we wait.
    fn seating(&self, group: &GroupName, seq: u64, record: &Record) -> Seating {
        let now = self.controller.clock.instant();
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = seats.entry(group.clone()).or_default();
        if record.released {
            return Seating::Free;
        }
        if record.controller == self.controller.id {
            return match seat.ours.as_ref().and_then(Weak::upgrade) {
                Some(held) => self.controller.end_of(&held).map_or(Seating::Free, Seating::TakenUntil),
                None => Seating::Free,
            };
        }
        let first_seen = match &seat.watched {
            Some((watched, nonce, first_seen)) if *watched == seq && *nonce == record.nonce => *first_seen,
            _ => {
                seat.watched = Some((seq, record.nonce.clone(), now));
                now
            }
        };
        let end = first_seen + record.terms(&self.controller.terms).wait();
        if now > end { Seating::Free } else { Seating::TakenUntil(end) }
    }

    fn held_until(&self, group: &GroupName, record: &Record, end: Instant) -> LeaseError {
        let clock = &self.controller.clock;
        let wait = end.saturating_duration_since(clock.instant());
        LeaseError::Held {
            group: group.clone(),
            epoch: record.epoch,
            holder: record.holder.clone(),
            until: clock.now().checked_add(wait).unwrap_or(Timestamp::MAX),
        }
    }

    fn grant(&self, ledger: Ledger, held: Held) -> Lease {
        let group = ledger.group.clone();
        let lease = Lease::new(ledger, Arc::clone(&self.controller), held);
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        *seats.entry(group).or_default() = Seat { watched: None, ours: Some(lease.held()) };
        lease
    }
}
