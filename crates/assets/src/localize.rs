//! From one site's dialect to another's (P9: there and back changes nothing).
//!
//! Every field that has another value at another site is mapped by the group's tables. A table may be many-to-one, and
//! a value may happen to exist in both dialects, so on the way back the tables alone can be wrong. The base of the
//! pair knows what each field was on both sides, and where a field is as the base has it on this side, it is as the base
//! has it on the other. Where somebody edited it, only what they edited is looked up in the tables; what stands around
//! the edit still is what it was.
//!
//! Either is believed only if the tables still lead from the answer to what stands here: a base that was made with other
//! tables says nothing.
//!
//! What is not done: nothing is converted between clouds. The attributes of one cloud are carried as they are, and mean
//! nothing on another; kinds say so in [`Schema::leaves_behind`](crate::Schema::leaves_behind).

use serde_json::Value;
use twinlake_model::{Mappings, Piece, SiteId, Vocabulary, reference};

use crate::beside::Beside;
use crate::edit::carry_edit;
use crate::schema::{Embed, Field, Fragment};
use crate::symbolize::TEXT;

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

impl<'a> Dialects<'a> {
    /// The way back.
    pub(crate) const fn reversed(self) -> Self {
        Self { from: self.to, to: self.from, mappings: self.mappings }
    }

    /// A text cut into what is called otherwise there and what is not.
    pub(crate) fn pieces<'t>(self, vocabulary: Vocabulary<'_>, text: &'t str) -> Vec<Piece<'t>>
    where
        'a: 't,
    {
        self.mappings.pieces(vocabulary, text, self.from, self.to)
    }

    /// A text by the tables alone.
    pub(crate) fn translate(self, vocabulary: Vocabulary<'_>, text: &str) -> String {
        self.pieces(vocabulary, text).iter().map(Piece::mapped).collect()
    }
}

/// The same asset in both dialects, as it once was.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// In the dialect that the document comes in.
    pub from: &'a Value,
    /// In the dialect that it goes to.
    pub to: &'a Value,
}

/// Translates a portable document. Only fields that the fragment names are touched.
#[must_use]
pub fn localize(
    fragment: &Fragment,
    document: &Value,
    dialects: Dialects<'_>,
    base: Option<Pair<'_>>,
) -> Value {
    let beside = base.map(|pair| Beside::of(document, pair.from, pair.to)).unwrap_or_default();
    let mut localized = document.clone();
    translate_part(fragment, &mut localized, (&beside.here, &beside.there), dialects);
    localized
}

/// A value as it once was: in this dialect, and in the other. Null where it was not.
type Once<'v> = (&'v Value, &'v Value);

fn once_at<'v>((here, there): Once<'v>, pointer: &str) -> Once<'v> {
    (here.pointer(pointer).unwrap_or(&Value::Null), there.pointer(pointer).unwrap_or(&Value::Null))
}

fn translate_part(fragment: &Fragment, part: &mut Value, once: Once<'_>, dialects: Dialects<'_>) {
    for field in fragment.fields {
        let (pattern, vocabulary) = match field {
            Field::SiteLocal(pattern, table) => (pattern, Vocabulary::Table(*table)),
            Field::FreeText(pattern, name) => (pattern, Vocabulary::Text(name)),
            _ => continue,
        };
        pattern.visit_mut(part, |pointer, value| {
            if matches!(vocabulary, Vocabulary::Table(_)) || !has_a_table(fragment, pointer) {
                translate_value(value, once_at(once, pointer), vocabulary, dialects);
            }
        });
    }
    for embed in fragment.embeds {
        match embed {
            Embed::At(pattern, inner) => pattern.visit_mut(part, |pointer, part| {
                translate_part(inner, part, once_at(once, pointer), dialects);
            }),
            Embed::InText(pattern, inner) => pattern.visit_mut(part, |pointer, text| {
                if let Some(part) = text.get_mut(TEXT) {
                    translate_part(inner, part, once_at(once, &format!("{pointer}/{TEXT}")), dialects);
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

fn translate_value(value: &mut Value, once: Once<'_>, vocabulary: Vocabulary<'_>, dialects: Dialects<'_>) {
    match value {
        Value::String(text) => {
            let known = match once {
                (Value::String(here), Value::String(there)) => {
                    carry_edit(text, here, there, vocabulary, dialects)
                }
                _ => None,
            };
            *text = known.unwrap_or_else(|| dialects.translate(vocabulary, text));
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let null = &Value::Null;
                let once = (once.0.get(index).unwrap_or(null), once.1.get(index).unwrap_or(null));
                translate_value(item, once, vocabulary, dialects);
            }
        }
        // A symbol names an asset by where it was first seen. It is the same at every site.
        Value::Object(_) if reference(value).is_some() => {}
        Value::Object(fields) => {
            for (key, field) in fields {
                let null = &Value::Null;
                let once = (once.0.get(key).unwrap_or(null), once.1.get(key).unwrap_or(null));
                translate_value(field, once, vocabulary, dialects);
            }
        }
        _ => {}
    }
}
