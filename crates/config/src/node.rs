//! The tree of a YAML file, in which everything knows where it stands.

use crate::problem::Mark;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

/// A value. Whether a plain scalar is a number or a word is decided by the key that it stands under, so that
/// `region: 1` and `region: "1"` mean the same.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing was written, or `~`, or `null`.
    Null,
    /// A scalar. Only a plain one can be a boolean.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
    /// Something whose problem was reported already; whoever meets it says nothing more.
    Broken,
}

/// The entries of a map in the order in which they were written, each key once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map(pub(crate) Vec<Entry>);

/// A key with its place, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) mark: Mark,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for a sentence such as "a list, found …".
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Null | Value::Broken => "nothing".to_owned(),
            Value::Scalar { text, .. } if text.chars().count() <= 60 => format!("{text:?}"),
            Value::Scalar { .. } => "a long text".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map of keys".to_owned(),
        }
    }

    /// Calls `visit` for this node and every node below it, with the path of keys that leads there.
    pub(crate) fn walk<'n>(&'n self, path: &str, visit: &mut dyn FnMut(&str, &'n Self)) {
        visit(path, self);
        match &self.value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.walk(&format!("{path}[{index}]"), visit);
                }
            }
            Value::Map(map) => {
                for entry in &map.0 {
                    entry.value.walk(&join(path, &entry.key), visit);
                }
            }
            Value::Null | Value::Scalar { .. } | Value::Broken => {}
        }
    }
}

impl Map {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.key == key)
    }

    /// Takes an entry out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(at))
    }
}

/// The path of a key below another.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
