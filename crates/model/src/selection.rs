//! Which assets a group speaks for: `jobs:finance-*`, `notebooks:/Shared/finance/**`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Key;

/// Kinds by plural name (or `*` for all), and keys by glob.
///
/// `*` matches within one segment of a path, `**` across segments. In names, where a slash means nothing, `*`
/// matches everything. `/Workspace` in front of a path is an alias and counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// The plural name of a kind, or `*`.
    pub kinds: String,
    /// The glob.
    pub keys: String,
}

/// A text that is not a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a selector such as \"jobs:finance-*\" or \"notebooks:/Shared/**\"")]
pub struct MalformedSelector {
    /// What was read.
    pub text: String,
}

/// What is included, less what is excluded. No `include` at all means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Taken, if any of these matches.
    pub include: Vec<Selector>,
    /// But not if any of these does.
    pub exclude: Vec<Selector>,
}

impl Selector {
    /// Whether it takes an asset of this kind (plural name) and key.
    #[must_use]
    pub fn takes(&self, kinds: &str, key: &Key) -> bool {
        if self.kinds != "*" && self.kinds != kinds {
            return false;
        }
        if key.as_str().starts_with('/') {
            return fast_glob::glob_match(self.path().unwrap_or(&self.keys), key.as_str());
        }
        // A name's slash separates nothing, so it must not stop a star.
        let plain = |text: &str| text.replace('/', "\u{1}");
        fast_glob::glob_match(plain(&self.keys), plain(key.as_str()))
    }

    /// The folder below which everything it can match lies: the path before the first wildcard. None for names.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        let path = self.path()?;
        let literal = path.find(['*', '?', '[', '{']).map_or(path, |wild| &path[..wild]);
        if literal.len() == path.len() {
            return Some(path);
        }
        Some(literal.rfind('/').map_or("/", |slash| &literal[..slash.max(1)]))
    }
}

impl Selector {
    /// The selector that takes this one key, whatever characters it has, and no other.
    #[must_use]
    pub fn exactly(kinds: &str, key: &Key) -> Self {
        let mut keys = String::with_capacity(key.as_str().len());
        for letter in key.as_str().chars() {
            if "*?[]{}!\\,".contains(letter) {
                keys.push('\\');
            }
            keys.push(letter);
        }
        Self { kinds: kinds.to_owned(), keys }
    }

    /// The glob without its alias, if it is one of paths.
    fn path(&self) -> Option<&str> {
        let path = self.keys.strip_prefix('/').map(|_| self.keys.as_str())?;
        Some(path.strip_prefix("/Workspace").filter(|rest| rest.starts_with('/')).unwrap_or(path))
    }
}

impl Selection {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Nothing. It has to name something that no kind is called, because an empty `include` means everything.
    #[must_use]
    pub fn none() -> Self {
        let nothing = Selector { kinds: "nothing".to_owned(), keys: "nothing".to_owned() };
        Self { include: vec![nothing], exclude: Vec::new() }
    }

    /// Whether it takes an asset of this kind (plural name) and key.
    #[must_use]
    pub fn takes(&self, kinds: &str, key: &Key) -> bool {
        (self.include.is_empty() || self.include.iter().any(|selector| selector.takes(kinds, key)))
            && !self.exclude.iter().any(|selector| selector.takes(kinds, key))
    }

    /// Whether it can take any asset of this kind at all.
    #[must_use]
    pub fn concerns(&self, kinds: &str) -> bool {
        self.include.is_empty()
            || self.include.iter().any(|selector| selector.kinds == "*" || selector.kinds == kinds)
    }

    /// The folders of a tree that must be walked to find everything of these kinds; `["/"]` for all of it. No
    /// folder in the answer lies inside another one.
    #[must_use]
    pub fn roots(&self, kinds: &[&str]) -> Vec<String> {
        if self.include.is_empty() {
            return vec!["/".to_owned()];
        }
        let mut roots: Vec<String> = self
            .include
            .iter()
            .filter(|selector| selector.kinds == "*" || kinds.contains(&selector.kinds.as_str()))
            .map(|selector| selector.root().unwrap_or("/").to_owned())
            .collect();
        roots.sort();
        roots.dedup();
        let all = roots.clone();
        roots.retain(|root| !all.iter().any(|other| other != root && is_inside(root, other)));
        roots
    }
}

