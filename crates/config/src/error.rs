//! What can go wrong after the config was read: fetching a secret that it refers to.

use twinlake_base::ErrorClass;

/// A reference that leads to no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The variable is not set, or is empty.
    #[error("the environment has no {name}")]
    NotSet {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    #[error("the secret in {path} cannot be read")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file holds nothing.
    #[error("the secret in {path} is empty")]
    Empty {
        /// Its path.
        path: String,
    },
}

impl SecretError {
    /// What to do about it.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NotSet { .. } | Self::Empty { .. } => ErrorClass::Missing,
            Self::Unreadable { .. } => ErrorClass::Denied,
        }
    }

    /// The next command to run.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotSet { name } => Some(format!("export {name}=…")),
            Self::Unreadable { path, .. } | Self::Empty { path } => Some(format!("ls -l {path}")),
        }
    }
}
