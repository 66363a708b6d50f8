//! Our share of what a host allows, paced: who starts next, and when.
//!
//! One budget per host and API family, one limit on requests under way per host. Requests of a family start one
//! after the other at even distances, first come first served; retries go ahead of new requests, because they have
//! already waited. A refusal (429) slows the family down and makes all of it wait; see `rate`.
//!
//! Even distances rather than bursts, so that a host that counts per second of its own clock never counts one too many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use twinlake_base::Clock;

use crate::rate::Rate;
use crate::{Error, Limit, Limits, Share};

/// The largest part of a limit that is ever used. The rest absorbs what the network adds and takes away: a window of
/// one second at the host sees the requests of 1.05 s when latencies differ by 50 ms.
pub(crate) const HEADROOM: f64 = 0.95;
/// Lateness that is made up for: timers fire late, and a slot that is taken late must not delay all that follow.
const CATCH_UP: Duration = Duration::from_millis(15);
/// How many requests may start at once after a pause, where our share leaves the room for it.
const MOST_AT_ONCE: f64 = 3.0;
/// How long a family waits after a refusal that names no time. The SDKs' is the same.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that a host can make a whole family wait by naming a time.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Requests under way per host. Databricks' own bulk tools use five to fifteen workers per kind.
const CONCURRENCY: usize = 32;

/// The budgets of all hosts that a process talks to. Cheap to clone; clones share.
///
/// All clients of one process should share one, so that two clients of one host share its budget.
/// The exception is a probe: on a host that has fallen silent, all places may be taken by requests that wait for their
/// deadlines, so what must know quickly whether a host lives takes budgets of its own.
#[derive(Clone)]
pub struct Budgets(Arc<Shared>);

struct Shared {
    limits: Limits,
    clock: Clock,
    hosts: Mutex<BTreeMap<String, Arc<HostBudget>>>,
}

/// What was sent, counted since the budget was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that were refused because there were too many.
    pub refused: u64,
    /// Requests that were sent again.
    pub retries: u64,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            refused: self.refused + other.refused,
            retries: self.retries + other.retries,
        }
    }
}

impl Budgets {
    /// Budgets by a table of limits.
    #[must_use]
    pub fn new(limits: Limits, clock: Clock) -> Self {
        Self(Arc::new(Shared { limits, clock, hosts: Mutex::default() }))
    }

    /// The table that they follow.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// One host's budget. The first caller's share holds until it is set anew.
    pub(crate) fn host(&self, authority: &str, share: Share) -> Arc<HostBudget> {
        let mut hosts = lock(&self.0.hosts);
        let shared = &self.0;
        let make = || Arc::new(HostBudget::new(shared.limits.clone(), share, shared.clock.clone()));
        hosts.entry(authority.to_owned()).or_insert_with(make).clone()
    }
}

/// One host's budget.
pub(crate) struct HostBudget {
    limits: Limits,
    clock: Clock,
    /// In the order of the table's rows.
    families: Vec<Family>,
    under_way: Arc<Semaphore>,
}

impl HostBudget {
    fn new(limits: Limits, share: Share, clock: Clock) -> Self {
        let families = limits.rows().iter().map(|row| Family::new(row, share, clock.instant())).collect();
        Self { limits, clock, families, under_way: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Another share, from the next request on.
    pub(crate) fn set_share(&self, share: Share) {
        for family in &self.families {
            lock(&family.schedule).set_share(share);
        }
    }

    /// What was sent, by family.
    pub(crate) fn counts(&self) -> BTreeMap<String, Counts> {
        let named = self.limits.rows().iter().zip(&self.families);
        named.map(|(row, family)| (row.family.clone(), family.counters.read())).collect()
    }

    /// Waits for a request's turn. Dropping the [`Turn`] says that the request is no longer under way.
    ///
    /// # Errors
    /// [`Error::Limits`] if no row covers the request, which the table's last row excludes.
    pub(crate) async fn turn(&self, method: &Method, path: &str, retry: bool) -> Result<Turn<'_>, Error> {
        let uncovered = || Error::Limits { reason: format!("no row covers {method} {path}") };
        let family = self.limits.index(method, path).and_then(|index| self.families.get(index));
        let family = family.ok_or_else(uncovered)?;
        family.turn(&self.clock, &self.under_way, retry).await
    }
}

/// A request's turn: it may start now, and counts as under way until this is dropped.
pub(crate) struct Turn<'a> {
    family: &'a Family,
    generation: u64,
    _under_way: OwnedSemaphorePermit,
}

