//! The table of kinds.
//!
//! Adding a kind is one file here and two lines below: its `mod` and its row. The rows stand in the order in which a
//! reader meets them: what is referred to comes before what refers to it (a test holds that). Nothing outside a
//! kind's file knows a kind by name.

pub mod cluster;
pub mod cluster_policy;
pub mod folder;
pub mod instance_pool;
pub mod job;
pub mod notebook;
pub mod sql_warehouse;
mod tree;
pub mod workspace_file;

use std::collections::BTreeSet;

pub use tree::{Made, TreeKind};

use crate::schema::{Embed, Field, Fragment};
use crate::{AssetKind, Schema};

/// Every kind that is kept.
pub static KINDS: &[&dyn AssetKind] = &[
    &folder::KIND,
    &notebook::KIND,
    &workspace_file::KIND,
    &instance_pool::KIND,
    &cluster_policy::KIND,
    &cluster::KIND,
    &sql_warehouse::KIND,
    &job::KIND,
];

/// The kind of this name, if it is kept.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn AssetKind> {
    KINDS.iter().copied().find(|kind| kind.schema().name == name)
}

/// The kind in which others lie, by path.
#[must_use]
pub fn container() -> Option<&'static dyn AssetKind> {
    KINDS.iter().copied().find(|kind| kind.schema().holds_others)
}

/// The schemas of all kinds, in the order of the table.
pub fn schemas() -> impl Iterator<Item = &'static Schema> {
    KINDS.iter().map(|kind| kind.schema())
}

/// The names that a row of `strings` may give under `in`: those of the free texts that some kind has.
#[must_use]
pub fn free_texts() -> BTreeSet<&'static str> {
    fn collect(fragment: &'static Fragment, seen: &mut BTreeSet<usize>, names: &mut BTreeSet<&'static str>) {
        // A task may hold a task.
        if !seen.insert(std::ptr::from_ref(fragment).addr()) {
            return;
        }
        names.extend(fragment.fields.iter().filter_map(|field| match field {
            Field::FreeText(_, name) => Some(*name),
            _ => None,
        }));
        for embed in fragment.embeds {
            let (Embed::At(_, inner) | Embed::InText(_, inner)) = embed;
            collect(inner, seen, names);
        }
    }
    let mut names = BTreeSet::new();
    schemas().for_each(|schema| collect(&schema.fragment, &mut BTreeSet::new(), &mut names));
    names
}

#[cfg(test)]
pub(crate) mod tests;
