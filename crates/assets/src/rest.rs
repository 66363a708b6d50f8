//! Plain REST collections: a kind that is only a constant.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value};
use twinlake_base::ErrorClass;
use twinlake_databricks::{Complete, ListCall, Paging, Reader, segment};
use twinlake_model::{
    Action, AssetId, Call, CallBody, Change, Key, Method, Posture, Purpose, RemoteId, symbol,
};

use crate::{AssetKind, Error, Listed, Listing, Portrait, Schema, Scope, posture, tag};

/// A kind whose objects live in one REST collection.
#[derive(Debug)]
pub struct RestKind {
    /// What is true of the kind.
    pub schema: Schema,
    /// The list: path, field of the items, pages, and fixed parameters.
    pub list: (&'static str, &'static str, Paging, &'static [(&'static str, &'static str)]),
    /// Reading one.
    pub get: Address,
    /// Creating one.
    pub create: WritePath,
    /// Replacing one's spec. The body is the whole spec.
    pub update: WritePath,
    /// The only fields that an update takes, where it does not take all.
    pub updates_only: Option<&'static [&'static str]>,
    /// Changing some fields and leaving the others as they are, where the service can. Used where only that differs
    /// which decides whether it runs: so a fence cannot take away what we were never shown, such as a password.
    pub update_some: Option<WritePath>,
    /// Removing one.
    pub delete: WritePath,
    /// Where it can run or stop as a whole.
    pub run_state: Option<RunState>,
    /// Whether the service puts an object of this name into every workspace.
    pub is_built_in: fn(&Key) -> bool,
}

/// How one object is addressed in a GET.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    /// By a query parameter.
    Query(&'static str, &'static str),
    /// In the path, as `{id}`.
    Path(&'static str),
}

/// How a write is addressed, and how its body is wrapped.
#[derive(Clone, Copy, Debug)]
pub struct WritePath {
    /// The method.
    pub method: Method,
    /// The path, perhaps with `{id}`.
    pub path: &'static str,
    /// The body's field for the object's own id, where it goes there.
    pub id_at: Option<&'static str>,
    /// The body's field for the spec, where it is wrapped.
    pub wrapped_in: Option<&'static str>,
}

impl WritePath {
    /// A POST whose body is the spec.
    #[must_use]
    pub const fn post(path: &'static str) -> Self {
        Self { method: Method::Post, path, id_at: None, wrapped_in: None }
    }

    /// With the object's id in the body.
    #[must_use]
    pub const fn id_at(mut self, field: &'static str) -> Self {
        self.id_at = Some(field);
        self
    }

    /// With the spec under a field of the body.
    #[must_use]
    pub const fn wrapped_in(mut self, field: &'static str) -> Self {
        self.wrapped_in = Some(field);
        self
    }

    /// The call that sends `spec` (or nothing but the id) for an asset.
    #[must_use]
    pub fn call(&self, purpose: Purpose, asset: &AssetId, spec: Option<Value>) -> Call {
        let mut body = match (self.wrapped_in, spec) {
            (Some(field), Some(spec)) => Value::Object(Map::from_iter([(field.to_owned(), spec)])),
            (None, Some(spec)) => spec,
            (_, None) => Value::Object(Map::new()),
        };
        if let (Some(field), Value::Object(fields)) = (self.id_at, &mut body) {
            fields.insert(field.to_owned(), symbol(asset));
        }
        let is_empty = body.as_object().is_some_and(Map::is_empty);
        let body =
            if is_empty && self.method == Method::Delete { CallBody::Empty } else { CallBody::Json(body) };
        Call { method: self.method, path: self.path.to_owned(), body, purpose }
    }
}

/// An object that runs or stops as a whole. Its posture says so under [`RunState::WORD`].
#[derive(Clone, Copy, Debug)]
pub struct RunState {
    /// The field of the list row that tells.
    pub at: &'static str,
    /// The states that mean that it runs, or is about to.
    pub running: &'static [&'static str],
    /// Starts it.
    pub start: WritePath,
    /// Stops it.
    pub stop: WritePath,
}

impl RunState {
    /// The posture's word.
    pub const WORD: &'static str = "running";

    /// The posture that a row shows.
    #[must_use]
    pub fn posture(&self, row: &Value) -> Posture {
        let state = row.pointer(self.at).and_then(Value::as_str).unwrap_or_default();
        Posture::from_iter([(Self::WORD.to_owned(), Value::from(self.running.contains(&state)))])
    }
}

