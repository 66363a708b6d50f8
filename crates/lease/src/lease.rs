//! The right to act for a group, until a deadline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use twinlake_base::{Clock, Entropy, Instant, Timestamp};
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_model::{Epoch, GroupName, SiteId};

use crate::ledger::{Ledger, Written};
use crate::record::Record;
use crate::{LeaseError, Term, Terms};

/// How often a record is written anew whose answer was lost.
const ATTEMPTS: usize = 3;

/// The right to act for a group in its epoch. Cheap to clone; clones are one lease.
///
/// It ends at its deadline unless [renewed](Lease::renew), which [`keep`](Lease::keep) does. Dropped without a
/// [release](Lease::release) it is waited out by whoever comes next, as after a crash.
#[derive(Clone)]
pub struct Lease {
    ledger: Ledger,
    controller: Arc<Controller>,
    held: Arc<Mutex<Held>>,
    /// Writes of records happen one after the other.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Who we are, and by which clock and terms.
pub(crate) struct Controller {
    pub(crate) holder: String,
    pub(crate) id: String,
    pub(crate) terms: Terms,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
}

/// What we hold.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) seq: u64,
    pub(crate) epoch: Epoch,
    pub(crate) primary: SiteId,
    /// The deadline by both clocks; the one that comes first counts. None: it has ended, for the reason beside it.
    deadline: Option<(Instant, Timestamp)>,
    ended: Option<String>,
}

impl Lease {
    pub(crate) fn new(ledger: Ledger, controller: Arc<Controller>, held: Held) -> Self {
        Self { ledger, controller, held: Arc::new(Mutex::new(held)), turn: Arc::default() }
    }

    pub(crate) fn held(&self) -> Weak<Mutex<Held>> {
        Arc::downgrade(&self.held)
    }

    /// The group.
    #[must_use]
    pub const fn group(&self) -> &GroupName {
        &self.ledger.group
    }

