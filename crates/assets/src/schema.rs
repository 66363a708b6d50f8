//! What a kind says of itself, as data.

use std::time::Duration;

use serde_json::{Value, json};
use twinlake_model::{MappingTable, Pattern};

/// A kind's description. Everything that is true of the kind without asking anybody.
#[derive(Debug)]
pub struct Schema {
    /// The kind's name: `cluster_policy`. As in identities.
    pub name: &'static str,
    /// Its plural: `cluster_policies`. As in selectors.
    pub plural: &'static str,
    /// Where its API is documented.
    pub documentation: &'static str,
    /// How people, and copies, find it.
    pub key: KeyRule,
    /// Where a raw document carries the remote id, and of which shape ids of this kind are on the wire.
    pub id: (Pattern, IdShape),
    /// Whether other assets lie inside it, by path.
    pub holds_others: bool,
    /// Its fields and references.
    pub fragment: Fragment,
    /// The fields that decide whether it runs.
    pub sleeps: &'static [Sleeps],
    /// What one edit sets, beside its sleep, so that nothing can start with it any more. Empty: no single edit does that.
    pub coarse_fence: &'static [Fenced],
    /// Where an identity tag has room.
    pub tags: Option<Tags>,
    /// What cannot travel. Shown by `twinlake kinds`.
    pub leaves_behind: &'static [&'static str],
    /// How long after a write a list may still not show it.
    pub consistency: Duration,
}

/// Where tags stand in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags {
    /// Where.
    pub at: Pattern,
    /// How many there may be in all.
    pub room: usize,
    /// In which form.
    pub form: TagForm,
}

/// In which form tags stand in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagForm {
    /// `{"key": "value"}`
    Map,
    /// `[{"key": "key", "value": "value"}]`
    Pairs,
}

/// How people find an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// By path. The path is the remote id, and the same on every site.
    Path,
    /// By a name that the service keeps unique.
    UniqueName(Pattern),
    /// By a name that may repeat. Copies are found by the id map, never by name.
    Name(Pattern),
}

/// How ids of a kind look on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdShape {
    /// A JSON string.
    Text,
    /// A JSON number of 64 bits.
    Int64,
}

/// A part of a document that several kinds embed: a cluster's spec, a task, a library.
#[derive(Debug)]
pub struct Fragment {
    /// References to other assets.
    pub references: &'static [Reference],
    /// Fields that need more than to be carried.
    pub fields: &'static [Field],
    /// Fragments inside this one.
    pub embeds: &'static [Embed],
}

impl Fragment {
    /// Nothing to say.
    pub const EMPTY: Self = Self { references: &[], fields: &[], embeds: &[] };
}

/// Where a fragment stands in another one.
#[derive(Debug)]
pub enum Embed {
    /// As JSON.
    At(Pattern, &'static Fragment),
    /// As JSON inside a string.
    InText(Pattern, &'static Fragment),
}

/// A field that holds another asset.
#[derive(Debug)]
pub struct Reference {
    /// Where.
    pub at: Pattern,
    /// Which kind, by name; also a kind that does not stand here yet.
    pub to: &'static str,
    /// How it is named there.
    pub by: By,
    /// What to do where it has no counterpart.
    pub missing: Missing,
}

/// How a reference names what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By remote id, which differs per workspace: becomes a symbol.
    Id,
    /// By workspace path, which is the same everywhere: kept, and waited for. `to` may name several kinds, separated
    /// by `|`. Only absolute workspace paths count; what else may stand there is [`symbolize::workspace_path`]'s to say.
    ///
    /// [`symbolize::workspace_path`]: crate::symbolize::workspace_path
    Path,
    /// By a principal's name: kept.
    Principal,
    /// By a name that is the same everywhere, as tables and connections have: kept.
    Name,
}

/// What to do about a reference that has no counterpart at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Do not write the asset; say `unmapped`.
    Block,
    /// Write it as it is at the source.
    Keep,
}

/// A field that needs more than to be carried.
#[derive(Debug)]
pub enum Field {
    /// The service's own: never sent, never compared.
    ServerOwned(Pattern),
    /// Set by the service when absent: not compared where we did not set it.
    ServerDefault(Pattern),
    /// Can be set only when the asset is created.
    CreateOnly(Pattern),
    /// Another value at another site.
    SiteLocal(Pattern, MappingTable),
    /// A text in which words may differ by site; the name is the config's (`spark_conf`).
    FreeText(Pattern, &'static str),
    /// A password or key. Where it is a reference to a secret scope it is carried; in plain text it is not.
    Secret(Pattern),
    /// A list whose items are told apart by this key. It is carried in its order and compared without it.
    Keyed(Pattern, &'static str),
    /// A list whose order means nothing.
    Unordered(Pattern),
}

/// A field that decides whether the asset runs.
#[derive(Debug)]
pub struct Sleeps {
    /// Where. Counts wherever the object that would hold it exists, also if the field itself is absent there.
    pub at: Pattern,
    /// What an absent field means.
    pub absent: Constant,
    /// What it must be on a standby.
    pub asleep: Constant,
}

/// A field that is not posture, and that the coarse fence of a lost primary sets nevertheless.
///
/// It is a part of what the asset is, so whoever brings the place into step again puts the recorded value back.
#[derive(Debug)]
pub struct Fenced {
    /// Where. A plain pointer.
    pub at: Pattern,
    /// What stops it.
    pub stops_at: Constant,
}

/// A posture that only so many assets of a workspace can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ration {
    /// The posture's word.
    pub word: &'static str,
    /// How many can have it.
    pub room: usize,
    /// What becomes of those without, for the operator.
    pub without: &'static str,
}

/// A plain value, in a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// A JSON string.
    Text(&'static str),
    /// A JSON number.
    Number(i64),
    /// A JSON boolean.
    Flag(bool),
}

impl Constant {
    /// As JSON.
    #[must_use]
    pub fn value(self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::Flag(flag) => json!(flag),
        }
    }
}

impl Fenced {
    /// Puts what stops it into a document.
    pub(crate) fn put(&self, document: &mut Value) {
        let (holder, field) = self.at.0.rsplit_once('/').unwrap_or(("", self.at.0));
        if let Some(Value::Object(fields)) = document.pointer_mut(holder) {
            fields.insert(field.to_owned(), self.stops_at.value());
        }
    }
}

impl Schema {
    /// Whether the service keeps names of this kind unique, so that a second one cannot exist beside it.
    #[must_use]
    pub const fn has_unique_key(&self) -> bool {
        matches!(self.key, KeyRule::Path | KeyRule::UniqueName(_))
    }

    /// Whether it is found by path.
    #[must_use]
    pub const fn is_tree(&self) -> bool {
        matches!(self.key, KeyRule::Path)
    }
}
