//! What will happen, and when: the queue of the discrete-event simulation.
//!
//! Entries are never taken back. Each says what it expects to find (a generation, a state), and one that finds
//! something else does nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

/// Something that is due at a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A cluster's transition (start, stop, resize) is complete.
    ClusterSettles { id: String, generation: u32 },
    /// A cluster may have been idle for long enough.
    ClusterIdles { id: String, generation: u32 },
    /// A terminated cluster may have to be forgotten.
    ClusterExpires { id: String },
    /// A cluster's libraries have been installed.
    LibrariesSettle { id: String },
    /// A warehouse's transition is complete.
    WarehouseSettles { id: String, generation: u32 },
    /// A warehouse may have been idle for long enough.
    WarehouseIdles { id: String, generation: u32 },
    /// One of a job's triggers is due.
    JobFires { id: i64, generation: u32, trigger: usize },
    /// A task's compute should be there.
    TaskStarts { run: i64, task: usize, attempt: u32 },
    /// A task has done its work.
    TaskEnds { run: i64, task: usize, attempt: u32 },
    /// A run's time is up.
    RunTimesOut { run: i64 },
    /// A cancelled run has come to its end.
    RunIsCancelled { run: i64 },
    /// A queued run has waited for too long.
    QueueExpires { run: i64 },
    /// Somebody outside acts.
    CallerActs { caller: u64 },
    /// Every machine of a workspace is gone.
    MachinesAreLost,
}

impl Event {
    /// Whether it is the end of something that takes work, and so takes longer where life stands still. The rest goes
    /// by the calendar.
    pub(crate) const fn is_work(&self) -> bool {
        matches!(
            self,
            Self::ClusterSettles { .. }
                | Self::LibrariesSettle { .. }
                | Self::WarehouseSettles { .. }
                | Self::TaskStarts { .. }
                | Self::TaskEnds { .. }
                | Self::RunIsCancelled { .. }
        )
    }
}

/// An entry: due time (epoch milliseconds), order of entry, workspace, event.
type Entry = (i64, u64, usize, Event);

/// The queue. Serialises as its entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    entered: u64,
}

impl Agenda {
    pub(crate) fn enter(&mut self, due_ms: i64, workspace: usize, event: Event) {
        self.entered += 1;
        self.entries.push(Reverse((due_ms, self.entered, workspace, event)));
    }

    /// Puts off all entries of which `is_delayed` says so, given the workspace and the event.
    pub(crate) fn delay(&mut self, by_ms: i64, is_delayed: impl Fn(usize, &Event) -> bool) {
        let entries = std::mem::take(&mut self.entries).into_vec().into_iter();
        self.entries = entries
            .map(|Reverse((due_ms, order, at, event))| {
                let by_ms = if is_delayed(at, &event) { by_ms } else { 0 };
                Reverse((due_ms + by_ms, order, at, event))
            })
            .collect();
    }

    /// The next entry that is due by `now_ms`, earliest first, in order of entry within one millisecond.
    pub(crate) fn next_due(&mut self, now_ms: i64) -> Option<(i64, usize, Event)> {
        if self.entries.peek()?.0.0 > now_ms {
            return None;
        }
        self.entries.pop().map(|Reverse((due_ms, _, workspace, event))| (due_ms, workspace, event))
    }
}
