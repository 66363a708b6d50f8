//! What the object of an event holds, before it is encrypted.

use serde::{Deserialize, Serialize};
use twinlake_workflow::{Event, Recorded, Seq};

use crate::key::{Key, Unopened};
use crate::{VaultError, names};

/// An event that knows where it belongs, so that an object under another's name is noticed.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    run: std::borrow::Cow<'a, str>,
    seq: Seq,
    event: std::borrow::Cow<'a, Event>,
}

/// The bytes of an event's object. They differ each time, also for the same event: so whoever finds them again knows
/// that they are its own.
pub(crate) fn seal(key: &Key, run: &str, seq: Seq, event: &Event) -> Result<Vec<u8>, VaultError> {
    use std::borrow::Cow::Borrowed;
    let record = Record { run: Borrowed(run), seq, event: Borrowed(event) };
    let text = serde_json::to_vec(&record).map_err(|error| VaultError::Damaged {
        object: names::event(run, seq),
        place: "memory".to_owned(),
        detail: error.to_string(),
    })?;
    key.seal(&text)
}

/// The event of an object.
pub(crate) fn open(
    key: &Key,
    place: &str,
    run: &str,
    seq: Seq,
    bytes: &[u8],
) -> Result<Recorded, VaultError> {
    let (object, place) = (names::event(run, seq), place.to_owned());
    let text = key.open(bytes).map_err(|unopened| told(unopened, &object, &place))?;
    let damaged =
        |detail: String| VaultError::Damaged { object: object.clone(), place: place.clone(), detail };
    let record: Record<'_> = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if record.run != run || record.seq != seq {
        return Err(damaged(format!("it holds event {} of run {}", record.seq, record.run)));
    }
    Ok(Recorded { seq, event: record.event.into_owned() })
}

/// The error of an object that did not open.
pub(crate) fn told(unopened: Unopened, object: &str, place: &str) -> VaultError {
    let (object, place) = (object.to_owned(), place.to_owned());
    match unopened {
        Unopened::WrongKey => VaultError::WrongKey { object, place },
        Unopened::NotWhole(detail) => VaultError::Damaged { object, place, detail: detail.to_owned() },
        Unopened::NoIdentity => VaultError::NoIdentity,
    }
}
