//! Where something is kept in an object store: `s3://bucket/prefix`, `file:///var/lib/twinlake`.

use std::fmt;

use serde::{Serialize, Serializer};

/// The schemes that are read, each with the name under which two spellings are the same store.
const SCHEMES: &[(&str, &str)] = &[
    ("s3", "s3"),
    ("s3a", "s3"),
    ("gs", "gs"),
    ("abfss", "azure"),
    ("abfs", "azure"),
    ("wasbs", "azure"),
    ("az", "azure"),
    ("file", "file"),
    ("memory", "memory"),
];

/// A URL of a bucket, container or folder, and a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageUrl {
    text: String,
    store: &'static str,
    /// The bucket; for Azure the account, which is what fails as one.
    bucket: String,
    path: String,
}

impl StorageUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and how it would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let example = "a URL such as s3://bucket/prefix, gs://…, abfss://container@account.dfs.core.windows.net/… or file:///folder";
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(if text.starts_with('/') {
                format!("{text:?} is a path; write \"file://{text}\"")
            } else {
                format!("{text:?} is not {example}")
            });
        };
        let Some((_, store)) = SCHEMES.iter().find(|(name, _)| *name == scheme) else {
            return Err(format!("{scheme:?} is not a store that we know; write {example}"));
        };
        if text.contains(['?', '#']) || text.contains(char::is_whitespace) {
            return Err(format!(
                "{text:?} must end with its path; credentials and options do not belong in it"
            ));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = match *store {
            "azure" => account(authority),
            _ => authority.to_owned(),
        };
        let is_local = matches!(*store, "file" | "memory");
        if is_local && !bucket.is_empty() {
            return Err(format!("{text:?} must have three slashes: {scheme}:///folder"));
        }
        if !is_local && bucket.is_empty() {
            return Err(format!("{text:?} names no bucket; write {example}"));
        }
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(format!("{text:?} must name its folder straight, without . and .."));
        }
        let path = path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        if is_local && path.is_empty() {
            return Err(format!("{text:?} names no folder"));
        }
        Ok(Self { text: text.to_owned(), store, bucket, path })
    }

    /// The URL as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The folder, if the URL names one of this machine.
    #[must_use]
    pub fn local_path(&self) -> Option<std::path::PathBuf> {
        (self.store == "file").then(|| std::path::Path::new("/").join(&self.path))
    }

    /// Whether two URLs share what fails as one: a bucket or an account; on this machine, a folder in which one of
    /// them lies inside the other.
    pub(crate) fn shares_fate_with(&self, other: &Self) -> bool {
        match self.store {
            "file" | "memory" => self.overlaps(other),
            _ => self.store == other.store && self.bucket == other.bucket,
        }
    }

    /// Whether one lies inside the other.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let inside = |path: &str, folder: &str| {
            folder.is_empty()
                || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.store == other.store
            && (&self.bucket, self.container()) == (&other.bucket, other.container())
            && (inside(&self.path, &other.path) || inside(&other.path, &self.path))
    }

    /// The container of Azure's `container@account…`; elsewhere the bucket says it all.
    fn container(&self) -> &str {
        let authority =
            self.text.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        authority.rsplit_once('@').map_or("", |(container, _)| container)
    }
}

/// The account of `container@account.dfs.core.windows.net`.
fn account(authority: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split('.').next().unwrap_or_default().to_lowercase()
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for StorageUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> StorageUrl {
        StorageUrl::parse(text).unwrap()
    }

    #[test]
    fn a_bucket_an_account_and_a_nested_folder_share_their_fate() {
        assert!(url("s3://a/x").shares_fate_with(&url("s3a://a/y")));
        assert!(
            url("abfss://c@acme.dfs.core.windows.net/")
                .shares_fate_with(&url("abfss://d@acme.dfs.core.windows.net/"))
        );
        assert!(url("file:///srv/a").shares_fate_with(&url("file:///srv/a/b")));
        assert!(!url("file:///srv/a").shares_fate_with(&url("file:///srv/ab")));
        assert!(!url("s3://a/x").shares_fate_with(&url("gs://a/x")));
        assert!(!url("s3://a/x").overlaps(&url("s3://a/y")));
        // One container by its two endpoints, and two containers of one account.
        let lake = url("abfss://c@acme.dfs.core.windows.net/x");
        assert!(lake.overlaps(&url("wasbs://c@acme.blob.core.windows.net/x/y")));
        assert!(!lake.overlaps(&url("abfss://d@acme.dfs.core.windows.net/x")));
        assert_eq!(url("file:///srv//a/").local_path(), Some("/srv/a".into()));
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for text in [
            "",
            "bucket",
            "/srv",
            "ftp://a/b",
            "s3://",
            "s3:///x",
            "file://x",
            "file:///",
            "s3://a/b?x=1",
            "s3://a b",
            "file:///srv/a/../b",
            "s3://a/./b",
        ] {
            assert!(StorageUrl::parse(text).is_err(), "{text}");
        }
        assert!(StorageUrl::parse("/srv/a").unwrap_err().contains("file:///srv/a"));
    }
}
