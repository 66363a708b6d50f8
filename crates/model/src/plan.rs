//! The ordered changes that take a place from what it has to what it should have.
//!
//! A plan is a value: printed for the operator, hashed for the approval, handed to the executor. References in
//! it are symbolic until the call that sends them. The documents it speaks of are in the store, by digest.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AssetId, Digest, Key, Outcome, Place, RemoteId, Version};

/// What is done about an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It does not exist there yet.
    Create,
    /// It does not exist there yet and is part of a cycle of references: create it without what it refers to.
    CreateStub,
    /// Give a stub the rest.
    Fill,
    /// It exists there and differs.
    Update,
    /// An equal one exists there already: record that it is the counterpart. No request.
    Adopt,
    /// It is gone at the source, for long enough.
    Delete,
}

/// One change to one asset. Its requests are made from it by the asset's kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The asset.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// What is done.
    pub action: Action,
    /// What the target calls it, where it exists already.
    pub remote: Option<RemoteId>,
    /// What it was at the source.
    pub source: Version,
    /// What it will be, in symbolic space, in the target's dialect. The content's digest is absent while the bytes
    /// are still being read; see `content_mark`.
    pub desired: Version,
    /// What the target has now.
    pub observed: Option<Version>,
    /// Whether what it is (spec or content) must be sent, rather than only whether it runs.
    pub rewrites: bool,
    /// For bytes still being read: which version of them, as the source's listing marked it.
    pub content_mark: Option<String>,
    /// Which fields differ, for people.
    pub fields: Vec<String>,
    /// Which of them somebody changed at the target.
    pub drift: Vec<String>,
    /// Which fields will still differ afterwards, and why.
    pub partial: Vec<String>,
    /// Which of them the target cannot be made to keep. Recorded in the base, so that they are not sent again.
    pub not_kept: Vec<String>,
    /// What must be there first.
    pub needs: Vec<AssetId>,
    /// Whose changes must be made first, because they give up the name that this one takes.
    #[serde(default)]
    pub after: Vec<AssetId>,
    /// The requests, for people: `POST /api/2.2/jobs/create`.
    pub requests: Vec<String>,
}

/// The whole: what to change, and what became of everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where it comes from.
    pub source: Place,
    /// What it changes.
    pub target: Place,
    /// The changes; each comes after what it needs, stubs aside.
    pub changes: Vec<Change>,
    /// The assets that the plan does not change, each with its verdict so far.
    pub settled: Vec<Outcome>,
    /// Why the plan waits for an approval, if it does.
    pub held: Option<String>,
}

impl Change {
    /// Whether what is sent becomes the new base. A mere change of posture leaves the base as it was.
    #[must_use]
    pub fn records_base(&self) -> bool {
        self.rewrites || !matches!(self.action, Action::Update)
    }

    /// Whether the document must be sent: what it is differs, or a posture that is a field of it.
    #[must_use]
    pub fn sends_document(&self) -> bool {
        let differs = |now: &Version| {
            now.posture.differences(&self.desired.posture).iter().any(|at| at.starts_with('/'))
        };
        self.rewrites || self.observed.as_ref().is_none_or(differs)
    }
}

impl Plan {
    /// Whether nothing would be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What an approval is bound to: everything that the plan would do.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(&(&self.source, &self.target, &self.changes)).unwrap_or_default();
        Digest::of(&bytes)
    }
}

/// HTTP methods that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

/// What one request is for. An unknown answer is settled accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Brings it into being. Never repeated blindly.
    Create,
    /// Makes it what it should be. Repeating it changes nothing.
    Update,
    /// Makes it sleep or wake. Repeating it changes nothing.
    Posture,
    /// Removes it. Repeating it finds nothing.
    Delete,
}

/// The body of a request, still in symbolic space.
#[derive(Clone, PartialEq)]
pub enum CallBody {
    /// No body.
    Empty,
    /// JSON in which symbols stand for ids.
    Json(Value),
    /// JSON into which the asset's bytes are put, in base64, under this key.
    WithContent(Value, &'static str),
}

/// One request of a change. `{id}` in the path stands for the asset's own remote id, as does the symbol of the asset
/// itself in the body.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, perhaps with `{id}`.
    pub path: String,
    /// The body.
    pub body: CallBody,
    /// What it is for.
    pub purpose: Purpose,
}

impl Call {
    /// A POST with a JSON body.
    #[must_use]
    pub fn post(purpose: Purpose, path: &str, body: Value) -> Self {
        Self { method: Method::Post, path: path.to_owned(), body: CallBody::Json(body), purpose }
    }
}

/// The names of the fields, and not what they hold: people write passwords into settings (P15).
impl fmt::Debug for CallBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |body: &Value| {
            body.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>().join(", "))
        };
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(body) => write!(f, "Json({})", names(body).unwrap_or_default()),
            Self::WithContent(body, at) => {
                write!(f, "WithContent({}, {at})", names(body).unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
