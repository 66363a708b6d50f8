//! What can go wrong with the state, in the words of whoever has to mend it.

use std::path::PathBuf;

use twinlake_base::{Crashed, ErrorClass};
use twinlake_model::Digest;

/// Why the state could not be opened, read or written. No variant means that anything was replaced or repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder that should hold the state file does not exist.
    #[error("the folder {} for the state file does not exist", .folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no state to read yet.
    #[error("there is no state at {}", .path.display())]
    NoFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// Something is where a new file should go.
    #[error("{} is there already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process works with this state.
    #[error("the state {} is locked by {holder}", .path.display())]
    Locked {
        /// The state file.
        path: PathBuf,
        /// Who holds it, as it introduced itself.
        holder: String,
    },
    /// The file is not what was written to it.
    #[error("the state {} is damaged: {detail}", .path.display())]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A sound database, but not one of ours.
    #[error("{} is a database of another program", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of Twinlake has written this state.
    #[error("the state {} has schema {found}, this program knows schemas up to {known}", .path.display())]
    Newer {
        /// The state file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// An older version of Twinlake has written this state, and whoever only reads does not change it.
    #[error("the state {} has schema {found}, this program reads schema {known}", .path.display())]
    Older {
        /// The state file.
        path: PathBuf,
        /// The schema of the file.
        found: i64,
        /// The schema that this program reads.
        known: i64,
    },
    /// We may read the state but not write it.
    #[error("the state {} is read-only", .path.display())]
    ReadOnly {
        /// The state file.
        path: PathBuf,
    },
    /// No room is left for the state.
    #[error("the disk that holds the state {} is full", .path.display())]
    Full {
        /// The state file.
        path: PathBuf,
    },
    /// Nothing is stored under this digest.
    #[error("{what} {} is not in the state", .digest.short())]
    MissingBlob {
        /// What was looked for.
        what: &'static str,
        /// Its digest.
        digest: Digest,
    },
    /// What is stored under this digest is something else.
    #[error("blob {} in the state {} is damaged: {detail}", .digest.short(), .path.display())]
    DamagedBlob {
        /// The digest that was asked for.
        digest: Digest,
        /// The state file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// An intent or cycle that is not, or no longer, open.
    #[error("{what} {number} is not open")]
    NotOpen {
        /// `intent` or `cycle`.
        what: &'static str,
        /// Its number.
        number: i64,
    },
    /// An answer was lost on the way. Only a test's gate does this.
    #[error("{what}: {}", if *.happened { "written, but the answer was lost" } else { "the write never left" })]
    Lost {
        /// The write.
        what: &'static str,
        /// Whether it is in the state.
        happened: bool,
    },
    /// The process was stopped by a test.
    #[error(transparent)]
    Crashed(#[from] Crashed),
    /// The file system refused.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
    /// SQLite refused for a reason that has no variant of its own.
    #[error("{doing} in the state {}: {source}", .path.display())]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// The state file.
        path: PathBuf,
        /// The refusal.
        source: sqlx::Error,
    },
}

impl StoreError {
    /// What the caller should decide.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Locked { .. } | Self::Exists { .. } => ErrorClass::Refused,
            Self::NoFolder { .. } | Self::NoFile { .. } | Self::MissingBlob { .. } => ErrorClass::Missing,
            Self::ReadOnly { .. } => ErrorClass::Denied,
            Self::Damaged { .. }
            | Self::DamagedBlob { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Older { .. } => ErrorClass::Invalid,
            Self::Lost { .. } | Self::Full { .. } | Self::Io { .. } => ErrorClass::Retryable,
            Self::NotOpen { .. } | Self::Crashed(_) | Self::Database { .. } => ErrorClass::Bug,
        }
    }

    /// The next command to run, or thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoFolder { folder } => Some(format!(
                "create it with `mkdir -p {}`, or set `local_state` in twinlake.yml",
                folder.display()
            )),
            Self::NoFile { .. } => Some("run `twinlake sync`, which makes it".into()),
            Self::Exists { path } => {
                Some(format!("it was left as it is; move {} away, or choose another path", path.display()))
            }
            Self::Older { .. } => Some("run `twinlake sync`, which brings it up to date".into()),
            Self::Locked { .. } => Some(
                "wait until it has ended; if it hangs, end it by its process number and run again".into(),
            ),
            Self::Damaged { path, .. } | Self::DamagedBlob { path, .. } => Some(format!(
                "nothing was changed; keep a copy of {0} and its -wal file, then run `twinlake recover-state`, \
                 or move {0} away and run `twinlake sync`, which starts from what both sites have",
                path.display()
            )),
            Self::Foreign { .. } => Some("set `local_state` in twinlake.yml to another path".into()),
            Self::Newer { .. } => Some("use the version of twinlake that wrote it, or a newer one".into()),
            Self::ReadOnly { path } => Some(format!("make it writable: `chmod u+w {}`", path.display())),
            Self::Full { .. } => {
                Some("make room, then run the same command again: nothing was half written".into())
            }
            _ => None,
        }
    }
}
