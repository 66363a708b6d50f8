//! Ctrl-C in the middle of a sync.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bench::Bench;

fn created(bench: &Bench) -> usize {
    let effects = bench.effects("west", 0);
    effects.iter().filter(|effect| effect["deed"] == "created" && effect["actor"] != "service").count()
}

#[test]
fn ctrl_c_stops_a_sync_politely_and_the_next_one_continues() {
    let bench = Bench::simulated(&["--size", "60", "--latency-ms", "150"]);
    let before = created(&bench);
    let sync = bench.command(&["sync"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while created(&bench) < before + 5 {
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args(["-INT", &sync.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let stopped = sync.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(1), "{told}");
    assert!(told.contains("hint: run `twinlake sync` to continue"), "{told}");
    let done = created(&bench);
    // Nothing goes on behind its back.
    assert_eq!(created(&bench), done);

    let continued = bench.json(&["sync"]);
    assert_eq!(continued["legs"][0]["complete"], true, "{continued:#}");
    let quiet = bench.json(&["sync"]);
    assert_eq!(quiet["legs"][0]["writes"], 0, "{quiet:#}");
    assert_eq!(names(&bench, "east"), names(&bench, "west"), "each job has exactly one copy");
}

/// How many jobs of each name a workspace has.
fn names(bench: &Bench, workspace: &str) -> BTreeMap<String, usize> {
    let control = bench.control();
    let target = "/api/2.2/jobs/list?limit=100";
    let answer = bench.json(&["sim", "act", "GET", target, "--workspace", workspace, "--control", &control]);
    let mut names = BTreeMap::new();
    for job in answer["body"]["jobs"].as_array().unwrap() {
        let name = job["settings"]["name"].as_str().map(str::to_owned);
        *names.entry(name.unwrap_or_default()).or_default() += 1;
    }
    assert!(!names.is_empty() && answer["body"]["next_page_token"] == Value::Null);
    names
}
