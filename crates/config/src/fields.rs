//! Reading a tree by the keys that we know, with a sentence for everything else.
//!
//! A value that is not what was asked for becomes `None` here and a problem in the report, so that whoever reads can
//! simply go on and all mistakes are found in one pass.

use std::cell::RefCell;

use crate::node::{Entry, Node, Value};
use crate::problem::{Mark, Problem, Report, Spot};
use crate::suggest;

/// A value that was typed, and where.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
}

/// How to read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'r> {
    pub(crate) report: &'r Report,
    /// Part of a whole, such as the overlay of a target: what is missing here stands elsewhere.
    pub(crate) partial: bool,
}

/// A value that is about to be read.
pub(crate) struct Item<'n> {
    node: &'n Node,
    /// The value's place; the key's, where nothing stands.
    pub(crate) spot: Spot,
    /// The key's place.
    key_mark: Mark,
    reading: Reading<'n>,
}

/// A map whose keys are ours. Every key that was not asked for is unknown.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    /// Where to point when something is missing: at the key above.
    pub(crate) spot: Spot,
    reading: Reading<'n>,
    asked: RefCell<Vec<&'static str>>,
}

impl<T> At<T> {
    pub(crate) fn with<U>(&self, value: U) -> At<U> {
        At { value, spot: self.spot.clone() }
    }
}

impl<'n> Item<'n> {
    /// The whole file.
    pub(crate) fn root(node: &'n Node, reading: Reading<'n>) -> Self {
        let mark = Mark { line: 1, column: 1, ..node.mark.clone() };
        Self { node, spot: Spot { mark: mark.clone(), key: String::new() }, key_mark: mark, reading }
    }

    fn problem(&self, message: String) -> Problem {
        Problem::at(&self.spot, message)
    }

    fn refuse(&self, expected: &str) {
        if !matches!(self.node.value, Value::Broken) {
            let found = self.node.describe();
            self.reading.report.add(self.problem(format!("must be {expected}, and is {found}")));
        }
    }

    pub(crate) const fn report(&self) -> &'n Report {
        self.reading.report
    }

    pub(crate) const fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub(crate) const fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub(crate) const fn is_scalar(&self) -> bool {
        matches!(self.node.value, Value::Scalar { .. })
    }

    /// A word or a line. Numbers are words too; a bare `true` is not, because that is mostly a missing quote.
    pub(crate) fn text(&self) -> Option<At<String>> {
        match &self.node.value {
            Value::Scalar { text, plain } if !(*plain && matches!(text.as_str(), "true" | "false")) => {
                if text.trim().is_empty() {
                    self.reading.report.add(self.problem("is empty".to_owned()));
                    return None;
                }
                Some(At { value: text.clone(), spot: self.spot.clone() })
            }
            Value::Scalar { text, .. } => {
                self.reading.report.add(
                    self.problem(format!("must be text, and is {text}"))
                        .suggest(format!("write \"{text}\" in quotes if you mean the word")),
                );
                None
            }
            _ => {
                self.refuse("text");
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.refuse("true or false");
                None
            }
        }
    }

    /// `on` or `off`; `true` and `false` will do.
    pub(crate) fn switch(&self) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, .. } if matches!(text.as_str(), "on" | "true") => Some(true),
            Value::Scalar { text, .. } if matches!(text.as_str(), "off" | "false") => Some(false),
            _ => {
                self.refuse("on or off");
                None
            }
        }
    }

    /// The items of a list. Anything else is a problem and has no items.
    pub(crate) fn list(&self) -> Vec<Self> {
        let Value::List(items) = &self.node.value else {
            self.refuse("a list");
            return Vec::new();
        };
        let item = |(index, node): (usize, &'n Node)| Self {
            node,
            spot: Spot { mark: node.mark.clone(), key: format!("{}[{index}]", self.spot.key) },
            key_mark: node.mark.clone(),
            reading: self.reading,
        };
        items.iter().enumerate().map(item).collect()
    }

    /// Each item of a list as text.
    pub(crate) fn texts(&self) -> Vec<At<String>> {
        self.list().iter().filter_map(Self::text).collect()
    }

    /// A map whose keys are ours.
    pub(crate) fn fields(&self) -> Option<Fields<'n>> {
        let Value::Map(map) = &self.node.value else {
            self.refuse("a map of keys");
            return None;
        };
        let spot = Spot { mark: self.key_mark.clone(), key: self.spot.key.clone() };
        Some(Fields { entries: &map.0, spot, reading: self.reading, asked: RefCell::default() })
    }

    /// A map whose keys are the operator's own names.
    pub(crate) fn named(&self) -> Vec<(At<String>, Self)> {
        let Value::Map(map) = &self.node.value else {
            self.refuse("a map of names");
            return Vec::new();
        };
        map.0.iter().map(|entry| named(entry, &self.spot, self.reading)).collect()
    }

    /// A map of ours, or one without keys where something else stands; that is then the only problem with it.
    pub(crate) fn fields_or_none(&self) -> Fields<'n> {
        let spot = Spot { mark: self.key_mark.clone(), key: self.spot.key.clone() };
        let nothing = Reading { partial: true, ..self.reading };
        self.fields().unwrap_or_else(|| Fields {
            entries: &[],
            spot,
            reading: nothing,
            asked: RefCell::default(),
        })
    }

    /// A scalar as it stands, which may also be empty.
    pub(crate) fn scalar(&self) -> Option<At<String>> {
        match &self.node.value {
            Value::Scalar { text, .. } => Some(At { value: text.clone(), spot: self.spot.clone() }),
            _ => {
                self.refuse("text");
                None
            }
        }
    }

    /// Whether nothing stands here.
    pub(crate) const fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }
}

