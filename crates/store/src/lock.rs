//! One controller per state file.
//!
//! The lock is the operating system's, on a file beside the state, so it ends with the process however that ends.
//! The lock file's text is for people: it names the holder. It is never deleted, because deleting a lock file lets
//! two processes lock two files of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use twinlake_base::Timestamp;

use crate::StoreError;

/// Held as long as this value lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of a state file.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the holder's name, when it is taken.
    pub(crate) fn take(state: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let path = lock_path(state);
        let io = |doing| {
            let path = path.clone();
            move |source| StoreError::Io { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("opening the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { path: state.to_owned(), holder: holder_in(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(io("locking the state with")(source)),
        }
        let text = format!("process {} on {}, since {now:.0}\n", std::process::id(), host());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(io("writing the lock file"))?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock of a state file, as far as the lock file says.
pub(crate) fn holder(state: &Path) -> String {
    File::open(lock_path(state)).map_or_else(|_| UNNAMED.to_owned(), |mut file| holder_in(&mut file))
}

const UNNAMED: &str = "another process";

fn lock_path(state: &Path) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn holder_in(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => UNNAMED.to_owned(),
    }
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}
