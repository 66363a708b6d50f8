//! What happened: the log that tests judge by.
//!
//! Two records are kept. The log has one entry for each thing that changed, started, fired or ran, by whom and when.
//! The meters add up what would have been on the bill.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Something is new.
    Created,
    /// Something is different.
    Updated,
    /// Something is gone.
    Deleted,
    /// Compute was asked to start.
    Started,
    /// Compute was stopped.
    Stopped,
    /// A trigger of a job was due and active.
    Fired,
    /// A run began to execute.
    Ran,
    /// A run came to its end.
    Ended,
    /// A run was queued.
    Queued,
    /// A run was skipped.
    Skipped,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Counts up from 1 over the whole account.
    pub number: u64,
    /// Epoch milliseconds of simulated time.
    pub at_ms: i64,
    /// The workspace's name.
    pub workspace: Arc<str>,
    /// Who did it: the API's caller, an outside caller's name, or `service`.
    pub actor: Arc<str>,
    /// What was done.
    pub deed: Deed,
    /// To what kind of thing: `job`, `cluster`, `run`, ...
    pub kind: Cow<'static, str>,
    /// To which one: its remote id; for the workspace tree its path.
    pub id: String,
    /// More, for a person.
    pub detail: String,
}

/// The log of an account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EffectLog(Vec<Effect>);

impl EffectLog {
    pub(crate) fn push(&mut self, mut effect: Effect) {
        effect.number = self.0.len() as u64 + 1;
        self.0.push(effect);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn find<'a>(&'a self, query: &'a EffectQuery) -> impl Iterator<Item = &'a Effect> {
        let from = usize::try_from(query.after).unwrap_or(usize::MAX).min(self.0.len());
        self.0[from..].iter().filter(|effect| query.matches(effect))
    }
}

/// Which effects to show. Empty: all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EffectQuery {
    /// Only those with a greater number.
    pub after: u64,
    /// Only at this workspace.
    pub workspace: Option<String>,
    /// Only this deed.
    pub deed: Option<Deed>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only at or after this time, epoch milliseconds.
    pub from_ms: Option<i64>,
    /// Only before this time, epoch milliseconds.
    pub to_ms: Option<i64>,
}

impl EffectQuery {
    fn matches(&self, effect: &Effect) -> bool {
        fn is(wanted: Option<&String>, found: &str) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        is(self.workspace.as_ref(), &effect.workspace)
            && is(self.kind.as_ref(), &effect.kind)
            && is(self.actor.as_ref(), &effect.actor)
            && self.deed.is_none_or(|deed| deed == effect.deed)
            && self.from_ms.is_none_or(|from| effect.at_ms >= from)
            && self.to_ms.is_none_or(|to| effect.at_ms < to)
    }
}

/// What went on at a workspace between two moments, beyond changes of configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Starts of clusters and warehouses.
    pub started: u64,
    /// Triggers that fired.
    pub fired: u64,
    /// Runs that began to execute.
    pub ran: u64,
    /// Runs that were skipped.
    pub skipped: u64,
    /// Runs that were queued.
    pub queued: u64,
    /// Seconds that clusters were up, from the start of the machines to their end.
    pub cluster_seconds: f64,
    /// Seconds that warehouses were up.
    pub warehouse_seconds: f64,
    /// Seconds that pools held instances idle, times instances.
    pub pool_seconds: f64,
}

impl Activity {
    /// Nothing started, fired, ran, waited or billed.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.started + self.fired + self.ran + self.queued == 0 && self.billed_seconds() == 0.0
    }

    /// All that would be on the bill, in seconds.
    #[must_use]
    pub fn billed_seconds(&self) -> f64 {
        self.cluster_seconds + self.warehouse_seconds + self.pool_seconds
    }
}

/// What is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Metered {
    Cluster,
    Warehouse,
    Pool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reading {
    what: Metered,
    id: String,
    units: u32,
    from_ms: i64,
    to_ms: Option<i64>,
}

/// The meters of a workspace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Meters {
    readings: Vec<Reading>,
    /// The open reading of each thing that is metered now.
    open: BTreeMap<String, usize>,
}

impl Meters {
    /// From now on, `units` of it are on the bill. 0 ends it.
    pub(crate) fn set(&mut self, what: Metered, id: &str, units: u32, now_ms: i64) {
        if let Some(open) = self.open.remove(id)
            && let Some(reading) = self.readings.get_mut(open)
        {
            reading.to_ms = Some(now_ms);
        }
        if units > 0 {
            self.open.insert(id.to_owned(), self.readings.len());
            self.readings.push(Reading { what, id: id.to_owned(), units, from_ms: now_ms, to_ms: None });
        }
    }

    /// Whether it is on the bill now.
    pub(crate) fn is_on(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    /// Adds to `activity` what was metered in `from_ms..to_ms`.
    pub(crate) fn add_to(&self, activity: &mut Activity, from_ms: i64, to_ms: i64) {
        for reading in &self.readings {
            let milliseconds =
                (reading.to_ms.unwrap_or(to_ms).min(to_ms) - reading.from_ms.max(from_ms)).max(0);
            #[expect(clippy::cast_precision_loss, reason = "a span of simulated time")]
            let seconds = milliseconds as f64 / 1000.0 * f64::from(reading.units);
            match reading.what {
                Metered::Cluster => activity.cluster_seconds += seconds,
                Metered::Warehouse => activity.warehouse_seconds += seconds,
                Metered::Pool => activity.pool_seconds += seconds,
            }
        }
    }
}