fn child<'n>(entry: &'n Entry, above: &Spot, reading: Reading<'n>) -> Item<'n> {
    let nothing = matches!(entry.value.value, Value::Null);
    let mark = if nothing { &entry.mark } else { &entry.value.mark };
    Item {
        node: &entry.value,
        spot: Spot { mark: mark.clone(), key: above.key_below(&entry.key) },
        key_mark: entry.mark.clone(),
        reading,
    }
}

/// A name of the operator's, and what stands under it.
fn named<'n>(entry: &'n Entry, above: &Spot, reading: Reading<'n>) -> (At<String>, Item<'n>) {
    let spot = Spot { mark: entry.mark.clone(), key: above.key_below(&entry.key) };
    (At { value: entry.key.clone(), spot }, child(entry, above, reading))
}

impl<'n> Fields<'n> {
    /// What stands under a key. Nothing written counts as no key.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'n>> {
        self.asked.borrow_mut().push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let item = child(entry, &self.spot, self.reading);
        (!item.is_null()).then_some(item)
    }

    /// What stands under a key that has to be there.
    pub(crate) fn need(&self, key: &'static str, what: &str) -> Option<Item<'n>> {
        let item = self.get(key);
        if item.is_none() && !self.reading.partial {
            self.missing(key, what);
        }
        item
    }

    /// What stands under a key that has to hold something.
    pub(crate) fn need_some(&self, key: &'static str, what: &str) -> Option<Item<'n>> {
        let item = self.need(key, what)?;
        let is_empty = match &item.node.value {
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.0.is_empty(),
            _ => false,
        };
        if is_empty {
            self.reading.report.add(item.problem(format!("is empty: {what}")));
        }
        Some(item)
    }

    /// Whether this is part of a whole.
    pub(crate) const fn is_partial(&self) -> bool {
        self.reading.partial
    }

    /// Reports that a key is missing.
    pub(crate) fn missing(&self, key: &str, what: &str) {
        if self.reading.partial {
            return;
        }
        let nothing = self.entries.iter().find(|entry| entry.key == key);
        let mark = nothing.map_or(&self.spot.mark, |entry| &entry.mark);
        let spot = Spot { mark: mark.clone(), key: self.spot.key_below(key) };
        let says = if nothing.is_some() { "has no value" } else { "is missing" };
        self.reading.report.problem(&spot, format!("{says}: {what}"));
    }

    /// Every entry, known or not, for a map that mixes our keys with the operator's names; `ours` are left out.
    pub(crate) fn others(&self, ours: &[&'static str]) -> Vec<(At<String>, Item<'n>)> {
        let entries = self.entries.iter().filter(|entry| !ours.contains(&entry.key.as_str()));
        entries.map(|entry| named(entry, &self.spot, self.reading)).collect()
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self) {
        let mut asked = self.asked.into_inner();
        asked.sort_unstable();
        for entry in self.entries.iter().filter(|entry| !asked.contains(&entry.key.as_str())) {
            if entry.key.is_empty() {
                continue;
            }
            let spot = Spot { mark: entry.mark.clone(), key: self.spot.key_below(&entry.key) };
            let suggestion = suggest::did_you_mean(&entry.key, asked.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", asked.join(", ")));
            self.reading.report.add(Problem::at(&spot, "is not a key of ours").suggest(suggestion));
        }
    }
}