impl RestKind {
    /// The list call, with its fixed parameters.
    #[must_use]
    pub fn list_call(&self) -> ListCall {
        let (path, items, paging, parameters) = self.list;
        parameters
            .iter()
            .fold(ListCall::new(path, items, paging), |call, (name, value)| call.query(*name, *value))
    }

    /// Walks the kind's list and hands each raw row to `found`.
    ///
    /// # Errors
    /// When the list breaks off, or `found` refuses a row.
    pub async fn walk(
        &self,
        reader: &Reader,
        found: &mut (dyn FnMut(Value) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error> {
        walk(reader, &self.list_call(), found).await
    }

    /// What is sent as the spec: the spec with posture and tag put back.
    #[must_use]
    pub fn body(&self, change: &Change, spec: &Value) -> Value {
        self.dressed(&change.asset, spec, &change.desired.posture)
    }

    fn dressed(&self, asset: &AssetId, spec: &Value, posture: &Posture) -> Value {
        let mut body = spec.clone();
        posture::put(&self.schema, &mut body, posture);
        tag::put(&self.schema, asset, &mut body);
        body
    }

    /// The calls for a run state that is not what it should be. `assumed` is whether it runs now.
    #[must_use]
    pub fn run_state_calls(&self, change: &Change, assumed: Option<bool>) -> Vec<Call> {
        let wanted = change.desired.posture.get(RunState::WORD).and_then(Value::as_bool);
        // What was just made and is not known to run at its source stops (P6).
        let wanted = if change.observed.is_none() { wanted.or(Some(false)) } else { wanted };
        match (self.run_state, wanted, assumed) {
            (Some(state), Some(true), Some(false)) => {
                vec![state.start.call(Purpose::Posture, &change.asset, None)]
            }
            (Some(state), Some(false), Some(true)) => {
                vec![state.stop.call(Purpose::Posture, &change.asset, None)]
            }
            _ => Vec::new(),
        }
    }

    fn update_body(&self, change: &Change, spec: &Value) -> Value {
        self.updatable(self.body(change, spec))
    }

    /// The fields that decide whether it runs, each whole, and no others.
    fn posture_body(&self, change: &Change, spec: &Value) -> Value {
        let mut body = spec.clone();
        posture::put(&self.schema, &mut body, &change.desired.posture);
        let decides = |field: &str| {
            self.schema.sleeps.iter().any(|sleeps| sleeps.at.0.split('/').nth(1) == Some(field))
        };
        if let Value::Object(fields) = &mut body {
            fields.retain(|field, _| decides(field));
        }
        body
    }

    /// What an update takes of a body.
    fn updatable(&self, mut body: Value) -> Value {
        if let (Some(only), Value::Object(fields)) = (self.updates_only, &mut body) {
            fields.retain(|field, _| only.contains(&field.as_str()));
        }
        body
    }
}

/// Walks a list with this crate's errors.
pub(crate) async fn walk(
    reader: &Reader,
    list: &ListCall,
    found: &mut (dyn FnMut(Value) -> Result<(), Error> + Send),
) -> Result<Complete, Error> {
    let mut refused = None;
    let proof = reader
        .walk(list, &mut |row| {
            found(row).map_err(|error| {
                let reason = error.to_string();
                refused = Some(error);
                twinlake_databricks::Error::Malformed { request: format!("GET {}", list.path), reason }
            })
        })
        .await;
    match refused {
        Some(error) => Err(error),
        None => Ok(proof?),
    }
}

/// Reads a document; None where the service says, in whatever words, that it is not there.
pub(crate) async fn read(
    reader: &Reader,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Option<Value>, Error> {
    match reader.get_json(path, query).await {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.class() == ErrorClass::Missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads a document that gives its `arrays`, which stand below `holder`, a hundred at a time: page by page, put together.
/// None where it is not there, or goes away between two pages.
pub(crate) async fn read_whole(
    reader: &Reader,
    path: &str,
    id: (&str, &str),
    holder: &str,
    arrays: &[&str],
) -> Result<Option<Value>, Error> {
    let Some(mut whole) = read(reader, path, &[id]).await? else { return Ok(None) };
    let mut tokens = BTreeSet::new();
    while let Some(token) = next_page(&mut whole) {
        if !tokens.insert(token.clone()) {
            let reason = "the same page token came twice: its pages go in a circle".to_owned();
            return Err(
                twinlake_databricks::Error::Malformed { request: format!("GET {path}"), reason }.into()
            );
        }
        let Some(mut page) = read(reader, path, &[id, ("page_token", &token)]).await? else {
            return Ok(None);
        };
        append(&mut whole, &mut page, holder, arrays);
    }
    Ok(Some(whole))
}

/// Takes the token of the next page out of a document.
fn next_page(document: &mut Value) -> Option<String> {
    let token = document.as_object_mut()?.remove("next_page_token")?;
    token.as_str().filter(|token| !token.is_empty()).map(str::to_owned)
}

/// Appends a page's arrays, and takes over its token.
fn append(whole: &mut Value, page: &mut Value, holder: &str, arrays: &[&str]) {
    if let (Some(whole), Some(page)) = (whole.pointer_mut(holder), page.pointer_mut(holder)) {
        for field in arrays {
            let Some(Value::Array(more)) = page.get_mut(*field).map(Value::take) else { continue };
            match whole.get_mut(*field) {
                Some(Value::Array(items)) => items.extend(more),
                _ => whole[*field] = Value::Array(more),
            }
        }
    }
    if let Some(token) = page.get_mut("next_page_token") {
        whole["next_page_token"] = token.take();
    }
}

#[async_trait]
impl AssetKind for RestKind {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn listing(&self) -> &dyn Listing {
        self
    }

    fn portray(&self, raw: Value) -> Result<Portrait, Error> {
        Portrait::of(self.schema(), raw)
    }

    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        match self.get {
            Address::Query(path, parameter) => read(reader, path, &[(parameter, remote.as_str())]).await,
            Address::Path(path) => read(reader, &path.replace("{id}", &segment(remote.as_str())), &[]).await,
        }
    }

    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call> {
        match change.action {
            Action::Create | Action::CreateStub => {
                let mut calls =
                    vec![self.create.call(Purpose::Create, &change.asset, Some(self.body(change, spec)))];
                calls.extend(self.run_state_calls(change, Some(true)));
                calls
            }
            Action::Update | Action::Fill => {
                let update = change.sends_document().then(|| match self.update_some {
                    Some(path) if !change.rewrites => {
                        path.call(Purpose::Update, &change.asset, Some(self.posture_body(change, spec)))
                    }
                    _ => {
                        self.update.call(Purpose::Update, &change.asset, Some(self.update_body(change, spec)))
                    }
                });
                let runs =
                    change.observed.as_ref().and_then(|now| now.posture.get(RunState::WORD)?.as_bool());
                let run_state = self.run_state_calls(change, runs);
                // What runs and should not is stopped before it is changed; what should run starts as it should be.
                match runs {
                    Some(true) => run_state.into_iter().chain(update).collect(),
                    _ => update.into_iter().chain(run_state).collect(),
                }
            }
            Action::Delete => vec![self.delete.call(Purpose::Delete, &change.asset, None)],
            Action::Adopt => Vec::new(),
        }
    }

    fn created(&self, answer: &Value) -> Option<RemoteId> {
        match answer.pointer(self.schema.id.0.0)? {
            Value::String(text) => Some(RemoteId::new(text.as_str())),
            Value::Number(number) => Some(RemoteId::new(number.to_string())),
            _ => None,
        }
    }

    fn is_built_in(&self, key: &Key) -> bool {
        (self.is_built_in)(key)
    }

    fn coarse_fence(&self, asset: &AssetId, spec: &Value) -> Option<Call> {
        if self.schema.coarse_fence.is_empty() {
            return None;
        }
        let mut body = self.dressed(asset, spec, &Posture::none());
        self.schema.coarse_fence.iter().for_each(|fenced| fenced.put(&mut body));
        Some(self.update.call(Purpose::Posture, asset, Some(self.updatable(body))))
    }
}

#[async_trait]
impl Listing for RestKind {
    fn name(&self) -> &'static str {
        self.schema.name
    }

    async fn list(
        &self,
        reader: &Reader,
        _scope: &Scope,
        found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error> {
        self.walk(reader, &mut |row| {
            let posture = self.run_state.map_or_else(Posture::none, |state| state.posture(&row));
            found(Listed::whole(self.schema.name, Portrait::of(&self.schema, row)?, posture))
        })
        .await
    }
}
