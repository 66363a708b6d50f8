//! Plain REST collections: kinds that are a list of documents with an id, and nothing more.
//!
//! Each is one [`Row`]; the row alone makes its routes, its store and its effects. What a kind knows beyond that
//! (checks, defaults, fields that only the service writes) it hangs into the row as functions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::effects::Deed;
use crate::refusal::Refusal;
use crate::stage::Stage;

/// A JSON object.
pub(crate) type Document = Map<String, Value>;

/// The plain kinds.
pub(crate) const ROWS: &[&Row] = &[&crate::services::policies::ROW, &crate::services::pools::ROW];

/// What can be done with a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    List,
    Get,
    Create,
    Edit,
    Delete,
}

/// One plain kind.
pub(crate) struct Row {
    /// `instance_pool`.
    pub(crate) kind: &'static str,
    /// What a person calls it.
    pub(crate) title: &'static str,
    /// Method and path of each verb that the kind has. The id comes from the path (`{id_field}`), the query or the body.
    pub(crate) routes: &'static [(Verb, Method, &'static str)],
    /// `instance_pool_id`.
    pub(crate) id_field: &'static str,
    /// The field with the unique name, and how long it may be.
    pub(crate) name_field: &'static str,
    pub(crate) name_length: usize,
    /// `instance_pools`: where the list's items are.
    pub(crate) list_field: &'static str,
    /// A new id.
    pub(crate) mint: fn(&Stage<'_>) -> String,
    /// Checks what was sent and completes it; `old` is what stood before an edit.
    pub(crate) accept: fn(&Stage<'_>, Document, Option<&Document>) -> Result<Document, Refusal>,
    /// Adds what only the service knows.
    pub(crate) show: fn(&Stage<'_>, &Item) -> Document,
    /// Orders a list by what the request asks for.
    pub(crate) order: fn(&Call<'_, '_>, &mut [Arc<Item>]),
    /// Whether it may be deleted.
    pub(crate) deletable: fn(&Item) -> Result<(), Refusal>,
    /// Follows a change: the document that stands now, nothing after a deletion.
    pub(crate) changed: fn(&mut Stage<'_>, &str, Option<&Document>),
}

impl Row {
    /// A kind without peculiarities, to complete with its own fields.
    pub(crate) const PLAIN: Self = Self {
        kind: "",
        title: "",
        routes: &[],
        id_field: "id",
        name_field: "name",
        name_length: 100,
        list_field: "items",
        mint: |stage| stage.entropy.hex(16),
        accept: |_, document, _| Ok(document),
        show: |_, item| item.document.clone(),
        order: |_, _| {},
        deletable: |_| Ok(()),
        changed: |_, _, _| {},
    };
}

/// One document of a collection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) created_ms: i64,
    pub(crate) creator: Arc<str>,
    /// It came with the workspace.
    pub(crate) built_in: bool,
    pub(crate) document: Document,
}

/// The store of one kind, in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Collection {
    items: BTreeMap<u64, Arc<Item>>,
    ids: HashMap<String, u64>,
    names: HashMap<String, u64>,
    last: u64,
}

impl Collection {
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Item>> {
        self.items.get(self.ids.get(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.items.values()
    }

    fn named(&self, name: &str) -> Option<&Arc<Item>> {
        self.items.get(self.names.get(name)?)
    }

    fn put(&mut self, item: Item, name: &str) {
        let key = match self.ids.get(&item.id) {
            Some(key) => *key,
            None => {
                self.last += 1;
                self.ids.insert(item.id.clone(), self.last);
                self.last
            }
        };
        self.names.retain(|_, named| *named != key);
        self.names.insert(name.to_owned(), key);
        self.items.insert(key, Arc::new(item));
    }

    fn remove(&mut self, id: &str) {
        if let Some(key) = self.ids.remove(id) {
            self.names.retain(|_, named| *named != key);
            self.items.remove(&key);
        }
    }
}

/// Answers a request to a collection.
pub(crate) fn answer(call: &mut Call<'_, '_>, row: &'static Row, verb: Verb) -> Outcome {
    match verb {
        Verb::List => list(call, row),
        Verb::Get => {
            let item = find(call, row)?;
            Ok(Reply::Json(Value::Object((row.show)(call.stage, &item))))
        }
        Verb::Create => {
            let document = call.document()?;
            let id = create(call.stage, row, document, false)?;
            Ok(Reply::Json(json!({row.id_field: id})))
        }
        Verb::Edit => edit(call, row),
        Verb::Delete => delete(call, row),
    }
}

fn find(call: &Call<'_, '_>, row: &Row) -> Result<Arc<Item>, Refusal> {
    let id = call.need(row.id_field)?;
    let found = call.stage.ws.collection(row.kind).and_then(|collection| collection.get(&id));
    found.cloned().ok_or_else(|| Refusal::missing(format!("{} {id} does not exist.", row.title)))
}

fn list(call: &Call<'_, '_>, row: &Row) -> Outcome {
    let mut items: Vec<Arc<Item>> = call
        .stage
        .ws
        .collection(row.kind)
        .map(|collection| collection.iter().cloned().collect())
        .unwrap_or_default();
    if items.is_empty() {
        return Ok(Reply::empty());
    }
    (row.order)(call, &mut items);
    let shown: Vec<Value> = items.iter().map(|item| Value::Object((row.show)(call.stage, item))).collect();
    Ok(Reply::Json(json!({row.list_field: shown})))
}

/// Adds a document; also how a workspace gets what it is born with.
pub(crate) fn create(
    stage: &mut Stage<'_>,
    row: &Row,
    document: Document,
    built_in: bool,
) -> Result<String, Refusal> {
    let name = checked_name(row, &document)?;
    refuse_taken(stage, row, &name, None)?;
    let document = (row.accept)(stage, document, None)?;
    let id = (row.mint)(stage);
    let creator = Arc::clone(&stage.ws.user);
    let item = Item { id: id.clone(), created_ms: stage.now, creator, built_in, document };
    (row.changed)(stage, &id, Some(&item.document));
    stage.ws.revision += 1;
    stage.ws.collections.entry(row.kind.to_owned()).or_default().put(item, &name);
    if !built_in {
        stage.effect(Deed::Created, row.kind, &id, name);
    }
    Ok(id)
}

fn edit(call: &mut Call<'_, '_>, row: &Row) -> Outcome {
    let old = find(call, row)?;
    let mut document = call.document()?;
    document.remove(row.id_field);
    if !document.contains_key(row.name_field)
        && let Some(name) = old.document.get(row.name_field)
    {
        document.insert(row.name_field.to_owned(), name.clone());
    }
    let name = checked_name(row, &document)?;
    refuse_taken(call.stage, row, &name, Some(&old.id))?;
    let document = (row.accept)(call.stage, document, Some(&old.document))?;
    let item = Item { document, ..(*old).clone() };
    (row.changed)(call.stage, &item.id, Some(&item.document));
    call.stage.ws.revision += 1;
    call.stage.ws.collections.entry(row.kind.to_owned()).or_default().put(item, &name);
    call.stage.effect(Deed::Updated, row.kind, &old.id, name);
    Ok(Reply::empty())
}

fn delete(call: &mut Call<'_, '_>, row: &Row) -> Outcome {
    let item = find(call, row)?;
    (row.deletable)(&item)?;
    (row.changed)(call.stage, &item.id, None);
    call.stage.ws.revision += 1;
    call.stage.ws.collections.entry(row.kind.to_owned()).or_default().remove(&item.id);
    call.stage.effect(Deed::Deleted, row.kind, &item.id, "");
    Ok(Reply::empty())
}

fn checked_name(row: &Row, document: &Document) -> Result<String, Refusal> {
    let name = document.get(row.name_field).and_then(Value::as_str).unwrap_or("");
    if name.is_empty() || name.chars().count() > row.name_length {
        let message =
            format!("{} must be between 1 and {} characters long.", row.name_field, row.name_length);
        return Err(Refusal::bad_field(row.name_field, message));
    }
    Ok(name.to_owned())
}

fn refuse_taken(stage: &Stage<'_>, row: &Row, name: &str, own_id: Option<&str>) -> Result<(), Refusal> {
    match stage.ws.collection(row.kind).and_then(|collection| collection.named(name)) {
        Some(item) if Some(item.id.as_str()) != own_id => {
            Err(Refusal::exists(format!("{} with name '{name}' already exists.", row.title)))
        }
        _ => Ok(()),
    }
}

/// Keeps the fields of `document` that are in `known`, and refuses to lose others.
pub(crate) fn only(document: &Document, known: &[&str]) -> Result<(), Refusal> {
    match document.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(Refusal::bad_field(unknown, format!("{unknown} cannot be changed here."))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_whole_and_no_two_are_alike() {
        let (mut kinds, mut paths) = (BTreeSet::new(), BTreeSet::new());
        for row in ROWS {
            assert!(kinds.insert(row.kind) && !row.kind.is_empty() && !row.title.is_empty());
            for verb in [Verb::List, Verb::Get, Verb::Create, Verb::Edit, Verb::Delete] {
                let routes = row.routes.iter().filter(|(known, _, _)| *known == verb).count();
                assert!(routes == 1 || routes == 0 && verb != Verb::List, "{}: {verb:?}", row.kind);
            }
            for (_, method, path) in row.routes {
                assert!(paths.insert((method.to_string(), *path)), "{path}");
            }
        }
    }
}
