//! The state file on disk: creating it whole, and telling what is wrong with one that is there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use twinlake_base::Timestamp;

use crate::StoreError;
use crate::drive::drive;
use crate::migration::{Standing, migrate, newest, number_of, standing};
use crate::trouble::{Outcome, Trouble};

/// What stands for the path of a state without a file.
pub(crate) const MEMORY: &str = ":memory:";

/// The first bytes of every SQLite database. <https://www.sqlite.org/fileformat.html>
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How many rows SQLite's thread may be ahead of the reader; the default of 50 makes loading an id map a chain of
/// thread switches.
const ROWS_AHEAD: usize = 4096;

/// The folder must be there: creating it would hide a mistyped path.
pub(crate) fn require_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    if folder.is_dir() { Ok(()) } else { Err(StoreError::NoFolder { folder }) }
}

/// Opens the file, checked and at the newest schema. The caller holds its lock.
pub(crate) fn open(path: &Path, now: Timestamp) -> Result<SqliteConnection, StoreError> {
    let doing = "opening the file";
    if !path.exists() {
        create(path, now)?;
    }
    require_database(path)?;
    require_writable(path)?;
    drive(async {
        let (reader, applied) = examine(path).await?;
        reader.close().await?;
        connect(SqliteConnectOptions::new().filename(path), applied, now).await
    })
    .map_err(|trouble| trouble.about(doing, path))
}

/// Opens the file for somebody who only looks, perhaps while another process writes.
pub(crate) fn open_to_read(path: &Path) -> Result<SqliteConnection, StoreError> {
    if !path.exists() {
        return Err(StoreError::NoFile { path: path.to_owned() });
    }
    require_database(path)?;
    drive(async {
        let (connection, applied) = examine(path).await?;
        let (found, known) = (number_of(applied), newest());
        if found < known {
            return Err(StoreError::Older { path: path.to_owned(), found, known }.into());
        }
        Ok(connection)
    })
    .map_err(|trouble: Trouble| trouble.about("opening the file", path))
}

/// A database without a file.
pub(crate) fn in_memory(now: Timestamp) -> Result<SqliteConnection, StoreError> {
    drive(connect(SqliteConnectOptions::new().in_memory(true), 0, now))
        .map_err(|trouble| trouble.about("opening", Path::new(MEMORY)))
}

/// Makes the file under another name and moves it into place, so that whoever finds a file finds a whole one.
fn create(path: &Path, now: Timestamp) -> Result<(), StoreError> {
    if with_suffix(path, "-wal").exists() {
        let detail = "its log (-wal) is there but the file itself is gone".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), detail });
    }
    let unfinished = with_suffix(path, ".new");
    clear_away(&unfinished)?;
    drive(async {
        let options = SqliteConnectOptions::new().filename(&unfinished).create_if_missing(true);
        connect(options, 0, now).await?.close().await?;
        Ok(())
    })
    .map_err(|trouble: Trouble| trouble.about("creating the schema", &unfinished))?;
    std::fs::rename(&unfinished, path).and_then(|()| make_durable(path)).map_err(|source| StoreError::Io {
        doing: "creating",
        path: path.to_owned(),
        source,
    })
}

/// Removes a file that never became a state, and what SQLite and the lock put beside it.
pub(crate) fn clear_away(unfinished: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm", ".lock"] {
        match std::fs::remove_file(with_suffix(unfinished, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let path = unfinished.to_owned();
                return Err(StoreError::Io { doing: "clearing away", path, source: error });
            }
            _ => {}
        }
    }
    Ok(())
}

/// A new name must reach the disk, too. Windows knows no such thing.
pub(crate) fn make_durable(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder_of(path))?.sync_all() } else { Ok(()) }
}

/// What can be said about a file without opening it as a database.
fn require_database(path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { doing: "reading", path: path.to_owned(), source };
    if !path.metadata().map_err(io)?.is_file() {
        return Err(damaged(path, "it is not a file"));
    }
    let mut first = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut first)).map_err(io)?;
    if first.is_empty() {
        return Err(damaged(path, "it is empty"));
    }
    if first == MAGIC { Ok(()) } else { Err(damaged(path, "it is not a database")) }
}

/// SQLite would open a read-only file for reading and only refuse the first write.
fn require_writable(path: &Path) -> Result<(), StoreError> {
    let marked = path.metadata().is_ok_and(|metadata| metadata.permissions().readonly());
    if marked || File::options().append(true).open(path).is_err() {
        return Err(StoreError::ReadOnly { path: path.to_owned() });
    }
    Ok(())
}

/// Reads the whole file, and says how many steps of our schema it has, through a connection that cannot write: a
/// writing one would, when it is closed, write the log back even into a damaged or foreign file.
async fn examine(path: &Path) -> Outcome<(SqliteConnection, usize)> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = connection(options).await?;
    let findings: Vec<String> =
        sqlx::query_scalar("PRAGMA quick_check(3)").fetch_all(&mut connection).await?;
    if findings != ["ok"] {
        return Err(damaged(path, &findings.join("; ")).into());
    }
    let standing = standing(&mut connection).await?;
    let path = path.to_owned();
    match standing {
        Standing::Ours { applied } => Ok((connection, applied)),
        Standing::Empty => Err(damaged(&path, "it holds no tables").into()),
        Standing::Foreign => Err(StoreError::Foreign { path }.into()),
        Standing::Newer { found } => Err(StoreError::Newer { path, found, known: newest() }.into()),
        Standing::Altered { number } => {
            let detail = format!("step {number} of its schema is not the one that this program knows");
            Err(damaged(&path, &detail).into())
        }
    }
}

/// A connection that writes, on a file in which the first `applied` steps of the schema are taken.
async fn connect(options: SqliteConnectOptions, applied: usize, now: Timestamp) -> Outcome<SqliteConnection> {
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = connection(options).await?;
    migrate(&mut connection, applied, now).await?;
    Ok(connection)
}

#[expect(clippy::disallowed_methods, reason = "this is the home of the connection")]
async fn connection(options: SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    options
        .foreign_keys(true)
        // The lock file keeps other controllers out, so whoever is in the way now will not be gone in a moment.
        .busy_timeout(Duration::ZERO)
        .row_buffer_size(ROWS_AHEAD)
        .thread_name(|_| "state".to_owned())
        .disable_statement_logging()
        .connect()
        .await
}

fn damaged(path: &Path, detail: &str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
