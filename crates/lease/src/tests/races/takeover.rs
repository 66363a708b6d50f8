//! A race in which the witness is gone for a while, for everybody, and somebody takes over without it.
//!
//! Everybody who acts holds the lease at the standby, too. Whoever promotes tells the witness first and the standby
//! second; so the standby is behind by one epoch at most, and whoever takes over without the witness skips one, which
//! may have begun unheard of. The witness learns of it when it is back, before anybody acts with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use twinlake_base::{Entropy, Gate, GateDecision, Gatekeeper, Instant, Passage};
use twinlake_model::{Epoch, SiteId};
use twinlake_objects::{Objects, ObjectsOptions};

use super::judge::Notes;
use super::machine::{Process, Rough, any_clock, any_site, group, recorded};
use super::{LENGTH, in_virtual_time, truly};
use crate::{Lease, LeaseError, Term, Terms, Witness};

/// The witness is gone between these two.
#[derive(Clone, Copy)]
struct Outage {
    from: Instant,
    to: Instant,
}

/// Rough, and shut while the witness is gone.
struct Shut {
    outage: Outage,
    rough: Rough,
}

impl Gatekeeper for Shut {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        let now = Instant::now();
        if self.outage.from <= now && now < self.outage.to {
            return GateDecision::Lose;
        }
        self.rough.decide(passage)
    }
}

pub(super) fn race(seed: u64) -> Notes {
    in_virtual_time(seed, |entropy, notes| async move {
        let start = Instant::now();
        let from = start + Duration::from_secs(entropy.below(600));
        let outage = Outage { from, to: from + Duration::from_secs(300 + entropy.below(900)) };
        let (witness, standby) = (Objects::in_memory(truly()), Objects::in_memory(truly()));
        let run = |number| {
            let stores = Stores { witness: witness.clone(), standby: standby.clone(), outage };
            tokio::spawn(machine(stores, number, entropy.clone(), Arc::clone(&notes), start + LENGTH))
        };
        for machine in (0..2).map(run).collect::<Vec<_>>() {
            machine.await.unwrap();
        }
        let mut all = recorded(&witness, "lease").await;
        all.extend(recorded(&standby, "standby").await);
        // A term that the witness has and nobody acted in was never heard of: the one that is skipped.
        let acted: Vec<Epoch> = notes.lock().unwrap().sent.iter().map(|sent| sent.term.epoch).collect();
        all.retain(|term| acted.contains(&term.epoch));
        notes.lock().unwrap().recorded = all;
    })
}

struct Stores {
    witness: Objects,
    standby: Objects,
    outage: Outage,
}

async fn machine(stores: Stores, number: u64, entropy: Entropy, notes: Arc<Mutex<Notes>>, end: Instant) {
    let clock = any_clock(&entropy);
    for process in 0.. {
        let name = format!("process {process} on {number}");
        let shut = Shut { outage: stores.outage, rough: Rough(entropy.clone()) };
        let keepers: [Arc<dyn Gatekeeper>; 2] = [Arc::new(shut), Arc::new(Rough(entropy.clone()))];
        let [witness, standby] =
            keepers.map(|keeper| ObjectsOptions::new(clock.clone(), Gate::kept_by(keeper)));
        let open = |objects: &Objects, options| {
            Witness::new(objects.reopened(options), &name, Terms::default(), clock.clone(), entropy.clone())
        };
        let witness = open(&stores.witness, witness);
        let standby = open(&stores.standby, standby).in_row("standby");
        let process = Process {
            name: name.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            notes: Arc::clone(&notes),
        };
        let life = Instant::now() + Duration::from_secs(entropy.below(900));
        let _ = tokio::time::timeout_at(life.min(end), process.work_at(&witness, &standby)).await;
        if Instant::now() >= end {
            return;
        }
    }
}

impl Process {
    /// Takes the lease at the standby, then the one of the witness; without the second after a long silence.
    async fn work_at(&self, witness: &Witness, standby: &Witness) {
        let mut silent_since = None;
        loop {
            self.pause(30_000).await;
            let Ok(here) = standby.acquire(&group(), &SiteId::from("east")).await else { continue };
            match witness.acquire(&group(), &SiteId::from("east")).await {
                Ok(there) => {
                    silent_since = None;
                    if agree(&there, &here).await.is_ok() {
                        self.act(&here, Some(&there)).await;
                    }
                    drop(there.release().await);
                }
                Err(LeaseError::Held { .. }) => silent_since = None,
                Err(_) => {
                    let since = *silent_since.get_or_insert(self.clock.instant());
                    // Long enough for whoever could still act by the witness to have ended.
                    if self.clock.instant() > since + Terms::default().wait() && self.take_over(&here).await {
                        self.act(&here, None).await;
                    }
                }
            }
            drop(here.release().await);
        }
    }

    async fn take_over(&self, here: &Lease) -> bool {
        let primary = any_site(&self.entropy);
        let epoch = Epoch(here.epoch().0 + 2);
        let done = here.advance_to(epoch, &primary).await.map(|()| Term { epoch, primary });
        let is_done = done.is_ok();
        self.began(here, done);
        self.notes.lock().unwrap().taken_over += usize::from(is_done);
        is_done
    }

    /// Acts for a while; promotes at times, where there is a witness. Ends with nothing under way.
    async fn act(&self, here: &Lease, there: Option<&Lease>) {
        let mut under_way = Instant::now();
        for _ in 0..self.entropy.below(30) {
            let leases: Vec<&Lease> = there.into_iter().chain([here]).collect();
            if leases.iter().any(|lease| lease.term() != here.term()) {
                break;
            }
            under_way = under_way.max(self.send(&leases, &here.term()).await);
            match (self.entropy.below(12), there) {
                (0, Some(there)) => {
                    let primary = any_site(&self.entropy);
                    let Ok(epoch) = there.advance(&primary).await else { break };
                    let done = here.advance_to(epoch, &primary).await.map(|()| Term { epoch, primary });
                    self.began(here, done);
                }
                (1..=5, _) => {
                    for lease in leases {
                        drop(lease.renew().await);
                    }
                }
                _ => self.pause(20_000).await,
            }
        }
        tokio::time::sleep_until(under_way).await;
    }
}

/// The one that is behind learns from the other, before anybody acts.
async fn agree(there: &Lease, here: &Lease) -> Result<(), LeaseError> {
    let (known, ours) = (there.term(), here.term());
    if ours.epoch > known.epoch {
        there.advance_to(ours.epoch, &ours.primary).await
    } else if known.epoch > ours.epoch {
        here.advance_to(known.epoch, &known.primary).await
    } else {
        Ok(())
    }
}
