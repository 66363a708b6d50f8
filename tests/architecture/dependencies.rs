//! What we build on: few things, each with its reason, all with permissive licences, none twice without a reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::house::{PACKAGES, built_with, ours, text};

/// Licences under which a dependency may come. An expression passes if what it requires is in the list.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that come in two versions, and why that is not ours to change.
const TWICE: &[(&str, &str)] = &[
    ("base64", "sqlx and we are at 0.22, hyper-util and reqwest have gone on"),
    ("block-buffer", "of the two versions of digest"),
    ("const-oid", "of age's keys and of the newer digest"),
    ("cpufeatures", "sqlx's sha2 and blake3 are a version apart"),
    ("crypto-common", "of the two versions of digest"),
    ("digest", "age's ciphers are at 0.10, what embeds its translations has gone on"),
    ("getrandom", "ring is at 0.2, tests' own tools have gone on"),
    ("hashbrown", "sqlx's hashlink and indexmap are a version apart"),
    ("hybrid-array", "age's post-quantum keys and the newer digest are apart"),
    ("rand_core", "age is at 0.6, getrandom has gone on"),
    ("sha2", "age and sqlx are at 0.10, what embeds age's translations has gone on"),
    ("syn", "procedural macros are moving from 2 to 3; it is a tool of the build"),
    ("thiserror", "what translates age's messages is at 1"),
    ("thiserror-impl", "of the two versions of thiserror"),
    ("toml", "what translates age's messages is at 0.5; it is a tool of the build"),
    ("windows-sys", "ring and the rest are apart; Windows only"),
];

/// What must never be among the product's dependencies, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("openssl", "one TLS backend, and none that wants a system library"),
    ("openssl-sys", "one TLS backend, and none that wants a system library"),
    ("native-tls", "one TLS backend"),
    ("aws-lc-rs", "ring is the one backend: it needs no cmake"),
    ("aws-lc-sys", "ring is the one backend: it needs no cmake"),
    ("time", "jiff is our calendar"),
    ("async-std", "one runtime"),
    ("serde_yaml", "unmaintained; YAML is read with positions by saphyr-parser"),
    ("libloading", "nothing is loaded at run time"),
];

/// The entries of `[workspace.dependencies]` that are not ours.
fn chosen() -> BTreeSet<String> {
    let manifest: toml::Table = text("Cargo.toml").parse().expect("the workspace's manifest");
    let entries = manifest["workspace"]["dependencies"].as_table().expect("its dependencies");
    entries.keys().filter(|name| !name.starts_with("twinlake-")).cloned().collect()
}

#[test]
fn every_dependency_that_we_chose_has_its_line_with_a_reason_and_no_line_is_left_over() {
    let page = text("docs/dependencies.md");
    let after = page.split("| crate |").nth(1).expect("the table of dependencies");
    let mut lines = BTreeMap::new();
    for line in after.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.iter().all(|cell| !cell.is_empty()), "an empty cell: {line}");
        let name = cells[0].trim_matches('`');
        let licences = PACKAGES
            .values()
            .filter(|package| package.name == name)
            .filter_map(|package| package.license.as_deref());
        let licences: BTreeSet<String> = licences.map(|licence| licence.replace('/', " OR ")).collect();
        assert!(licences.contains(cells[3]), "the licence of {name} is {licences:?}: {line}");
        lines.insert(name.to_owned(), line);
    }
    let explained: BTreeSet<String> = lines.keys().cloned().collect();
    let chosen = chosen();
    let missing: Vec<&String> = chosen.difference(&explained).collect();
    let left_over: Vec<&String> = explained.difference(&chosen).collect();
    assert!(missing.is_empty(), "no line in docs/dependencies.md: {missing:?}");
    assert!(left_over.is_empty(), "a line without a dependency: {left_over:?}");
}

