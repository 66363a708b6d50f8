//! A log that ends with its last handle, for tests and rehearsals.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::{Appended, Event, Log, LogError, Recorded, Seq};

/// Keeps the contract of [`Log`] in memory. Clones share one log, as processes share a file.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog(Arc<Mutex<HashMap<String, Vec<Recorded>>>>);

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let events = runs.entry(run.to_owned()).or_default();
        let last = events.last().map_or(Seq::START, |recorded| recorded.seq);
        if last != expected {
            return Ok(Appended::Conflict { last });
        }
        events.push(Recorded { seq: last.next(), event: event.clone() });
        Ok(Appended::At(last.next()))
    }

    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError> {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(runs.get(run).cloned().unwrap_or_default())
    }

    async fn runs(&self) -> Result<Vec<String>, LogError> {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut begun: Vec<_> =
            runs.iter().filter_map(|(run, events)| Some((events.first()?.event.at, run.clone()))).collect();
        begun.sort();
        Ok(begun.into_iter().map(|(_, run)| run).collect())
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test(flavor = "multi_thread")]
    async fn it_keeps_the_contract() {
        crate::conformance::holds(super::MemoryLog::default()).await;
    }
}
