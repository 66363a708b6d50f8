//! The log of runs as encrypted objects: one per event, made by put-if-absent, never changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use twinlake_base::Timestamp;
use twinlake_objects::{Objects, ObjectsError, Put};
use twinlake_workflow::{Appended, Event, Log, LogError, Recorded, Seq};

use crate::reconcile::end;
use crate::{Key, VaultError, names, record};

/// How often an append whose answer was lost is looked for, and sent again, before it is called unknown.
const LOOKS: usize = 3;

/// How many events are read at once.
const AT_ONCE: usize = 16;

/// A log in an object store. Cheap to clone; clones remember together what they have read.
///
/// - **Compare and append** is put-if-absent under the next number: of all who try, one makes the object.
/// - **A lost answer** is settled by reading the object back: no two encryptions are alike, so what is found is ours or
///   it is not. Where nothing is found the same bytes are sent again, which is safe for the same reason.
/// - **Whole.** A number that is missing in between, an object that does not open, and events that were there and are
///   gone are [`LogError::Damaged`], and name the object.
///
/// One append is one request, as long as nobody else appends to the run; a read is a listing, and one request per
/// event that this process has not seen.
#[derive(Clone)]
pub struct ObjectLog {
    objects: Objects,
    key: Key,
    /// Per run, the events that were read or appended, from the first on.
    known: Arc<Mutex<HashMap<String, Vec<Recorded>>>>,
}

/// What became of a put under one number.
enum Taken {
    /// It is ours.
    Ours,
    /// It is somebody else's.
    Theirs,
    /// Nobody can say.
    Unsettled(String),
}

impl ObjectLog {
    /// The log below `runs/` in a store.
    ///
    /// # Errors
    /// [`VaultError::NoIdentity`] when the secret half of the key is not at hand: a log must be read, too.
    pub fn new(objects: Objects, key: Key) -> Result<Self, VaultError> {
        if !key.can_open() {
            return Err(VaultError::NoIdentity);
        }
        Ok(Self { objects, key, known: Arc::default() })
    }

    /// The URL of the store.
    #[must_use]
    pub fn place(&self) -> &str {
        self.objects.place()
    }

    /// How many events each run has, by one listing.
    ///
    /// # Errors
    /// [`LogError`], also when the events of a run have a gap.
    pub(crate) async fn lengths(&self) -> Result<BTreeMap<String, Seq>, LogError> {
        let seen = self.seen_ends();
        let objects = self.objects.list(names::RUNS).await.map_err(|error| failed("(all)", error))?;
        let mut numbers: BTreeMap<String, BTreeSet<Seq>> = BTreeMap::new();
        for object in &objects {
            if let Some((run, seq)) = names::read_event(&object.name) {
                numbers.entry(run).or_default().insert(seq);
            }
        }
        for run in seen.keys() {
            numbers.entry(run.clone()).or_default();
        }
        let length = |(run, numbers): (String, BTreeSet<Seq>)| {
            let seen = seen.get(&run).copied().unwrap_or(Seq::START);
            let length = self.length(&run, &numbers, seen)?;
            Ok((run, length))
        };
        numbers.into_iter().map(length).collect()
    }

    /// One event that is known to be there.
    pub(crate) async fn event(&self, run: &str, seq: Seq) -> Result<Recorded, LogError> {
        let name = names::event(run, seq);
        let bytes = self.objects.get(&name).await.map_err(|error| failed(run, error))?;
        let Some(bytes) = bytes else {
            return Err(
                self.damaged(run, format!("{name} in {} is listed and cannot be found", self.place()))
            );
        };
        record::open(&self.key, self.place(), run, seq, &bytes).map_err(|error| unread(run, error))
    }

    /// All runs with the dates of their first events.
    pub(crate) async fn begun(&self) -> Result<BTreeSet<(Timestamp, String)>, LogError> {
        let runs = self.lengths().await?.into_keys();
        let firsts = stream::iter(runs.map(async |run| {
            let at = match self.known_events(&run).first() {
                Some(first) => first.event.at,
                None => self.event(&run, Seq::START.next()).await?.event.at,
            };
            Ok((at, run))
        }));
        firsts.buffered(AT_ONCE).try_collect().await
    }

    /// Where the log of a run ends now, in the store.
    async fn last(&self, run: &str) -> Result<Seq, LogError> {
        // Before the listing: what others append while it is on its way need not be in it.
        let seen = self.known_end(run);
        let objects = self.objects.list(&names::run_folder(run)).await.map_err(|error| failed(run, error))?;
        let numbers = objects
            .iter()
            .filter_map(|object| names::read_event(&object.name))
            .filter(|(of, _)| of == run)
            .map(|(_, seq)| seq)
            .collect();
        self.length(run, &numbers, seen)
    }

