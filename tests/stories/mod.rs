//! Estates and bad days that operators know, each told from the first request to the quiet sync after it.

mod drift;
mod first_sync;
mod house;
mod many;
mod tombstones;
