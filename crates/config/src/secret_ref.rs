//! References to secrets: `env:NAME`, `file:/path`. The config holds no secret itself.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};
use twinlake_base::{Env, Secret};

use crate::SecretError;

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// In a variable of the environment.
    Env(String),
    /// In a file, all of it, less white space around it.
    File(PathBuf),
}

impl SecretRef {
    /// Reads a reference. None for anything else, which must then not be repeated: it may be the secret itself.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("env:") {
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            return is_name.then(|| Self::Env(name.to_owned()));
        }
        let path = text.strip_prefix("file:").filter(|path| path.starts_with('/'))?;
        Some(Self::File(path.into()))
    }

    /// Fetches the secret.
    ///
    /// # Errors
    /// When there is none.
    pub fn resolve(&self, env: &Env) -> Result<Secret<String>, SecretError> {
        match self {
            Self::Env(name) => env
                .get(name)
                .map(|value| Secret::new(value.to_owned()))
                .ok_or_else(|| SecretError::NotSet { name: name.clone() }),
            Self::File(path) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SecretError::Unreadable { path: shown.clone(), source })?;
                match text.trim() {
                    "" => Err(SecretError::Empty { path: shown }),
                    secret => Ok(Secret::new(secret.to_owned())),
                }
            }
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_to_its_secret() {
        let env = Env::of([("EAST_TOKEN", "t")]);
        let secret = SecretRef::parse("env:EAST_TOKEN").unwrap().resolve(&env).unwrap();
        assert_eq!(secret.expose(), "t");
        assert!(matches!(SecretRef::Env("WEST".into()).resolve(&env), Err(SecretError::NotSet { .. })));
    }

    #[test]
    fn a_file_is_read_without_the_line_end_that_editors_add() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "t\n").unwrap();
        let reference = SecretRef::parse(&format!("file:{}", path.display())).unwrap();
        assert_eq!(reference.resolve(&Env::default()).unwrap().expose(), "t");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(reference.resolve(&Env::default()), Err(SecretError::Empty { .. })));
    }

    #[test]
    fn a_literal_is_no_reference() {
        for text in ["dapi123", "env:", "env:A B", "file:relative", "vault:x", ""] {
            assert_eq!(SecretRef::parse(text), None, "{text}");
        }
    }
}
