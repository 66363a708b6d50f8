//! The contract between a kind and everything that works with kinds.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;
use twinlake_databricks::{Complete, Reader};
use twinlake_model::{AssetId, Call, Change, Key, Mark, Posture, RemoteId, Selection};

use crate::{Error, Portrait, Ration, Schema};

/// A kind of asset. Plain REST collections are a [`RestKind`](crate::RestKind) constant; awkward ones implement this
/// in their own file.
///
/// What an implementation promises:
/// - a listing ends with a proof of completeness or with an error, never silently short;
/// - `calls` is a pure function of the change; each call is one request, and the order is the order of sending;
/// - where a create starts something that must sleep, the very next call stops it;
/// - all calls but those with [`Purpose::Create`](twinlake_model::Purpose::Create) may be repeated without harm.
#[async_trait]
pub trait AssetKind: fmt::Debug + Send + Sync {
    /// What is true of the kind without asking anybody.
    fn schema(&self) -> &Schema;

    /// How assets of this kind are found. Several kinds may share one listing; it is then walked once.
    fn listing(&self) -> &dyn Listing;

    /// Takes a raw document apart.
    ///
    /// # Errors
    /// When the document lacks its id or key.
    fn portray(&self, raw: Value) -> Result<Portrait, Error>;

    /// Reads one object. None means that the service says, in whatever words, that it does not exist.
    ///
    /// # Errors
    /// Whatever else went wrong.
    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error>;

    /// Reads an object's bytes, for kinds that hold bytes. None where the object is gone or the kind holds none.
    ///
    /// # Errors
    /// Whatever else went wrong.
    async fn content(&self, _reader: &Reader, _remote: &RemoteId) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    /// Whether the kind holds bytes.
    fn has_content(&self) -> bool {
        false
    }

    /// What `waking` must be on a standby. The default follows [`Schema::sleeps`].
    fn asleep(&self, waking: &Posture) -> Posture {
        crate::posture::asleep(self.schema(), waking)
    }

    /// A posture of sleeping assets of which a workspace has only so many to give.
    fn ration(&self) -> Option<Ration> {
        None
    }

    /// What to create when the asset is part of a cycle of references: the spec without what closes the cycle.
    fn stub(&self, spec: &Value) -> Value {
        spec.clone()
    }

    /// The requests that make the change, in order. `spec` is the document of the change's desired version.
    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call>;

    /// The remote id in the answer to a create. None for kinds whose id is their path.
    fn created(&self, answer: &Value) -> Option<RemoteId>;

    /// The one request that keeps an asset of a lost or half-dead place from being used any more, for kinds that have one:
    /// made from the kept document of that very place, so that the place need not be read. It may be repeated.
    ///
    /// It is undone by whatever next brings the place into step: the document holds what was there before.
    fn coarse_fence(&self, _asset: &AssetId, _spec: &Value) -> Option<Call> {
        None
    }

    /// Whether the service itself puts such an object into every workspace, so that it is adopted rather than created.
    fn is_built_in(&self, _key: &Key) -> bool {
        false
    }
}

/// What part of a workspace is looked at.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What the group speaks for.
    pub selection: Selection,
}

/// A way to find all objects of one or more kinds.
#[async_trait]
pub trait Listing: fmt::Debug + Send + Sync {
    /// Names the listing: kinds that return a listing of the same name are found together.
    fn name(&self) -> &'static str;

    /// Finds everything in scope, in whatever order it comes, and proves that this was all.
    ///
    /// # Errors
    /// When any part of the walk failed. What was found until then proves nothing.
    async fn list(
        &self,
        reader: &Reader,
        scope: &Scope,
        found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error>;
}

/// One row of a listing.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The kind's name. May name a kind that does not stand here, for what a shared listing comes upon.
    pub kind: &'static str,
    /// What the place calls it.
    pub remote: RemoteId,
    /// What people call it.
    pub key: Key,
    /// What is known of the rest.
    pub body: Body,
    /// Run states that only the row shows. Laid over the posture of a document that is read later.
    pub posture: Posture,
}

impl Listed {
    /// A row that says everything, and a run state that only the row shows.
    #[must_use]
    pub fn whole(kind: &'static str, mut portrait: Portrait, posture: Posture) -> Self {
        portrait.posture.overlay(&posture);
        Self {
            kind,
            remote: portrait.remote.clone(),
            key: portrait.key.clone(),
            body: Body::Whole(portrait),
            posture,
        }
    }
}

/// How much a row says.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it.
    Whole(Portrait),
    /// Not all: the object must be read, unless it was read at this mark before. Without a mark, always.
    Unread(Option<Mark>),
    /// All of it but the bytes, whose version the mark tells.
    WithoutContent(Portrait, Option<Mark>),
    /// Something that cannot be carried, and why.
    Unsupported(String),
    /// Something that is left alone on purpose, and why.
    Skipped(String),
}