impl Turn<'_> {
    /// The request is sent now: counts it.
    pub(crate) fn sent(&self, retry: bool) {
        self.family.counters.requests.fetch_add(1, Ordering::Relaxed);
        if retry {
            self.family.counters.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The host answered, and not that there were too many requests.
    pub(crate) fn accepted(&self) {
        lock(&self.family.schedule).rate.accepted(self.generation);
    }

    /// The host answered that there were too many requests.
    pub(crate) fn refused(&self, now: Instant, retry_after: Option<Duration>) {
        self.family.counters.refused.fetch_add(1, Ordering::Relaxed);
        let mut schedule = lock(&self.family.schedule);
        if schedule.refused(self.generation, now, retry_after) {
            let per_second = schedule.rate.per_second();
            tracing::debug!(
                api.family = self.family.name,
                per_second,
                "slowed down: the host refused a request"
            );
        }
    }
}

/// One family's queue, schedule and counters.
struct Family {
    name: String,
    /// Who is next: retries queue here, behind at most one new request.
    next: tokio::sync::Mutex<()>,
    /// New requests queue here first.
    new: tokio::sync::Mutex<()>,
    schedule: Mutex<Schedule>,
    counters: Counters,
}

impl Family {
    fn new(row: &Limit, share: Share, now: Instant) -> Self {
        Self {
            name: row.family.clone(),
            next: tokio::sync::Mutex::default(),
            new: tokio::sync::Mutex::default(),
            schedule: Mutex::new(Schedule::new(row.per_second, share, now)),
            counters: Counters::default(),
        }
    }

    async fn turn<'a>(
        &'a self,
        clock: &Clock,
        under_way: &Arc<Semaphore>,
        retry: bool,
    ) -> Result<Turn<'a>, Error> {
        // Both locks are fair, so that order of arrival is order of start.
        let _new = if retry { None } else { Some(self.new.lock().await) };
        let _next = self.next.lock().await;
        loop {
            let earliest = lock(&self.schedule).earliest();
            if earliest > clock.instant() {
                clock.sleep_until(earliest).await;
                continue;
            }
            // Only who is next waits for room at the host: started later, the places before it would bunch up.
            let closed = |_| Error::Setup { reason: "the limit on requests under way is closed".to_owned() };
            let permit = under_way.clone().acquire_owned().await.map_err(closed)?;
            let mut schedule = lock(&self.schedule);
            let now = clock.instant();
            if schedule.earliest() <= now {
                let generation = schedule.take(now);
                return Ok(Turn { family: self, generation, _under_way: permit });
            }
        }
    }
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    refused: AtomicU64,
    retries: AtomicU64,
}

impl Counters {
    fn read(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}

/// When the next request of a family may start.
struct Schedule {
    limit: f64,
    rate: Rate,
    /// When the next request is due if requests come evenly.
    due: Instant,
    paused_until: Instant,
    /// How many requests may start ahead of when they are due.
    ahead: f64,
}

impl Schedule {
    fn new(limit: f64, share: Share, now: Instant) -> Self {
        let (full, ahead) = allowance(limit, share);
        Self { limit, rate: Rate::new(full), due: now, paused_until: now, ahead }
    }

    fn set_share(&mut self, share: Share) {
        let (full, ahead) = allowance(self.limit, share);
        self.rate.set_full(full);
        self.ahead = ahead;
    }

    fn distance(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate.per_second())
    }

    fn earliest(&self) -> Instant {
        let credit =
            if self.rate.is_lowered() { Duration::ZERO } else { self.distance().mul_f64(self.ahead) };
        self.due.checked_sub(credit).unwrap_or(self.due).max(self.paused_until)
    }

    fn take(&mut self, now: Instant) -> u64 {
        let not_before = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.due = self.due.max(not_before) + self.distance();
        self.rate.generation()
    }

    /// Returns whether it is the first refusal of its generation.
    fn refused(&mut self, generation: u64, now: Instant, retry_after: Option<Duration>) -> bool {
        let first = self.rate.refused(generation);
        // Those that were under way with the first refused one add no wait of their own making.
        let wait = if first { retry_after.or(Some(PAUSE)) } else { retry_after };
        if let Some(wait) = wait {
            self.paused_until = self.paused_until.max(now + wait.min(LONGEST_PAUSE));
            self.due = self.due.max(self.paused_until);
        }
        first
    }
}

/// The full rate under a limit and a share, and how many requests may start ahead of their time: no more than
/// what keeps any second, stretched by the network, within the limit.
fn allowance(limit: f64, share: Share) -> (f64, f64) {
    let rate = limit * share.get().min(HEADROOM);
    let room = limit - (rate / HEADROOM).ceil();
    (rate, room.clamp(0.0, MOST_AT_ONCE - 1.0).floor())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
