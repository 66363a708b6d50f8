//! The whole state as bytes, and bytes put back as a state file.
//!
//! The bytes are those of a SQLite database, so that they can be looked into without this program. They hold
//! everything that the state holds: whoever lets them leave the machine encrypts them first.

use std::io::Write;
use std::path::{Path, PathBuf};

use twinlake_base::Side;
use twinlake_model::Digest;

use crate::audit::head;
use crate::file::{clear_away, make_durable, require_folder, with_suffix};
use crate::trouble::Trouble;
use crate::{Store, StoreError, StoreOptions};

impl Store {
    /// All of the state at one moment, also while others work with it. Memory for two copies is needed.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn export(&self) -> Result<Export, StoreError> {
        self.read("exporting", async |db| {
            let audit = head(db).await?;
            // Nobody writes meanwhile: this closure has the one connection, or a transaction of its own.
            let writes = self.writes();
            Ok(Export { bytes: db.serialize(None).await?.to_vec(), audit, writes })
        })
    }

    /// Writes all of the state to a file that is not there yet: whole, or not at all. Says how many bytes.
    ///
    /// # Errors
    /// [`StoreError::Exists`] and [`StoreError::NoFolder`]; [`StoreError::Io`] when the file cannot be written.
    pub async fn export_to(&self, path: impl AsRef<Path>) -> Result<u64, StoreError> {
        let path = path.as_ref();
        require_folder(path)?;
        require_vacant(path)?;
        let bytes = self.export().await?.bytes;
        let unfinished = with_suffix(path, UNFINISHED);
        self.options.pass(Side::Before, EXPORTING).await?;
        clear_away(&unfinished)?;
        write(&unfinished, &bytes)?;
        put_in_place(&unfinished, path)?;
        self.options.pass(Side::After, EXPORTING).await?;
        Ok(bytes.len() as u64)
    }

    /// How many writes went through this state since it was opened, in this process. Equal numbers mean that nobody
    /// changed it in between.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.count_of_writes()
    }

    /// Begins to put an exported state where none is: writes the bytes beside that place, opens them as a state and
    /// checks every page and every reference, as far as SQLite can tell: that the bytes are those that were exported is
    /// for whoever carried them to prove. It stands in its place with [`Draft::finish`] and not before.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something is there already; [`StoreError::Damaged`], [`StoreError::Foreign`] and
    /// [`StoreError::Newer`] when the bytes are no state of ours. Then nothing is left behind.
    pub async fn draft(
        path: impl AsRef<Path>,
        bytes: &[u8],
        options: StoreOptions,
    ) -> Result<Draft, StoreError> {
        let path = path.as_ref().to_owned();
        require_folder(&path)?;
        require_vacant(&path)?;
        let unfinished = with_suffix(&path, UNFINISHED);
        options.pass(Side::Before, DRAFTING).await?;
        clear_away(&unfinished)?;
        write(&unfinished, bytes)?;
        options.pass(Side::After, DRAFTING).await?;
        let opened = async {
            let store = Self::open(&unfinished, options.clone()).await?;
            store.require_whole()?;
            Ok(store)
        };
        match opened.await {
            Ok(store) => Ok(Draft { store, unfinished, path, options }),
            Err(error) => {
                // What was wrong with the bytes is what the caller should hear of.
                let _ = clear_away(&unfinished);
                Err(error)
            }
        }
    }

    /// Every page, every index, every reference. Opening a state looks at less.
    fn require_whole(&self) -> Result<(), StoreError> {
        self.read("checking the whole file", async |db| {
            let mut findings: Vec<String> =
                sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(&mut *db).await?;
            findings.retain(|finding| finding != "ok");
            let dangling = sqlx::query("PRAGMA foreign_key_check").fetch_all(db).await?;
            if !dangling.is_empty() {
                findings.push(format!("{} rows refer to rows that are not there", dangling.len()));
            }
            if findings.is_empty() { Ok(()) } else { Err(Trouble::Unreadable(findings.join("; "))) }
        })
    }
}

/// All of a state at one moment.
pub struct Export {
    /// A SQLite database.
    pub bytes: Vec<u8>,
    /// The number and the digest of the last row of its audit; None when that is empty.
    pub audit: Option<(u64, Digest)>,
    /// [`Store::writes`] at that moment.
    pub writes: u64,
}

/// A state that is being put together beside the place where it shall stand. Dropped unfinished, it leaves a file of
/// another name, which the next draft clears away.
pub struct Draft {
    store: Store,
    unfinished: PathBuf,
    path: PathBuf,
    options: StoreOptions,
}

impl Draft {
    /// The state, to be read and completed. Clones must be gone before [`finish`](Self::finish).
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Closes the state and puts it in its place, which must still be vacant: whole, or not at all.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when somebody put a state there meanwhile; theirs stays.
    pub async fn finish(self) -> Result<(), StoreError> {
        let Self { store, unfinished, path, options } = self;
        drop(store);
        options.pass(Side::Before, PLACING).await?;
        put_in_place(&unfinished, &path)?;
        options.pass(Side::After, PLACING).await
    }

    /// Gives the draft up and leaves nothing behind.
    ///
    /// # Errors
    /// When what was written cannot be removed.
    pub fn discard(self) -> Result<(), StoreError> {
        let Self { store, unfinished, .. } = self;
        drop(store);
        clear_away(&unfinished)
    }
}

/// What a file that is not whole yet is called.
const UNFINISHED: &str = ".unfinished";

const EXPORTING: &str = "exporting to a file";
const DRAFTING: &str = "writing down a recovered state";
const PLACING: &str = "putting a recovered state in its place";

/// Neither a state, nor the log of one that is gone: SQLite would apply such a log to whatever comes to stand there.
fn require_vacant(path: &Path) -> Result<(), StoreError> {
    for path in [path.to_owned(), with_suffix(path, "-wal")] {
        if path.symlink_metadata().is_ok() {
            return Err(StoreError::Exists { path });
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let written = std::fs::File::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|source| StoreError::Io { doing: "writing", path: path.to_owned(), source })
}

/// Gives a whole file its name. A link, because it fails where something has that name, and a rename would not.
fn put_in_place(unfinished: &Path, path: &Path) -> Result<(), StoreError> {
    require_vacant(path)?;
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.to_owned() },
        _ => StoreError::Io { doing: "putting in its place", path: path.to_owned(), source },
    };
    match std::fs::hard_link(unfinished, path) {
        Ok(()) => {}
        // Some mounted folders know no links.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
            std::fs::rename(unfinished, path).map_err(io)?;
        }
        Err(error) => return Err(io(error)),
    }
    make_durable(path).map_err(io)?;
    clear_away(unfinished)
}
