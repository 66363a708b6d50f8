//! Which crate of the house may use which: the table of `docs/architecture.md`, held against cargo's own view.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::house::{PACKAGES, text};

/// The rows of the table: crate, and what it may use.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let page = text("docs/architecture.md");
    let after = page.split("| crate | may use |").nth(1).expect("the table of arrows");
    let mut rows = BTreeMap::new();
    for line in after.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let names = |cell: &str| -> Vec<String> {
            // What stands in brackets is for people.
            let outside = cell.split('(').map(|part| part.rsplit(')').next().unwrap_or_default());
            let plain: String = outside.collect();
            plain.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect()
        };
        let uses: BTreeSet<String> =
            names(cells[1]).into_iter().filter(|name| name != "–" && !name.is_empty()).collect();
        for name in names(cells[0]) {
            rows.insert(name, uses.clone());
        }
    }
    rows
}

/// What a crate is called in the table.
fn short(name: &str) -> Option<&str> {
    if name == "twinlake" { Some("cli") } else { name.strip_prefix("twinlake-") }
}

#[test]
fn no_crate_uses_another_one_that_the_table_does_not_allow() {
    let table = table();
    let mut forbidden = Vec::new();
    for package in PACKAGES.values().filter(|package| package.is_ours) {
        let name =
            short(&package.name).unwrap_or_else(|| panic!("{} is not called twinlake-…", package.name));
        // Who tests or measures the house may look into every room.
        if name == "tests" || name == "benches" {
            continue;
        }
        let allowed = table.get(name).unwrap_or_else(|| panic!("docs/architecture.md has no row for {name}"));
        for used in package.declared.iter().filter_map(|used| short(used)) {
            if used != "base" && !allowed.contains(used) {
                forbidden.push(format!("{name} → {used}"));
            }
        }
    }
    assert!(
        forbidden.is_empty(),
        "arrows that docs/architecture.md does not allow: {}",
        forbidden.join(", ")
    );
}

#[test]
fn base_is_a_leaf_and_the_arrows_make_no_circle() {
    let table = table();
    assert!(table["base"].is_empty());
    let mut open: BTreeMap<&String, BTreeSet<&String>> = table
        .iter()
        .map(|(name, uses)| (name, uses.iter().filter(|used| table.contains_key(*used)).collect()))
        .collect();
    while !open.is_empty() {
        let free: Vec<&String> =
            open.iter().filter(|(_, uses)| uses.is_empty()).map(|(name, _)| *name).collect();
        assert!(!free.is_empty(), "a circle among {:?}", open.keys());
        for name in free {
            open.remove(name);
            open.values_mut().for_each(|uses| _ = uses.remove(name));
        }
    }
}

#[test]
fn every_row_of_the_table_is_a_crate_that_stands_or_is_announced() {
    let standing: BTreeSet<&str> = PACKAGES
        .values()
        .filter(|package| package.is_ours)
        .filter_map(|package| short(&package.name))
        .collect();
    let announced = ["tables", "streams", "health", "server"];
    for name in table().keys() {
        assert!(
            standing.contains(name.as_str()) || announced.contains(&name.as_str()),
            "docs/architecture.md has a row for {name}, which does not exist"
        );
    }
}

#[test]
fn the_simulator_shares_no_types_with_the_client_or_the_kinds() {
    let table = table();
    assert!(
        table["simulator"].is_empty(),
        "a simulation that uses our own types proves only that we agree with ourselves"
    );
}
