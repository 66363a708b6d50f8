//! Names and numbers that must not be confused: one type each.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that was checked where it came in.
            #[must_use]
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

name! {
    /// A site: `east`. Never changes, whatever its role.
    SiteId
}
name! {
    /// A workspace set: the workspaces, one per site, that stand for each other. `prod`.
    SetName
}
name! {
    /// A failover group: `finance`.
    GroupName
}
name! {
    /// A kind of asset, as in the table of kinds: `job`, `cluster_policy`.
    KindName
}
name! {
    /// What one workspace calls an asset: a job's number, a policy's hexadecimal id, a notebook's path.
    /// Numbers travel as text here; the kind knows their shape on the wire.
    RemoteId
}
name! {
    /// One execution: of a sync cycle now, of a runbook later.
    RunId
}

/// The number of a group's primary term. Only ever rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One workspace of a set, at a site. Printed `prod@east`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The workspace set.
    pub set: SetName,
    /// The site.
    pub site: SiteId,
}

/// An identity minted once, where the asset was first seen; it survives every swap of roles.
///
/// Printed and stored as `job/prod@east/123`. What the asset is called elsewhere is in the id map.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId {
    /// What kind of thing it is.
    pub kind: KindName,
    /// Where it was first seen.
    pub origin: Place,
    /// What it was called there.
    pub minted: RemoteId,
}

/// A text that is not an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct MalformedId {
    /// What was read.
    pub text: String,
    /// What it should look like.
    pub expected: &'static str,
}

impl Place {
    /// The set's workspace at a site.
    #[must_use]
    pub const fn new(set: SetName, site: SiteId) -> Self {
        Self { set, site }
    }
}

impl AssetId {
    /// The identity of what `origin` calls `minted`.
    #[must_use]
    pub const fn new(kind: KindName, origin: Place, minted: RemoteId) -> Self {
        Self { kind, origin, minted }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.set, self.site)
    }
}

impl FromStr for Place {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let malformed = || MalformedId { text: text.to_owned(), expected: "a place such as prod@east" };
        let (set, site) = text.split_once('@').ok_or_else(malformed)?;
        if set.is_empty() || site.is_empty() {
            return Err(malformed());
        }
        Ok(Self { set: set.into(), site: site.into() })
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.origin, self.minted)
    }
}

impl FromStr for AssetId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let malformed =
            || MalformedId { text: text.to_owned(), expected: "an asset such as job/prod@east/123" };
        let (kind, rest) = text.split_once('/').ok_or_else(malformed)?;
        let (origin, minted) = rest.split_once('/').ok_or_else(malformed)?;
        if kind.is_empty() || minted.is_empty() {
            return Err(malformed());
        }
        Ok(Self { kind: kind.into(), origin: origin.parse()?, minted: minted.into() })
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Place);
as_text!(AssetId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_as_it_was_printed_also_where_the_id_is_a_path() {
        for text in ["job/prod@east/123", "notebook/prod@east//Shared/etl/load@night"] {
            assert_eq!(text.parse::<AssetId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_an_identity_is_named() {
        let error = "job-123".parse::<AssetId>().unwrap_err();
        assert_eq!(error.to_string(), r#""job-123" is not an asset such as job/prod@east/123"#);
    }
}
