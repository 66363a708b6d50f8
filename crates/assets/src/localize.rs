//! From one site's dialect to another's (P9: there and back changes nothing).
//!
//! Every field that has another value at another site is mapped by the group's tables. A table may be many-to-one, and
//! a value may happen to exist in both dialects, so on the way back the tables alone can be wrong. The base of the
//! pair knows what each field was on both sides: where the field still has the value that the base gives for this
//! side, and the base's other side is a value that the tables would still take here, that value is the answer.

use serde_json::Value;
use twinlake_model::{Mappings, SiteId};

use crate::schema::{Embed, Field, Fragment};
use crate::symbolize::TEXT;

/// The fields by which list items are told apart when two versions of a list are laid beside each other.
const ITEM_KEYS: &[&str] =
    &["task_key", "job_cluster_key", "environment_key", "environment_variables_key", "name"];

/// Two dialects, and the tables between them.
#[derive(Clone, Copy, Debug)]
pub struct Dialects<'a> {
    /// The site that the document comes from.
    pub from: &'a SiteId,
    /// The site that it goes to.
    pub to: &'a SiteId,
    /// The group's tables.
    pub mappings: &'a Mappings,
}

/// The same asset in both dialects, as it once was.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// In the dialect that the document comes in.
    pub from: &'a Value,
    /// In the dialect that it goes to.
    pub to: &'a Value,
}

/// Translates a portable document.
#[must_use]
pub fn localize(
    fragment: &Fragment,
    document: &Value,
    dialects: Dialects<'_>,
    base: Option<Pair<'_>>,
) -> Value {
    let mut localized = document.clone();
    translate(fragment, &mut localized, document, "", dialects, base);
    localized
}

fn translate(
    fragment: &Fragment,
    part: &mut Value,
    whole: &Value,
    at: &str,
    dialects: Dialects<'_>,
    base: Option<Pair<'_>>,
) {
    for field in fragment.fields {
        let (pattern, word) = match field {
            Field::SiteLocal(pattern, table) => (pattern, Word::Of(*table)),
            Field::FreeText(pattern, name) => (pattern, Word::Within(name)),
            _ => continue,
        };
        pattern.visit_mut(part, |pointer, value| {
            if matches!(word, Word::Within(_)) && has_a_table(fragment, pointer) {
                return;
            }
            let before = |pair| beside(whole, &format!("{at}{pointer}"), pair);
            translate_value(value, word, dialects, base.and_then(before));
        });
    }
    for embed in fragment.embeds {
        match embed {
            Embed::At(pattern, inner) => pattern.visit_mut(part, |pointer, part| {
                translate(inner, part, whole, &format!("{at}{pointer}"), dialects, base);
            }),
            Embed::InText(pattern, inner) => pattern.visit_mut(part, |pointer, text| {
                if let Some(part) = text.get_mut(TEXT) {
                    translate(inner, part, whole, &format!("{at}{pointer}/{TEXT}"), dialects, base);
                }
            }),
        }
    }
}

/// Whether a field is a whole value of some table, so that no word inside it may be replaced as well.
fn has_a_table(fragment: &Fragment, pointer: &str) -> bool {
    fragment
        .fields
        .iter()
        .any(|field| matches!(field, Field::SiteLocal(pattern, _) if pattern.matches(pointer)))
}

/// How one field's words are found in the tables.
#[derive(Clone, Copy)]
enum Word {
    Of(twinlake_model::MappingTable),
    Within(&'static str),
}

impl Word {
    fn map(self, text: &str, from: &SiteId, to: &SiteId, mappings: &Mappings) -> String {
        match self {
            Self::Of(table) => mappings.map(table, text, from, to),
            Self::Within(field) => mappings.map_text(field, text, from, to),
        }
    }
}

fn translate_value(value: &mut Value, word: Word, dialects: Dialects<'_>, base: Option<(&Value, &Value)>) {
    let Dialects { from, to, mappings } = dialects;
    match value {
        Value::String(text) => {
            let once = base.and_then(|(here, there)| Some((here.as_str()?, there.as_str()?)));
            let recorded = once.filter(|(here, there)| {
                *here == text.as_str() && word.map(there, to, from, mappings) == text.as_str()
            });
            *text =
                recorded.map_or_else(|| word.map(text, from, to, mappings), |(_, there)| there.to_owned());
        }
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(index, item)| {
            let beside = base.and_then(|(here, there)| Some((here.get(index)?, there.get(index)?)));
            translate_value(item, word, dialects, beside);
        }),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, field)| {
            let beside = base.and_then(|(here, there)| Some((here.get(key)?, there.get(key)?)));
            translate_value(field, word, dialects, beside);
        }),
        _ => {}
    }
}

/// What stands at a document's pointer in both sides of a pair. Items of lists are found by their key where they have
/// one, so that a task that moved is still the same task.
fn beside<'v>(document: &Value, pointer: &str, pair: Pair<'v>) -> Option<(&'v Value, &'v Value)> {
    let (mut mine, mut here, mut there) = (document, pair.from, pair.to);
    for segment in pointer.split('/').skip(1) {
        let key = segment.replace("~1", "/").replace("~0", "~");
        if let Value::Array(items) = mine {
            let item = items.get(key.parse::<usize>().ok()?)?;
            (here, there) = match item_key(item) {
                Some(name) => (item_with(here, name)?, item_with(there, name)?),
                None => (at(here, &key)?, at(there, &key)?),
            };
            mine = item;
        } else {
            mine = mine.get(&key)?;
            (here, there) = (here.get(&key)?, there.get(&key)?);
        }
    }
    Some((here, there))
}

fn item_key(item: &Value) -> Option<(&'static str, &Value)> {
    ITEM_KEYS.iter().find_map(|key| Some((*key, item.get(*key)?)))
}

fn item_with<'v>(list: &'v Value, (key, name): (&str, &Value)) -> Option<&'v Value> {
    list.as_array()?.iter().find(|item| item.get(key) == Some(name))
}

fn at<'v>(list: &'v Value, index: &str) -> Option<&'v Value> {
    list.get(index.parse::<usize>().ok()?)
}
