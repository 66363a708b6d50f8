//! The records of one group in one row, as numbered objects.

use twinlake_model::GroupName;
use twinlake_objects::{Objects, ObjectsError, Put};

use crate::LeaseError;
use crate::record::{self, Record, folder, seq_of};

/// How many records are kept behind the last one, for people who want to know what happened.
const KEPT: u64 = 64;

/// How often older ones are cleared away.
const TRIM_EVERY: u64 = 32;

/// How often a last record is looked for that disappears between listing and reading.
const LOOKS: usize = 3;

/// What became of a write.
pub(crate) enum Written {
    /// The record is there, by this very attempt.
    Ours,
    /// Another record has the number.
    Taken(Record),
    /// Nobody can say yet; the record may still appear.
    Unsettled(String),
}

#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) objects: Objects,
    /// The name of the row: `lease`.
    pub(crate) row: &'static str,
    pub(crate) group: GroupName,
}

impl Ledger {
    /// The last record and its number.
    pub(crate) async fn last(&self) -> Result<Option<(u64, Record)>, LeaseError> {
        for _ in 0..LOOKS {
            let Some(seq) = self.last_number().await? else { return Ok(None) };
            let name = self.name(seq);
            if let Some(bytes) = self.objects.get(&name).await.map_err(|source| self.unasked(source))? {
                return Ok(Some((seq, self.read(&name, &bytes)?)));
            }
        }
        let detail = "it is listed and cannot be found".to_owned();
        Err(self.unreadable(&self.folder(), detail))
    }

    /// The number of the last record.
    pub(crate) async fn last_number(&self) -> Result<Option<u64>, LeaseError> {
        Ok(self.numbers().await?.into_iter().max())
    }

    /// Writes a record under a number that must be free, and settles a lost answer by reading.
    pub(crate) async fn write(&self, seq: u64, record: &Record) -> Result<Written, LeaseError> {
        let name = self.name(seq);
        let bytes = serde_json::to_vec(record).map_err(|error| self.unreadable(&name, error.to_string()))?;
        let lost =
            match self.objects.put_if_absent(&name, bytes).await.map_err(|source| self.unasked(source))? {
                Put::Created => {
                    self.trim(seq).await;
                    return Ok(Written::Ours);
                }
                Put::Exists => None,
                Put::Unknown { why } => Some(why),
            };
        match self.objects.get(&name).await {
            Ok(Some(bytes)) => {
                let found = self.read(&name, &bytes)?;
                Ok(if found == *record { Written::Ours } else { Written::Taken(found) })
            }
            Ok(None) => Ok(Written::Unsettled(lost.unwrap_or_else(|| "the record disappeared".to_owned()))),
            Err(source @ ObjectsError::Crashed(_)) => Err(self.unasked(source)),
            Err(error) => Ok(Written::Unsettled(error.to_string())),
        }
    }

    /// Clears away records long before this one. Nothing depends on it, so its errors are left for the next time.
    ///
    /// A number that is free again could be written by somebody who stood still since then; therefore whoever takes a
    /// lease looks, after writing, that its record is the last.
    async fn trim(&self, seq: u64) {
        if !seq.is_multiple_of(TRIM_EVERY) {
            return;
        }
        for old in self.numbers().await.unwrap_or_default() {
            if old.saturating_add(KEPT) < seq && self.objects.delete(&self.name(old)).await.is_err() {
                return;
            }
        }
    }

    async fn numbers(&self) -> Result<Vec<u64>, LeaseError> {
        let objects = self.objects.list(&self.folder()).await.map_err(|source| self.unasked(source))?;
        Ok(objects.iter().filter_map(|object| seq_of(self.row, &self.group, &object.name)).collect())
    }

    fn name(&self, seq: u64) -> String {
        record::name(self.row, &self.group, seq)
    }

    fn folder(&self) -> String {
        folder(self.row, &self.group)
    }

    fn read(&self, name: &str, bytes: &[u8]) -> Result<Record, LeaseError> {
        serde_json::from_slice(bytes).map_err(|error| self.unreadable(name, error.to_string()))
    }

    fn unreadable(&self, name: &str, detail: String) -> LeaseError {
        LeaseError::Unreadable { name: name.to_owned(), place: self.objects.place().to_owned(), detail }
    }

    fn unasked(&self, source: ObjectsError) -> LeaseError {
        LeaseError::Witness { group: self.group.clone(), source }
    }
}
