//! Selectors: which assets a key speaks for.

use twinlake_model::{Selection, Selector};

use crate::checked::{glob, name};
use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::raw::RawSelection;
use crate::suggest;

/// What a key means when it is absent or includes nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// A group's assets: everything.
    Everything,
    /// What is warm, accepted, shared: nothing.
    Nothing,
}

/// A selector, and what was typed where.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) selector: Selector,
    pub(crate) typed: At<String>,
}

/// A selection whose selectors know where they stand.
#[derive(Debug, Default)]
pub(crate) struct PlacedSelection {
    /// Empty for everything.
    pub(crate) include: Vec<Placed>,
    pub(crate) exclude: Vec<Placed>,
}

impl PlacedSelection {
    /// Reads the selectors. Those with a problem are left out.
    pub(crate) fn check(raw: &RawSelection, kinds: &[String], report: &Report) -> Self {
        let read = |typed: &[At<String>]| {
            typed
                .iter()
                .filter_map(|one| {
                    Some(Placed { selector: selector(one, kinds, report)?, typed: one.clone() })
                })
                .collect()
        };
        Self { include: read(raw.include.as_deref().unwrap_or_default()), exclude: read(&raw.exclude) }
    }

    pub(crate) fn selection(&self) -> Selection {
        let plain = |placed: &[Placed]| placed.iter().map(|one| one.selector.clone()).collect();
        Selection { include: plain(&self.include), exclude: plain(&self.exclude) }
    }
}

/// A key's selection, as the model means it.
pub(crate) fn check(
    raw: Option<&RawSelection>,
    absent: Absent,
    kinds: &[String],
    report: &Report,
) -> Selection {
    let none = || if absent == Absent::Everything { Selection::all() } else { Selection::none() };
    let Some(raw) = raw else { return none() };
    let placed = PlacedSelection::check(raw, kinds, report);
    if absent == Absent::Everything {
        refuse_empty(raw, report);
    } else if raw.include.as_ref().is_none_or(Vec::is_empty) {
        if !raw.exclude.is_empty() {
            report.problem(&raw.spot, "excludes from nothing; give it an include");
        }
        return none();
    }
    placed.selection()
}

/// Reports `include: []`. It reads as nothing and would mean everything.
pub(crate) fn refuse_empty(raw: &RawSelection, report: &Report) {
    if raw.include.as_ref().is_some_and(Vec::is_empty) {
        report.add(
            Problem::at(&raw.spot, "includes nothing")
                .suggest("leave include out to take everything, or name something".to_owned()),
        );
    }
}

fn selector(typed: &At<String>, kinds: &[String], report: &Report) -> Option<Selector> {
    let text = typed.value.trim();
    if text == "*" {
        return Some(everything());
    }
    let known = || kinds.iter().map(String::as_str);
    let Ok(mut selector) = text.parse::<Selector>() else {
        let kind = text.trim_end_matches(':');
        let meant = known().find(|known| *known == kind).or_else(|| suggest::nearest(kind, known()));
        report.add(
            Problem::at(&typed.spot, format!("{text:?} is not a selector such as \"jobs:finance-*\""))
                .suggest(meant.map(|kind| format!("did you mean \"{kind}:*\"?"))),
        );
        return None;
    };
    if selector.kinds != "*" && !kinds.is_empty() && !kinds.contains(&selector.kinds) {
        name::refuse_unknown("kind", &typed.with(selector.kinds), known(), report);
        return None;
    }
    if let Err(error) = fast_glob::validate(&selector.keys) {
        report.problem(&typed.spot, format!("{:?} is not a glob: {error}", selector.keys));
        return None;
    }
    if selector.keys.starts_with('!') {
        report.problem(&typed.spot, "negates its glob; use exclude instead");
        return None;
    }
    if glob::has_torn_stars(&selector.keys) {
        report.add(
            Problem::at(&typed.spot, "has ** beside other letters, which stands for whole folders only")
                .suggest("write *, or put ** between slashes".to_owned()),
        );
        return None;
    }
    // A lone star means all of a kind, also where keys are paths, in which a star stops at a slash.
    if selector.keys == "*" {
        "**".clone_into(&mut selector.keys);
    }
    Some(selector)
}

/// The selector that takes everything.
pub(crate) fn everything() -> Selector {
    Selector { kinds: "*".to_owned(), keys: "**".to_owned() }
}

#[cfg(test)]
mod tests {
    use twinlake_model::Key;

    use super::*;

    #[test]
    fn the_selector_for_everything_takes_names_and_paths_alike() {
        for key in ["a", "a/b", "/Shared/a/b", "/", "/.hidden/x"] {
            assert!(everything().takes("notebooks", &Key::new(key)), "{key}");
        }
    }
}
