//! Estates and bad days that operators know, each told from the first request to the quiet sync after it.

mod first_sync;
