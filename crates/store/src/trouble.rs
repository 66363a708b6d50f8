//! What goes wrong inside a transaction, before it is known which file and which operation it was about.

use std::path::Path;

use crate::{StoreError, lock};

/// A failure of one statement or of one value read from a row.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// SQLite's.
    Sql(sqlx::Error),
    /// A value that we would never have written.
    Unreadable(String),
    /// Already in the caller's words.
    Told(StoreError),
}

pub(crate) type Outcome<T> = Result<T, Trouble>;

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

macro_rules! unreadable {
    ($($error:ty),+) => {
        $(impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Self::Unreadable(error.to_string())
            }
        })+
    };
}
unreadable!(serde_json::Error, jiff::Error, twinlake_model::MalformedId);

impl Trouble {
    /// The error of an operation on a file.
    pub(crate) fn about(self, doing: &'static str, path: &Path) -> StoreError {
        match self {
            Self::Told(error) => error,
            Self::Unreadable(detail) => {
                StoreError::Damaged { path: path.to_owned(), detail: format!("{doing}: {detail}") }
            }
            Self::Sql(source) => database(source, doing, path),
        }
    }
}

/// SQLite's primary result codes that mean something to the operator. <https://www.sqlite.org/rescode.html>
fn database(source: sqlx::Error, doing: &'static str, path: &Path) -> StoreError {
    let path = path.to_owned();
    match primary_code(&source) {
        Some(SQLITE_BUSY | SQLITE_LOCKED) => StoreError::Locked { holder: lock::holder(&path), path },
        Some(SQLITE_READONLY) => StoreError::ReadOnly { path },
        Some(SQLITE_FULL) => StoreError::Full { path },
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => StoreError::Damaged { path, detail: message(&source) },
        _ => StoreError::Database { doing, path, source },
    }
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

fn message(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |database| database.message().to_owned())
}
