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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::{By, Embed, Fragment};

    fn references(fragment: &'static Fragment, depth: u8, found: &mut Vec<(&'static str, By)>) {
        found.extend(fragment.references.iter().map(|reference| (reference.to, reference.by)));
        if depth > 0 {
            for embed in fragment.embeds {
                let (Embed::At(_, inner) | Embed::InText(_, inner)) = embed;
                references(inner, depth - 1, found);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_table_and_every_row_has_a_file() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| !["mod", "tree"].contains(&name.as_str()))
            .collect();
        let rows: BTreeSet<String> = schemas().map(|schema| schema.name.to_owned()).collect();
        assert_eq!(files, rows);
    }

    #[test]
    fn names_and_plurals_are_unique() {
        let names: BTreeSet<&str> = schemas().flat_map(|schema| [schema.name, schema.plural]).collect();
        assert_eq!(names.len(), 2 * KINDS.len());
    }

    #[test]
    fn what_is_referred_to_stands_before_what_refers_to_it() {
        let mut earlier = BTreeSet::new();
        for schema in schemas() {
            earlier.insert(schema.name);
            let mut all = Vec::new();
            references(&schema.fragment, 3, &mut all);
            for (to, _) in all {
                for name in to.split('|').filter(|name| find(name).is_some()) {
                    assert!(earlier.contains(name), "{} refers to {name}, which stands later", schema.name);
                }
            }
        }
    }

    #[test]
    fn every_kind_is_documented() {
        for schema in schemas() {
            assert!(schema.documentation.starts_with("https://docs.databricks.com/"), "{}", schema.name);
        }
    }
}
