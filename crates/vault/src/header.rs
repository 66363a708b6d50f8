//! A shipped state as an object: a line in the clear, and the encrypted rest.
//!
//! The line is there for whoever ships: which generation this is, whether its audit is ours, whether anything changed
//! since. It holds no names and no secrets. Whoever recovers trusts it only as far as the encrypted part repeats it.

use serde::{Deserialize, Serialize};
use twinlake_base::Timestamp;
use twinlake_model::Digest;
use twinlake_store::Export;

use crate::key::Key;
use crate::{VaultError, record};

/// The format of the object. Another one is another program's.
const FORMAT: &str = "twinlake-state/1";

/// The line is shorter than this.
pub(crate) const LONGEST: u64 = 1024;

/// zstd's own default.
const LEVEL: i32 = 3;

/// What a state object says of itself in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    format: String,
    /// Its number at this location.
    pub(crate) generation: u64,
    #[serde(flatten)]
    pub(crate) facts: Facts,
    /// The digest of what follows the line: also told apart by it is who shipped it, because no two encryptions are alike.
    pub(crate) body: Digest,
}

/// What the line says and the encrypted part repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// When it was shipped.
    pub(crate) at: Timestamp,
    /// How many rows its audit has.
    pub(crate) audit_rows: u64,
    /// The digest of the last of them.
    pub(crate) audit_head: Option<Digest>,
    /// The digest of the exported state.
    pub(crate) state: Digest,
}

/// What the encrypted part begins with.
#[derive(Serialize, Deserialize)]
struct Inside {
    #[serde(flatten)]
    facts: Facts,
    /// Who shipped it.
    by: String,
    size_bytes: u64,
}

/// A state that was opened.
pub(crate) struct Opened {
    pub(crate) by: String,
    pub(crate) bytes: Vec<u8>,
}

/// The encrypted part: the same for every location.
pub(crate) struct Body {
    pub(crate) facts: Facts,
    digest: Digest,
    sealed: Vec<u8>,
}

impl Body {
    /// Compresses and encrypts an exported state.
    pub(crate) fn of(export: &Export, by: &str, at: Timestamp, key: &Key) -> Result<Self, VaultError> {
        let facts = Facts {
            at,
            audit_rows: export.audit.map_or(0, |(rows, _)| rows),
            audit_head: export.audit.map(|(_, head)| head),
            state: Digest::of(&export.bytes),
        };
        let inside =
            Inside { facts: facts.clone(), by: by.to_owned(), size_bytes: export.bytes.len() as u64 };
        let mut text = line(&inside)?;
        let packed = zstd::bulk::compress(&export.bytes, LEVEL).map_err(|error| unmade(&error))?;
        text.extend_from_slice(&packed);
        let sealed = key.seal(&text)?;
        Ok(Self { facts, digest: Digest::of(&sealed), sealed })
    }

    /// The object of one generation.
    pub(crate) fn object(&self, generation: u64) -> Result<(Header, Vec<u8>), VaultError> {
        let header =
            Header { format: FORMAT.to_owned(), generation, facts: self.facts.clone(), body: self.digest };
        let mut bytes = line(&header)?;
        bytes.extend_from_slice(&self.sealed);
        Ok((header, bytes))
    }
}

impl Header {
    /// Reads the line at the beginning of an object.
    pub(crate) fn read(bytes: &[u8], object: &str, place: &str) -> Result<Self, VaultError> {
        Ok(split(bytes, object, place)?.0)
    }

    /// Opens a whole object: what comes back is what was exported, every byte.
    pub(crate) fn open(bytes: &[u8], key: &Key, object: &str, place: &str) -> Result<Opened, VaultError> {
        let damaged = |detail: &str| VaultError::Damaged {
            object: object.to_owned(),
            place: place.to_owned(),
            detail: detail.to_owned(),
        };
        let (header, sealed) = split(bytes, object, place)?;
        if Digest::of(sealed) != header.body {
            return Err(damaged("its bytes are not those that were shipped"));
        }
        let text = key.open(sealed).map_err(|unopened| record::told(unopened, object, place))?;
        let Some((first, packed)) = cut(&text) else { return Err(damaged("it is cut short")) };
        let inside: Inside = serde_json::from_slice(first).map_err(|error| damaged(&error.to_string()))?;
        if inside.facts != header.facts {
            return Err(damaged("the line at its beginning was changed"));
        }
        let size = usize::try_from(inside.size_bytes).map_err(|error| damaged(&error.to_string()))?;
        let bytes = zstd::bulk::decompress(packed, size).map_err(|error| damaged(&error.to_string()))?;
        if Digest::of(&bytes) != inside.facts.state {
            return Err(damaged("it does not hold the state that it names"));
        }
        Ok(Opened { by: inside.by, bytes })
    }
}

fn split<'a>(bytes: &'a [u8], object: &str, place: &str) -> Result<(Header, &'a [u8]), VaultError> {
    let (object, place) = (object.to_owned(), place.to_owned());
    let parsed = cut(bytes).and_then(|(first, rest)| {
        let value: serde_json::Value = serde_json::from_slice(first).ok()?;
        let format = value.get("format")?.as_str()?.to_owned();
        Some((format, serde_json::from_value::<Header>(value), rest))
    });
    match parsed {
        Some((format, Ok(header), rest)) if format == FORMAT => Ok((header, rest)),
        Some((format, ..)) if format != FORMAT => Err(VaultError::Newer { object, place, format }),
        _ => {
            let detail = "it does not begin as a shipped state".to_owned();
            Err(VaultError::Damaged { object, place, detail })
        }
    }
}

fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, VaultError> {
    let mut line = serde_json::to_vec(value).map_err(|error| unmade(&error))?;
    line.push(b'\n');
    Ok(line)
}

fn unmade(error: &dyn std::error::Error) -> VaultError {
    let (object, place) = ("the state".to_owned(), "memory".to_owned());
    VaultError::Damaged { object, place, detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_in_the_clear_is_short_and_holds_no_names() {
        let (_, recipient) = Key::generate();
        let key = Key::new(&[recipient], None).unwrap();
        let export = Export {
            bytes: b"acme-lakehouse".to_vec(),
            audit: Some((u64::MAX, Digest::of(b"head"))),
            writes: 1,
        };
        let body = Body::of(&export, "ana@acme on laptop-7", Timestamp::MAX, &key).unwrap();
        let (header, object) = body.object(u64::MAX).unwrap();
        let (first, _) = cut(&object).unwrap();
        assert!((first.len() as u64) < LONGEST, "{} bytes", first.len());
        let text = String::from_utf8(first.to_vec()).unwrap();
        assert!(!text.contains("acme") && !text.contains("laptop"), "{text}");
        assert_eq!(Header::read(&object[..first.len() + 1], "o", "p").unwrap(), header);
    }

    #[test]
    fn another_format_is_a_newer_programs_and_not_damage() {
        let read = |bytes: &[u8]| Header::read(bytes, "state/00000001", "memory:").unwrap_err();
        assert!(matches!(read(b"{\"format\":\"twinlake-state/2\",\"x\":1}\n..."), VaultError::Newer { .. }));
        for bytes in [&b""[..], b"{}\n", b"{\"format\":\"twinlake-state/1\"}\n", b"no line at all"] {
            assert!(matches!(read(bytes), VaultError::Damaged { .. }));
        }
    }
}
