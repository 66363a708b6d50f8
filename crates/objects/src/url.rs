//! Which store a URL names.

use std::path::PathBuf;

use crate::ObjectsError;

/// A URL, understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A folder of this machine, or one that is mounted here.
    Folder(PathBuf),
    /// Memory of this process.
    Memory,
}

/// The schemes of stores that are planned: to say "not yet" and not "never heard of".
const CLOUDS: &[&str] = &["s3:", "s3a:", "gs:", "az:", "abfs:", "abfss:", "adl:", "https:"];

/// Understands a URL. What follows `file://` is taken as it is written: no escapes.
pub(crate) fn parse(url: &str) -> Result<Address, ObjectsError> {
    let malformed = |why| ObjectsError::MalformedUrl { url: url.to_owned(), why };
    if url == "memory:" || url == "memory://" {
        return Ok(Address::Memory);
    }
    if let Some(path) = url.strip_prefix("file://") {
        return if path.starts_with('/') {
            Ok(Address::Folder(path.into()))
        } else {
            Err(malformed("file: takes three slashes and the whole path"))
        };
    }
    if CLOUDS.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(ObjectsError::NoCloud { url: url.to_owned() });
    }
    Err(malformed("it starts with none of file:///, memory:, s3://, gs://, abfss://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_memory_are_understood_and_clouds_are_not_yet() {
        assert_eq!(parse("file:///srv/my witness%").unwrap(), Address::Folder("/srv/my witness%".into()));
        assert_eq!(parse("memory:").unwrap(), Address::Memory);
        for url in ["s3://acme/x", "gs://acme", "abfss://c@acme.dfs.core.windows.net/x"] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.to_string(), format!("{url}: this build has no cloud stores yet"));
        }
        for url in ["file://srv/x", "/srv/x", "ftp://x", ""] {
            assert!(matches!(parse(url), Err(ObjectsError::MalformedUrl { .. })), "{url}");
        }
    }
}