    /// The last of these numbers, if none before it is missing and none of those that had been seen before they were
    /// listed is gone.
    fn length(&self, run: &str, numbers: &BTreeSet<Seq>, seen: Seq) -> Result<Seq, LogError> {
        let last = numbers.last().copied().unwrap_or(Seq::START).max(seen);
        match (1..=last.0).map(Seq).find(|seq| !numbers.contains(seq)) {
            None => Ok(last),
            Some(gone) => {
                let detail = format!(
                    "{} in {} is gone; where the local state has this run, remove {} there and run the same command \
                     again: it is put there anew",
                    names::event(run, gone),
                    self.place(),
                    names::run_folder(run)
                );
                Err(self.damaged(run, detail))
            }
        }
    }

    async fn put(&self, run: &str, seq: Seq, event: &Event) -> Result<Taken, LogError> {
        let name = names::event(run, seq);
        let sealed = record::seal(&self.key, run, seq, event).map_err(|error| unread(run, error))?;
        let bytes = Bytes::from(sealed);
        let first = self.objects.put_if_absent(&name, bytes.clone()).await;
        let mut lost = match first.map_err(|error| failed(run, error))? {
            Put::Created => return Ok(Taken::Ours),
            Put::Exists => return Ok(Taken::Theirs),
            Put::Unknown { why } => why,
        };
        for _ in 0..LOOKS {
            match self.objects.get(&name).await {
                Ok(Some(found)) => return Ok(if found == bytes { Taken::Ours } else { Taken::Theirs }),
                Ok(None) => match self.objects.put_if_absent(&name, bytes.clone()).await {
                    Ok(Put::Created) => return Ok(Taken::Ours),
                    // Perhaps by the first attempt, which arrived late: the next look tells.
                    Ok(Put::Exists) => {}
                    Ok(Put::Unknown { why }) => lost = why,
                    Err(ObjectsError::Crashed(crashed)) => return Err(crashed.into()),
                    // The first attempt may still arrive, so this is no "nothing was appended".
                    Err(error) => lost = error.to_string(),
                },
                Err(ObjectsError::Crashed(crashed)) => return Err(crashed.into()),
                Err(error) => lost = error.to_string(),
            }
        }
        Ok(Taken::Unsettled(lost))
    }

    fn known_events(&self, run: &str) -> Vec<Recorded> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(run).cloned().unwrap_or_default()
    }

    fn seen_ends(&self) -> BTreeMap<String, Seq> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = known.iter().map(|(run, events)| (run.clone(), end(events)));
        ends.filter(|(_, end)| *end != Seq::START).collect()
    }

    fn known_end(&self, run: &str) -> Seq {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(run).map_or(Seq::START, |events| end(events))
    }

    /// Remembers events that follow on what is remembered; others are read when they are asked for.
    fn remember(&self, run: &str, events: &[Recorded]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(run.to_owned()).or_default();
        for recorded in events {
            if recorded.seq == end(known).next() {
                known.push(recorded.clone());
            }
        }
    }

    fn damaged(&self, run: &str, detail: String) -> LogError {
        LogError::Damaged { run: run.to_owned(), detail }
    }
}

#[async_trait]
impl Log for ObjectLog {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        // Without a look a gap could arise: the number after `expected` is also free where `expected` is not there.
        if self.known_end(run) != expected {
            let last = self.last(run).await?;
            if last != expected {
                return Ok(Appended::Conflict { last });
            }
        }
        let seq = expected.next();
        match self.put(run, seq, event).await? {
            Taken::Ours => {
                self.remember(run, &[Recorded { seq, event: event.clone() }]);
                Ok(Appended::At(seq))
            }
            Taken::Theirs => Ok(Appended::Conflict { last: self.last(run).await? }),
            Taken::Unsettled(why) => Err(LogError::Unknown { run: run.to_owned(), source: why.into() }),
        }
    }

    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError> {
        let last = self.last(run).await?;
        let mut events = self.known_events(run);
        let unseen = stream::iter((end(&events).0 + 1..=last.0).map(|seq| self.event(run, Seq(seq))));
        let unseen: Vec<Recorded> = unseen.buffered(AT_ONCE).try_collect().await?;
        self.remember(run, &unseen);
        events.extend(unseen);
        Ok(events)
    }

    async fn runs(&self) -> Result<Vec<String>, LogError> {
        Ok(self.begun().await?.into_iter().map(|(_, run)| run).collect())
    }
}

fn failed(run: &str, error: ObjectsError) -> LogError {
    match error {
        ObjectsError::Crashed(crashed) => LogError::Crashed(crashed),
        other => LogError::Unavailable { run: run.to_owned(), source: Box::new(other) },
    }
}

fn unread(run: &str, error: VaultError) -> LogError {
    let run = run.to_owned();
    match error {
        VaultError::Damaged { .. } => LogError::Damaged { run, detail: error.to_string() },
        other => LogError::Unavailable { run, source: Box::new(other) },
    }
}