#[test]
fn every_dependency_that_we_chose_is_used() {
    let used: BTreeSet<&String> =
        PACKAGES.values().filter(|package| package.is_ours).flat_map(|package| &package.declared).collect();
    let manifests: String = PACKAGES
        .values()
        .filter(|package| package.is_ours)
        .map(|package| match package.name.as_str() {
            "twinlake" => text("crates/cli/Cargo.toml"),
            "twinlake-tests" => text("tests/Cargo.toml"),
            "twinlake-benches" => text("benches/Cargo.toml"),
            name => text(&format!("crates/{}/Cargo.toml", name.trim_start_matches("twinlake-"))),
        })
        .collect();
    let idle: Vec<String> = chosen()
        .into_iter()
        .filter(|name| !used.contains(name) && !manifests.lines().any(|line| line.starts_with(name.as_str())))
        .collect();
    assert!(idle.is_empty(), "in [workspace.dependencies] and used by nobody: {idle:?}");
}

#[test]
fn every_licence_is_permissive() {
    let mut refused = Vec::new();
    for package in PACKAGES.values().filter(|package| !package.is_ours) {
        let licence = package.license.clone().unwrap_or_default();
        if !is_permissive(&licence) {
            refused.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(
        PACKAGES
            .values()
            .filter(|package| package.is_ours)
            .all(|package| package.license.as_deref() == Some("Apache-2.0"))
    );
}

/// Whether one side of every `OR` and all sides of every `AND` are in the list.
fn is_permissive(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ");
    let all_of = |part: &str| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')');
        part.split(" OR ").any(|choice| LICENCES.contains(&choice.trim().trim_matches(['(', ')'])))
    };
    !licence.trim().is_empty() && licence.split(" AND ").all(all_of)
}

#[test]
fn an_expression_is_permissive_when_what_it_requires_is() {
    for (licence, expected) in [
        ("MIT OR GPL-3.0", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("GPL-3.0", false),
        ("Unlicense/MIT", true),
        ("", false),
    ] {
        assert_eq!(is_permissive(licence), expected, "{licence}");
    }
}

#[test]
fn no_package_is_there_in_two_versions_without_a_reason() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in ["twinlake", "twinlake-tests", "twinlake-vault"].into_iter().flat_map(built_with) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in &versions {
        let reason = TWICE.iter().find(|(twice, _)| twice == name);
        assert!(
            reason.is_some(),
            "{name} is there in versions {versions:?}; align them, or say why in TWICE"
        );
        assert!(versions.len() == 2, "{name} is there in {versions:?}");
    }
    for (name, reason) in TWICE {
        assert!(versions.contains_key(name), "{name} is there once now: take it out of TWICE ({reason})");
    }
}

#[test]
fn the_product_has_one_tls_backend_one_runtime_and_one_calendar() {
    for package in built_with("twinlake") {
        if let Some((name, reason)) = FORBIDDEN.iter().find(|(name, _)| *name == package.name) {
            panic!("{name} is among the product's dependencies: {reason}");
        }
    }
    assert!(built_with("twinlake").iter().any(|package| package.name == "ring"));
    // object_store dates objects with chrono; nobody of ours may.
    for package in PACKAGES.values().filter(|package| package.is_ours) {
        assert!(!package.declared.contains("chrono"), "{} uses chrono; our calendar is jiff", package.name);
    }
}

#[test]
fn what_has_one_home_is_declared_there_alone() {
    for (dependency, homes) in [
        ("sqlx", &["twinlake-store"][..]),
        ("reqwest", &["twinlake-databricks"]),
        ("rustls", &["twinlake-databricks"]),
        ("object_store", &["twinlake-objects"]),
        ("fastrand", &["twinlake-base"]),
        ("saphyr-parser", &["twinlake-config"]),
        ("clap", &["twinlake"]),
        ("anyhow", &["twinlake"]),
        ("axum", &["twinlake-simulator"]),
    ] {
        let users: Vec<&str> = PACKAGES
            .values()
            .filter(|package| package.is_ours && package.declared.contains(dependency))
            .map(|package| package.name.as_str())
            .filter(|name| !["twinlake-tests", "twinlake-benches"].contains(name))
            .collect();
        assert!(
            users.iter().all(|user| homes.contains(user)),
            "{dependency} is used by {users:?}; its home is {homes:?}"
        );
    }
    assert!(ours("twinlake-store").declared.contains("sqlx"));
}
