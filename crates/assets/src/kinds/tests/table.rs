//! What holds for every row of the table of kinds.

use std::collections::BTreeSet;

use crate::kinds::{KINDS, find, free_texts, schemas};
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

#[test]
fn the_names_of_free_texts_are_few_and_known() {
    let names: Vec<&str> = free_texts().into_iter().collect();
    let expected = [
        "cloud_resources",
        "docker_images",
        "parameters",
        "policies",
        "repositories",
        "spark_conf",
        "spark_env_vars",
        "tags",
    ];
    assert_eq!(names, expected);
}
