//! Every file tells what it is for, in the words of the house, and no test is switched off in silence.

use twinlake_assets::kinds;

use crate::architecture::house::{PACKAGES, root, rust_files, text};

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    for path in rust_files() {
        assert!(text(&path).starts_with("//!"), "{path} does not begin with //!");
    }
}

#[test]
fn no_test_is_ignored_without_a_reason() {
    let bare = format!("#[{}]", "ignore");
    for path in rust_files() {
        let line = text(&path).lines().position(|line| line.trim() == bare);
        assert!(line.is_none(), "{path}:{}: {bare} without a reason", line.unwrap_or_default() + 1);
    }
}

#[test]
fn every_crate_keeps_the_lints_of_the_house() {
    for package in PACKAGES.values().filter(|package| package.is_ours) {
        let folder = match package.name.as_str() {
            "twinlake" => "crates/cli".to_owned(),
            "twinlake-tests" => "tests".to_owned(),
            "twinlake-benches" => "benches".to_owned(),
            name => format!("crates/{}", name.trim_start_matches("twinlake-")),
        };
        let manifest: toml::Table = text(&format!("{folder}/Cargo.toml")).parse().expect("a manifest");
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder} has lints of its own");
        for field in ["version", "edition", "rust-version", "license", "publish"] {
            let inherited = manifest["package"][field].get("workspace").and_then(toml::Value::as_bool);
            assert_eq!(inherited, Some(true), "{folder} sets its own {field}");
        }
    }
}

#[test]
fn the_house_has_one_word_for_each_thing() {
    // A synonym that somebody would search for in vain, and the word of the house.
    let synonyms = [
        ("slave", "standby"),
        ("secondary region", "standby"),
        ("secondary site", "standby"),
        ("passive site", "standby"),
        ("active site", "primary"),
        ("failover set", "failover group"),
        ("replication group", "failover group"),
        ("dry-run", "plan"),
        ("dry run", "plan"),
    ];
    let pages =
        ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/dependencies.md", "CHANGELOG.md"];
    let pages = pages.into_iter().map(str::to_owned).filter(|page| root().join(page).exists());
    for path in
        rust_files().into_iter().chain(pages).filter(|path| !path.ends_with("architecture/sources.rs"))
    {
        let text = text(&path).to_lowercase();
        for (synonym, word) in synonyms {
            assert!(!text.contains(synonym), "{path} says \"{synonym}\"; the word is \"{word}\"");
        }
    }
}

#[test]
fn the_files_do_not_tell_how_they_were_made() {
    let told = [
        "/work/",
        "previous session",
        "this session",
        "as an ai",
        "todo(me)",
        "claude",
        "chatgpt",
        "copilot",
    ];
    for path in rust_files().into_iter().filter(|path| !path.ends_with("architecture/sources.rs")) {
        let text = text(&path).to_lowercase();
        for word in told {
            assert!(!text.contains(word), "{path} says \"{word}\"");
        }
    }
}

#[test]
fn every_kind_has_its_file_and_its_documentation() {
    for schema in kinds::schemas() {
        let file = text(&format!("crates/assets/src/kinds/{}.rs", schema.name));
        assert!(
            file.lines().next().is_some_and(|line| line.contains(schema.documentation)),
            "{}",
            schema.name
        );
    }
}