    /// Who holds it: us.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.controller.holder
    }

    /// The group's primary term.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.look().epoch
    }

    /// Where production runs in this epoch.
    #[must_use]
    pub fn primary(&self) -> SiteId {
        self.look().primary.clone()
    }

    /// Epoch and primary, as one.
    #[must_use]
    pub fn term(&self) -> Term {
        self.look().term()
    }

    /// The number of our last record.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.look().seq
    }

    /// When it ends by the steady clock, unless renewed; None when it has ended.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.controller.end_of(&self.held)
    }

    /// Writes the next record, with a new deadline.
    ///
    /// # Errors
    /// [`LeaseError::Ended`], [`LeaseError::Lost`]: there is nothing left to renew. Otherwise the old deadline stands,
    /// and it can be tried again.
    pub async fn renew(&self) -> Result<(), LeaseError> {
        self.write(|held| Ok(held.term())).await.map(drop)
    }

    /// Begins the next epoch, with its primary, in a renewed lease. This is the moment of a failover.
    ///
    /// # Errors
    /// As [`renew`](Self::renew). After [`LeaseError::Unsettled`] the new epoch may have begun: a renewal finds out.
    pub async fn advance(&self, primary: &SiteId) -> Result<Epoch, LeaseError> {
        let from = self.epoch();
        // A record that an earlier attempt gave up may have arrived since. If it began the epoch that we want, that is
        // it; if it began another one, ours comes after that, for an epoch has one primary.
        let next = |held: &Held| {
            let has_begun = held.epoch > from && held.primary == *primary;
            Ok(if has_begun { held.term() } else { held.term().next(primary.clone()) })
        };
        Ok(self.write(next).await?.epoch)
    }

    /// Begins an epoch that has begun elsewhere, while this place could not be asked, in a renewed lease: so it learns
    /// where production runs. The epochs between remain without a record.
    ///
    /// # Errors
    /// [`LeaseError::Past`] when the group has come to this epoch, or beyond it, already: nothing is written then.
    /// Otherwise as [`advance`](Self::advance).
    pub async fn advance_to(&self, epoch: Epoch, primary: &SiteId) -> Result<(), LeaseError> {
        let from = self.epoch();
        let term = Term { epoch, primary: primary.clone() };
        let next = |held: &Held| {
            let has_arrived = held.epoch > from && held.term() == term;
            if held.epoch < epoch || has_arrived {
                return Ok(term.clone());
            }
            Err(LeaseError::Past {
                group: self.group().clone(),
                asked: epoch,
                held: held.epoch,
                primary: held.primary.clone(),
            })
        };
        self.write(next).await.map(drop)
    }

    /// Renews again and again, and returns when there is nothing left to renew. Run it beside the work, and stop the
    /// work when it returns; dropping it ends the renewals.
    pub async fn keep(&self) -> LeaseError {
        let pause = self.controller.terms.renew_every;
        loop {
            self.controller.clock.sleep(pause).await;
            match self.renew().await {
                Err(error) if error.is_final() => return error,
                // The old deadline stands; the next round tries again, and ends when it has passed.
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Lets go, so that the next controller need not wait. Only for a holder that has no request under way: nobody
    /// waits for those any more. Nothing is permitted from here on, also if this fails.
    ///
    /// # Errors
    /// When the witness cannot be told; then the lease is waited out.
    pub async fn release(&self) -> Result<(), LeaseError> {
        let _turn = self.turn.lock().await;
        let mut held = self.look().clone();
        if self.controller.end_of(&self.held).is_none() {
            return Ok(());
        }
        self.end("it was released");
        let mut why = "records that were given up arrived one after the other".to_owned();
        for _ in 0..ATTEMPTS {
            held.seq = held.seq.saturating_add(1);
            match self.ledger.write(held.seq, &self.controller.record(&held, true)).await? {
                Written::Ours => return Ok(()),
                // An attempt of ours that was given up has arrived. It is let go of, too, with what it says.
                Written::Taken(record) if record.controller == self.controller.id => {
                    (held.epoch, held.primary) = (record.epoch, record.primary);
                }
                Written::Taken(record) => {
                    return Err(LeaseError::Lost { group: self.group().clone(), holder: record.holder });
                }
                Written::Unsettled(reason) => {
                    why = reason;
                    break;
                }
            }
        }
        Err(LeaseError::Unsettled { group: self.group().clone(), why })
    }

    /// Writes the next record with the term that `next` makes of what we hold, and tells which one it was.
    async fn write(&self, next: impl Fn(&Held) -> Result<Term, LeaseError>) -> Result<Term, LeaseError> {
        let _turn = self.turn.lock().await;
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            // While our lease lives nobody else may write, so the next number is ours or we are no longer alone.
            // Afterwards others may have gone on, and only `acquire` looks far enough to tell.
            if self.controller.end_of(&self.held).is_none() {
                self.end("it was not renewed in time");
                return Err(LeaseError::Ended { group: self.group().clone() });
            }
            let (seq, term) = {
                let held = self.look();
                (held.seq.saturating_add(1), next(&held)?)
            };
            let attempt = self.controller.held_from_now(seq, term.clone());
            match self.ledger.write(seq, &self.controller.record(&attempt, false)).await? {
                Written::Ours => {
                    *self.look() = attempt;
                    return Ok(term);
                }
                // An earlier attempt of ours that we had given up has arrived. It says what it says, but a deadline
                // is only ever counted from an attempt whose arrival we saw.
                Written::Taken(record) if record.controller == self.controller.id => {
                    let mut held = self.look();
                    (held.seq, held.epoch, held.primary) = (seq, record.epoch, record.primary);
                }
                Written::Taken(record) => {
                    self.end(&format!("{} took it over", record.holder));
                    return Err(LeaseError::Lost { group: self.group().clone(), holder: record.holder });
                }
                Written::Unsettled(reason) => why = reason,
            }
        }
        Err(LeaseError::Unsettled { group: self.group().clone(), why })
    }

    fn look(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, why: &str) {
        let mut held = self.look();
        held.deadline = None;
        held.ended.get_or_insert_with(|| why.to_owned());
    }
}

impl Permit for Lease {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        let clock = &self.controller.clock;
        let refused = |reason: String| {
            let hint = Some("see who holds the lease with `twinlake status`".to_owned());
            PermitRefused { reason: format!("the lease of group {} {reason}", self.group()), hint }
        };
        let held = self.look();
        let Some((instant, date)) = held.deadline else {
            let why = held.ended.as_deref().unwrap_or("it was not renewed");
            return Err(refused(format!("has ended: {why}")));
        };
        let now = clock.instant();
        if until >= instant {
            let left = instant.saturating_duration_since(now).as_secs();
            let needed = until.saturating_duration_since(now).as_secs();
            return Err(refused(format!("ends in {left} s, the request may take {needed} s")));
        }
        // A machine that slept has a steady clock that stood still; its date tells.
        let until_date = clock.now().checked_add(until.saturating_duration_since(now));
        match until_date {
            Ok(until_date) if until_date < date => Ok(()),
            _ => Err(refused("has ended by the date: the machine slept, or its date was changed".to_owned())),
        }
    }
}

impl Held {
    fn term(&self) -> Term {
        Term { epoch: self.epoch, primary: self.primary.clone() }
    }
}

impl Controller {
    /// What we would hold if a record that is sent from now on arrives.
    pub(crate) fn held_from_now(&self, seq: u64, term: Term) -> Held {
        let date = self.clock.now().checked_add(self.terms.term).unwrap_or(Timestamp::MIN);
        Held {
            seq,
            epoch: term.epoch,
            primary: term.primary,
            deadline: Some((self.clock.instant() + self.terms.term, date)),
            ended: None,
        }
    }

    /// The record of what we would hold. Each has a nonce of its own.
    pub(crate) fn record(&self, held: &Held, released: bool) -> Record {
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Record {
            primary: held.primary.clone(),
            epoch: held.epoch,
            holder: self.holder.clone(),
            controller: self.id.clone(),
            nonce: self.entropy.hex(16),
            term_ms: millis(self.terms.term),
            longest_request_ms: millis(self.terms.longest_request),
            written_at: self.clock.now(),
            released,
        }
    }

    /// When what we hold ends; None when it has, by either clock.
    pub(crate) fn end_of(&self, held: &Mutex<Held>) -> Option<Instant> {
        let held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let (instant, date) = held.deadline?;
        (self.clock.instant() < instant && self.clock.now() < date).then_some(instant)
    }
}