fn is_inside(path: &str, folder: &str) -> bool {
    folder == "/" || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl FromStr for Selector {
    type Err = MalformedSelector;

    fn from_str(text: &str) -> Result<Self, MalformedSelector> {
        match text.split_once(':') {
            Some((kinds, keys)) if !kinds.is_empty() && !keys.is_empty() => {
                Ok(Self { kinds: kinds.to_owned(), keys: keys.to_owned() })
            }
            _ => Err(MalformedSelector { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kinds, self.keys)
    }
}

impl Serialize for Selector {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(include: &[&str], exclude: &[&str]) -> Selection {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Selection { include: parse(include), exclude: parse(exclude) }
    }

    #[test]
    fn names_and_paths_are_matched_each_in_their_own_way() {
        let group = selection(&["jobs:finance-*", "notebooks:/Shared/finance/**"], &["jobs:*-scratch"]);
        assert!(group.takes("jobs", &Key::new("finance-a/b")));
        assert!(!group.takes("jobs", &Key::new("finance-scratch")));
        assert!(group.takes("notebooks", &Key::new("/Shared/finance/a/b")));
        assert!(!group.takes("notebooks", &Key::new("/Shared/marketing/a")));
        assert!(!group.takes("clusters", &Key::new("finance-a")));
        assert!(selection(&[], &[]).takes("clusters", &Key::new("anything")));
    }

    #[test]
    fn a_path_may_be_selected_by_its_alias() {
        let group = selection(&["notebooks:/Workspace/Shared/**"], &["notebooks:/Workspace/Shared/tmp/**"]);
        assert!(group.takes("notebooks", &Key::new("/Shared/a")));
        assert!(!group.takes("notebooks", &Key::new("/Shared/tmp/a")));
        assert_eq!(group.roots(&["notebooks"]), ["/Shared"]);
    }

    #[test]
    fn a_key_can_be_named_exactly_whatever_characters_it_has() {
        for key in ["a", "a*", "big [1]", "{x,y}", "a\\b", "!no", "/Shared/a [*]/**", "what?"] {
            let exactly = Selector::exactly("jobs", &Key::new(key));
            assert!(exactly.takes("jobs", &Key::new(key)), "{key}");
            assert!(!exactly.takes("jobs", &Key::new(format!("{key}x"))), "{key}");
            assert!(!exactly.takes("pools", &Key::new(key)));
            assert_eq!(exactly.to_string().parse::<Selector>().unwrap(), exactly);
        }
        assert!(!Selector::exactly("jobs", &Key::new("a*")).takes("jobs", &Key::new("ab")));
    }

    #[test]
    fn nothing_takes_nothing_walks_nowhere_and_survives_being_stored() {
        let nothing = Selection::none();
        assert!(!nothing.takes("jobs", &Key::new("a")) && !nothing.concerns("jobs"));
        assert_eq!(nothing.roots(&["notebooks"]), Vec::<String>::new());
        let stored = serde_json::to_string(&nothing).unwrap();
        assert_eq!(serde_json::from_str::<Selection>(&stored).unwrap(), nothing);
    }

    #[test]
    fn only_the_folders_that_can_hold_a_match_are_walked() {
        let group =
            selection(&["notebooks:/Shared/finance/**", "files:/Shared/finance/lib/*.whl", "jobs:*"], &[]);
        assert_eq!(group.roots(&["notebooks", "files"]), ["/Shared/finance"]);
        assert_eq!(selection(&["*:*"], &[]).roots(&["notebooks"]), ["/"]);
        assert_eq!(selection(&[], &[]).roots(&["notebooks"]), ["/"]);
        assert_eq!(selection(&["jobs:*"], &[]).roots(&["notebooks"]), Vec::<String>::new());
    }
}
