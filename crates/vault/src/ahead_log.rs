//! A log that is durable at the standby before the local state has it, and so before the act.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use twinlake_base::Timestamp;
use twinlake_workflow::{Appended, Event, Log, LogError, Recorded, Seq};

use crate::ObjectLog;
use crate::reconcile::{Copies, after, compare, end};

/// How often the two copies are brought together before we say that others keep changing them.
const ROUNDS: usize = 64;

/// The log of runs in two copies: objects at the standby's state location, which decide, and the local state.
///
/// - **An append** is decided by the objects alone, and is in the local state after them. So two controllers with
///   local states of their own agree, and what a lost controller has announced is at the standby.
/// - **A read** asks both. Where the objects have more, the local state is brought up to them: that is how a state
///   which is one act old goes on.
/// - **Where the local state has more** (runs from before there was a key; a location that was emptied or replaced)
///   the local copy is read, and before the next append the objects are brought up to it, each event under its own
///   number and by put-if-absent, so that nobody's event is replaced.
/// - **Where the two differ** in an event that both have, nothing is mended: that is [`LogError::Damaged`], and names
///   the event.
#[derive(Clone)]
pub struct AheadLog {
    ahead: ObjectLog,
    local: Arc<dyn Log>,
    /// Per run, the end at which both copies were found or made equal.
    agreed: Arc<Mutex<HashMap<String, Seq>>>,
}

impl AheadLog {
    /// A log of these two copies.
    #[must_use]
    pub fn new(ahead: ObjectLog, local: impl Log + 'static) -> Self {
        Self { ahead, local: Arc::new(local), agreed: Arc::default() }
    }

    /// Makes the shorter copy of a run's log equal to the longer one, and gives where both end.
    async fn bring_together(&self, run: &str) -> Result<Seq, LogError> {
        for _ in 0..ROUNDS {
            let (ahead, local) = (self.ahead.read(run).await?, self.local.read(run).await?);
            match compare(&ahead, &local) {
                Copies::Same => {
                    self.agree(run, end(&ahead));
                    return Ok(end(&ahead));
                }
                Copies::FirstLonger(_) => copy(&*self.local, run, &ahead, end(&local)).await?,
                Copies::SecondLonger(_) => copy(&self.ahead, run, &local, end(&ahead)).await?,
                Copies::Forked(seq) => return Err(self.forked(run, seq)),
            }
        }
        Err(LogError::Unavailable { run: run.to_owned(), source: "others keep changing it".into() })
    }

    fn agree(&self, run: &str, seq: Seq) {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).insert(run.to_owned(), seq);
    }

    fn agreed(&self, run: &str) -> Option<Seq> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).get(run).copied()
    }

    fn forked(&self, run: &str, seq: Seq) -> LogError {
        let detail = format!(
            "event {seq} at {} is not the one in the local state: two controllers have gone on with this run apart \
             from each other",
            self.ahead.place()
        );
        LogError::Damaged { run: run.to_owned(), detail }
    }
}

#[async_trait]
impl Log for AheadLog {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        if self.agreed(run) != Some(expected) {
            let last = self.bring_together(run).await?;
            if last != expected {
                return Ok(Appended::Conflict { last });
            }
        }
        match self.ahead.append(run, expected, event).await? {
            Appended::At(seq) => {
                let kept = match self.local.append(run, expected, event).await {
                    Ok(Appended::At(_)) => Ok(()),
                    // A reader was faster and has brought the local state up already, or it was behind.
                    Ok(Appended::Conflict { .. }) => self.bring_together(run).await.map(drop),
                    Err(error) => Err(error),
                };
                kept.map_err(|error| unkept(run, error))?;
                self.agree(run, seq);
                Ok(Appended::At(seq))
            }
            Appended::Conflict { .. } => Ok(Appended::Conflict { last: self.bring_together(run).await? }),
        }
    }

    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError> {
        let (ahead, local) = (self.ahead.read(run).await?, self.local.read(run).await?);
        match compare(&ahead, &local) {
            Copies::Same => Ok(ahead),
            Copies::SecondLonger(_) => Ok(local),
            Copies::Forked(seq) => Err(self.forked(run, seq)),
            Copies::FirstLonger(_) => {
                copy(&*self.local, run, &ahead, end(&local)).await?;
                Ok(ahead)
            }
        }
    }

    async fn runs(&self) -> Result<Vec<String>, LogError> {
        let mut begun: BTreeSet<(Timestamp, String)> = self.ahead.begun().await?;
        let ahead: BTreeSet<String> = begun.iter().map(|(_, run)| run.clone()).collect();
        for run in self.local.runs().await?.into_iter().filter(|run| !ahead.contains(run)) {
            if let Some(first) = self.local.read(&run).await?.first() {
                begun.insert((first.event.at, run));
            }
        }
        Ok(begun.into_iter().map(|(_, run)| run).collect())
    }
}

/// Appends what a copy lacks. Where somebody else does so at the same moment it is left to them.
async fn copy(to: &dyn Log, run: &str, events: &[Recorded], end: Seq) -> Result<(), LogError> {
    let mut last = end;
    for recorded in after(events, end) {
        match to.append(run, last, &recorded.event).await? {
            Appended::At(seq) => last = seq,
            Appended::Conflict { .. } => return Ok(()),
        }
    }
    Ok(())
}

/// The event is in the objects, so an error of the local state must not say that nothing was appended.
fn unkept(run: &str, error: LogError) -> LogError {
    match error {
        LogError::Unavailable { source, .. } => LogError::Unknown { run: run.to_owned(), source },
        other => other,
    }
}
