//! The handle: one connection, one writer, every write a transaction that asks the gate before and after.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{Connection, SqliteConnection};
use twinlake_base::{Clock, Gate, GateDecision, Passage, Seam, Side};

use crate::StoreError;
use crate::drive::drive;
use crate::file;
use crate::lock::FileLock;
use crate::trouble::Trouble;

/// What a store needs from the process.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Dates the lock and the schema, and waits where the gate delays.
    pub clock: Clock,
    /// Asked with [`Seam::State`] before and after each write.
    pub gate: Gate,
}

/// The state of an estate. Cheap to clone; clones share one connection.
///
/// Every method is one transaction: after an error or a crash either all of it is there or nothing. A method that has
/// returned is on disk. Methods do their work before they first return, also when they are large, so a caller that
/// must not block its thread for long gives them thousands of rows, not millions.
#[derive(Clone)]
pub struct Store {
    state: Arc<State>,
    pub(crate) options: StoreOptions,
}

struct State {
    path: PathBuf,
    /// None only while the last handle is being dropped.
    connection: Mutex<Option<SqliteConnection>>,
    /// Whether this handle only looks at what another process may be changing.
    others_write: bool,
    /// Committed through any handle.
    writes: AtomicU64,
    /// Held for a file that we write.
    _lock: Option<FileLock>,
}

impl Store {
    /// Opens a state file, or creates it where there is none.
    ///
    /// The file is checked whole first. A file that is damaged, foreign, newer than this program, read-only, or in use
    /// is an error that names it; it is never replaced. An empty file counts as damaged: we never leave one.
    ///
    /// # Errors
    /// One variant of [`StoreError`] for each of these.
    pub async fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        file::require_folder(path)?;
        let lock = FileLock::take(path, options.clock.now())?;
        let connection = file::open(path, options.clock.now())?;
        Ok(Self::over(path.to_owned(), connection, Some(lock), options))
    }

    /// Opens a state file for somebody who only looks: while another process works with it, too. Every write is
    /// refused as [`StoreError::ReadOnly`].
    ///
    /// # Errors
    /// As [`open`](Self::open), but [`StoreError::NoFile`] where there is none, [`StoreError::Older`] where a writer
    /// would first bring it up to date, and no error for one that is in use or read-only.
    pub async fn open_to_read(path: impl AsRef<Path>, options: StoreOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        file::require_folder(path)?;
        let connection = file::open_to_read(path)?;
        Ok(Self::over(path.to_owned(), connection, None, options))
    }

    /// A state that ends with its last handle. Same schema, same code, no file.
    ///
    /// # Errors
    /// When SQLite cannot have memory.
    pub async fn in_memory(options: StoreOptions) -> Result<Self, StoreError> {
        let connection = file::in_memory(options.clock.now())?;
        Ok(Self::over(PathBuf::from(file::MEMORY), connection, None, options))
    }

    /// The same state through another gate: what the next process finds after the one behind this gate has crashed.
    #[must_use]
    pub fn reopened(&self, options: StoreOptions) -> Self {
        Self { state: Arc::clone(&self.state), options }
    }

    /// The state file, or `:memory:`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.state.path
    }

    fn over(
        path: PathBuf,
        connection: SqliteConnection,
        lock: Option<FileLock>,
        options: StoreOptions,
    ) -> Self {
        let others_write = lock.is_none() && path != Path::new(file::MEMORY);
        let state = State {
            path,
            connection: Mutex::new(Some(connection)),
            others_write,
            writes: AtomicU64::new(0),
            _lock: lock,
        };
        Self { state: Arc::new(state), options }
    }

    /// Reads in one consistent view.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        // Where nobody else writes, a read needs no transaction, and is one thread switch instead of three.
        let done = if self.state.others_write {
            self.state.in_transaction("BEGIN", act)
        } else {
            self.state.with_connection(act)
        };
        done.map_err(|trouble| trouble.about(doing, &self.state.path))
    }

    /// Writes in one transaction, with a passage of the gate on either side.
    pub(crate) async fn write<T>(
        &self,
        doing: &'static str,
        act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.options.pass(Side::Before, doing).await?;
        let written = self
            .state
            .in_transaction("BEGIN IMMEDIATE", act)
            .map_err(|trouble| trouble.about(doing, &self.state.path))?;
        self.state.writes.fetch_add(1, Ordering::Relaxed);
        self.options.pass(Side::After, doing).await?;
        Ok(written)
    }

    pub(crate) fn count_of_writes(&self) -> u64 {
        self.state.writes.load(Ordering::Relaxed)
    }
}

impl StoreOptions {
    /// A passage of the gate.
    pub(crate) async fn pass(&self, side: Side, what: &'static str) -> Result<(), StoreError> {
        match self.gate.ask(Passage { seam: Seam::State, side, what })? {
            GateDecision::Delay(duration) => self.clock.sleep(duration).await,
            GateDecision::Lose => return Err(StoreError::Lost { what, happened: side == Side::After }),
            GateDecision::Pass | GateDecision::Crash => {}
        }
        Ok(())
    }
}

impl State {
    fn with_connection<T>(
        &self,
        act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        match connection.as_mut() {
            Some(connection) => drive(act(connection)),
            None => Err(Trouble::Sql(sqlx::Error::WorkerCrashed)),
        }
    }

    fn in_transaction<T>(
        &self,
        begin: &'static str,
        act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.with_connection(async |connection: &mut SqliteConnection| {
            let mut transaction = connection.begin_with(begin).await?;
            match act(&mut transaction).await {
                Ok(written) => {
                    transaction.commit().await?;
                    Ok(written)
                }
                Err(trouble) => {
                    // What went wrong first is what the caller should hear of.
                    let _ = transaction.rollback().await;
                    Err(trouble)
                }
            }
        })
    }
}

impl Drop for State {
    /// Closes the file before the lock is let go: SQLite's thread would otherwise still be writing its log back when
    /// the next process opens it.
    fn drop(&mut self) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = connection
            && let Err(error) = drive(connection.close())
        {
            tracing::warn!(state.path = %self.path.display(), %error, "the state was not closed cleanly; nothing is lost");
        }
    }
}
