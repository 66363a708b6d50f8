//! The only builder of object stores.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Objects`] | one store or folder of one, reached by a URL: put-if-absent, get, list, delete |
//! | [`Put`] | what became of a put, the unknown included |
//! | [`Counts`] | how many requests were made |
//!
//! Two kinds of store stand: a folder (`file:///srv/witness`) and memory (`memory:`). What they promise is in
//! `conformance`, which every further kind must pass.
//!
//! The one conditional write is *create if absent*, because every store has it: a hard link in a folder,
//! `If-None-Match: *` in S3, ADLS and GCS. Nothing here ever overwrites.

mod counts;
mod error;
mod objects;
#[cfg(test)]
mod tests;
mod url;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub use counts::Counts;
pub use error::ObjectsError;
pub use objects::{Object, Objects, ObjectsOptions, Put};
