//! The log of one run in the hands of the engine that drives it.
//!
//! The journal knows the run's status and appends by it: an event that could not follow is never appended, an append
//! whose answer was lost is settled by reading, and an append that others were faster than changes nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use twinlake_base::{Clock, Timestamp};

use crate::{
    Appended, Entry, Event, Happened, Log, LogError, Objectives, Progress, Recorded, RunBegan, RunEvent,
    RunState, Seq, Status, Watch, WorkflowError,
};

/// How often an append is tried, over about three seconds: a blip of the log must not stop a failover.
const APPEND_TRIES: u32 = 5;
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is in the log, and the status follows it.
    Done,
    /// It is not, because people added something (an answer, a stop). The status follows that: decide anew.
    Moved,
    /// It is not, because another engine drives the run.
    Lost,
}

/// What writes: the log, and who one is there.
pub(crate) struct Pen {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) run: String,
    /// Unique: by it one's own events are told from others'.
    pub(crate) writer: String,
    pub(crate) clock: Clock,
    pub(crate) watch: Arc<dyn Watch>,
}

/// A run that this engine drives, as far as it knows.
pub(crate) struct Journal {
    pen: Pen,
    status: Mutex<Status>,
}

impl Journal {
    /// Begins a run, or learns that it was begun already.
    pub(crate) async fn begin(pen: Pen, began: RunBegan) -> Result<Result<Self, Seq>, WorkflowError> {
        let event = pen.event(RunEvent::RunBegan(began))?;
        match pen.put(Seq::START, &event).await? {
            Appended::Conflict { last } => Ok(Err(last)),
            Appended::At(seq) => {
                let status = pen.replay(&[Recorded { seq, event: event.clone() }])?;
                pen.tell(&status, &event);
                Ok(Ok(Self { pen, status: Mutex::new(status) }))
            }
        }
    }

    /// Becomes the owner of a run that stands at `status`, or learns that somebody else was faster.
    pub(crate) async fn take_over(
        pen: Pen,
        status: Status,
        by: String,
    ) -> Result<Option<Self>, WorkflowError> {
        let journal = Self { pen, status: Mutex::new(status) };
        let put = journal.append(RunEvent::RunResumed { by }).await?;
        Ok((put == Put::Done).then_some(journal))
    }

    /// Appends an event and follows it.
    pub(crate) async fn append(&self, event: RunEvent) -> Result<Put, WorkflowError> {
        // Held over the append, so that what steps note side by side gets into the log one by one.
        let mut status = self.status.lock().await;
        if let Err(why) = status.judge(&event) {
            if status.is_over() || matches!(status.state, RunState::Stopped { .. }) {
                return Ok(self.standing(&status));
            }
            // A step that notes after its end.
            return Err(WorkflowError::NotNow { run: self.pen.run.clone(), why });
        }
        let event = self.pen.event(event)?;
        match self.pen.put(status.last, &event).await? {
            Appended::Conflict { .. } => self.catch_up(&mut status).await,
            Appended::At(seq) => {
                status
                    .apply(&Recorded { seq, event: event.clone() })
                    .map_err(|source| self.pen.history(source))?;
                self.pen.tell(&status, &event);
                Ok(Put::Done)
            }
        }
    }

    /// Follows what others appended. [`Put::Moved`] as long as this engine drives the run.
    pub(crate) async fn refresh(&self) -> Result<Put, WorkflowError> {
        let mut status = self.status.lock().await;
        self.catch_up(&mut status).await
    }

    /// Where the run stands, as far as this engine knows.
    pub(crate) async fn status(&self) -> Status {
        self.status.lock().await.clone()
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.pen.clock
    }

    pub(crate) fn run(&self) -> &str {
        &self.pen.run
    }

    pub(crate) fn see(&self, began_at: Timestamp, objectives: Objectives, happened: Happened) {
        self.pen.see(began_at, objectives, happened);
    }

    async fn catch_up(&self, status: &mut Status) -> Result<Put, WorkflowError> {
        let events = self.pen.log.read(&self.pen.run).await?;
        let known = status.last;
        *status = self.pen.replay(&events)?;
        for recorded in events.iter().filter(|recorded| recorded.seq > known) {
            self.pen.tell(status, &recorded.event);
        }
        Ok(self.standing(status))
    }

    fn standing(&self, status: &Status) -> Put {
        if status.owner == self.pen.writer { Put::Moved } else { Put::Lost }
    }
}

impl Pen {
    /// Loads the run's status.
    pub(crate) async fn load(&self) -> Result<Status, WorkflowError> {
        let events = self.log.read(&self.run).await?;
        if events.is_empty() {
            return Err(WorkflowError::NoSuchRun { run: self.run.clone() });
        }
        self.replay(&events)
    }

    pub(crate) fn event(&self, event: RunEvent) -> Result<Event, WorkflowError> {
        Entry { at: self.clock.now(), writer: self.writer.clone(), event }
            .to_event()
            .map_err(|why| WorkflowError::Unrecordable { run: self.run.clone(), why })
    }

    /// Appends through short outages and lost answers.
    pub(crate) async fn put(&self, expected: Seq, event: &Event) -> Result<Appended, WorkflowError> {
        let (mut delay, mut doubtful) = (FIRST_DELAY, false);
        for tries in 1.. {
            match self.log.append(&self.run, expected, event).await {
                Ok(Appended::Conflict { last }) if doubtful && self.wrote(expected, last).await? => {
                    return Ok(Appended::At(last));
                }
                Ok(appended) => return Ok(appended),
                Err(LogError::Unknown { .. }) if tries < APPEND_TRIES => doubtful = true,
                Err(LogError::Unavailable { .. }) if tries < APPEND_TRIES => {}
                Err(error) => return Err(error.into()),
            }
            self.clock.sleep(delay).await;
            delay = delay.saturating_mul(2);
        }
        Err(WorkflowError::Busy { run: self.run.clone() })
    }

    /// Whether the log ends with the very event that was to follow `expected`.
    async fn wrote(&self, expected: Seq, last: Seq) -> Result<bool, WorkflowError> {
        let events = self.log.read(&self.run).await?;
        let Some(end) = events.last() else { return Ok(false) };
        let ours = Entry::from_event(&end.event).is_ok_and(|entry| entry.writer == self.writer);
        Ok(ours && end.seq == last && last == expected.next())
    }

    fn replay(&self, events: &[Recorded]) -> Result<Status, WorkflowError> {
        Status::replay(events).map_err(|source| self.history(source))
    }

    fn history(&self, source: crate::IllegalEvent) -> WorkflowError {
        WorkflowError::History { run: self.run.clone(), source }
    }

    fn tell(&self, status: &Status, event: &Event) {
        // It was readable a moment ago, or the status would not have followed it.
        if let Ok(entry) = Entry::from_event(event) {
            self.see(status.began_at, status.began.objectives, Happened::Logged(entry.event));
        }
    }

    fn see(&self, began_at: Timestamp, objectives: Objectives, happened: Happened) {
        let (run, at) = (self.run.clone(), self.clock.now());
        self.watch.see(Progress { run, at, began_at, objectives, happened });
    }
}
