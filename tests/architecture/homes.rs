//! What has exactly one home: time, randomness, the environment, HTTP, SQL, exit codes, and the knowledge of kinds.

use twinlake_assets::kinds;

use crate::architecture::house::{deeds, is_for_tests, rust_files, text};

/// What clippy must refuse outside its home, as `clippy.toml` lists it.
const REFUSED: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "tokio::time::sleep",
    "std::thread::sleep",
    "fastrand::Rng::new",
    "std::env::var",
    "std::env::vars",
    "std::env::var_os",
    "std::env::vars_os",
    "std::process::exit",
    "sqlx::ConnectOptions::connect",
    "reqwest::Client::new",
    "reqwest::Client::builder",
];

/// The homes: the files that may say to clippy that they are one.
const HOMES: &[&str] = &[
    "crates/base/src/clock.rs",
    "crates/base/src/entropy.rs",
    "crates/base/src/env.rs",
    "crates/cli/src/main.rs",
    "crates/databricks/src/http_transport.rs",
    "crates/store/src/file.rs",
];

#[test]
fn clippy_refuses_time_randomness_environment_exit_sql_and_http_outside_their_homes() {
    let rules: toml::Table = text("clippy.toml").parse().expect("clippy.toml");
    let listed: Vec<&toml::Table> = rules["disallowed-methods"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(toml::Value::as_table)
        .collect();
    for path in REFUSED {
        let rule = listed.iter().find(|rule| rule["path"].as_str() == Some(path));
        let rule = rule.unwrap_or_else(|| panic!("clippy.toml does not refuse {path}"));
        assert!(rule.get("reason").is_some(), "clippy.toml refuses {path} without a reason");
    }
}

#[test]
fn only_a_home_lifts_that_rule() {
    for path in rust_files() {
        let lifts = text(&path)
            .lines()
            .any(|line| !line.trim_start().starts_with("//") && line.contains("clippy::disallowed_methods"));
        assert!(
            !lifts || is_for_tests(&path) || HOMES.contains(&path.as_str()),
            "{path} is no home, and lifts disallowed_methods"
        );
    }
}

#[test]
fn tokio_is_asked_for_the_time_by_the_clock_alone() {
    for path in rust_files() {
        if path == "crates/base/src/clock.rs" {
            continue;
        }
        for word in ["Instant::now()", "tokio::time::sleep", "SystemTime", "chrono::"] {
            assert!(!deeds(&path).contains(word), "{path} says `{word}`: time comes from base::Clock");
        }
    }
}

#[test]
fn only_the_store_speaks_sql() {
    // The notebooks of a simulated estate are full of it.
    let is_elsewhere =
        |path: &&String| !path.starts_with("crates/store/") && !path.starts_with("crates/simulator/");
    for path in rust_files().iter().filter(is_elsewhere) {
        let deeds = deeds(path);
        for word in ["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE ", "CREATE TABLE", "PRAGMA "] {
            assert!(!deeds.contains(&format!("\"{word}")), "{path} speaks SQL: {word}");
        }
    }
}

#[test]
fn nothing_outside_a_kinds_file_knows_a_kind_by_name() {
    let rooms = [
        "base",
        "model",
        "config",
        "databricks",
        "objects",
        "lease",
        "sync",
        "store",
        "workflow",
        "controller",
        "cli",
    ];
    let names: Vec<String> = kinds::schemas()
        .flat_map(|schema| [schema.name, schema.plural])
        .map(|name| format!("\"{name}\""))
        .collect();
    let mut found = Vec::new();
    for path in rust_files() {
        let is_room = rooms.iter().any(|room| path.starts_with(&format!("crates/{room}/src/")));
        // An activity says what its runs are runs of, and what they use.
        let is_row = ["kinds", "activities"]
            .iter()
            .any(|table| path.starts_with(&format!("crates/assets/src/{table}/")));
        let is_kind = is_row && !path.ends_with("/mod.rs");
        let is_engine = path.starts_with("crates/assets/src/") && !is_kind && !path.contains("/fragments/");
        // The demo and the simulation play the people at the workspaces, who know what they click on.
        let is_stage =
            path.starts_with("crates/cli/src/verbs/demo/") || path.starts_with("crates/cli/src/verbs/sim/");
        if !is_room && !is_engine || is_stage {
            continue;
        }
        let deeds = deeds(&path);
        found.extend(
            names.iter().filter(|name| deeds.contains(name.as_str())).map(|name| format!("{path}: {name}")),
        );
    }
    assert!(found.is_empty(), "a kind's behaviour is in its file:\n{}", found.join("\n"));
}

#[test]
fn nothing_prints_but_the_binary() {
    for path in rust_files().iter().filter(|path| !path.starts_with("crates/cli/")) {
        let deeds = deeds(path);
        for word in ["println!(", "eprintln!(", "print!(", "eprint!("] {
            assert!(!deeds.contains(word), "{path} prints; only the binary speaks to people");
        }
    }
}
