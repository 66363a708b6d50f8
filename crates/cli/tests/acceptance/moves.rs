//! What moves production says to scripts.

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn a_move_answers_with_its_proposal_its_end_and_its_report() {
    let bench = Bench::simulated(&["--size", "60"]);
    assert_eq!(bench.json(&["sync"])["legs"][0]["complete"], true);
    let shown = bench.json(&["failover", "--plan"]);
    let proposal = &shown["proposal"];
    assert_eq!(
        (&proposal["runbook"], &proposal["from"], &proposal["to"]),
        (&Value::from("switchover"), &Value::from("east"), &Value::from("west"))
    );
    assert!(proposal["steps"].as_array().unwrap().iter().all(|step| {
        ["reversible", "until_first_write", "forward"].contains(&step["undo"].as_str().unwrap())
            && step["undo_how"].is_string()
    }));
    assert_eq!(proposal["approvals"]["expire_seconds"], 3600);
    assert_eq!(bench.json(&["runs"])["runs"], Value::Array(Vec::new()), "a plan is no run");

    let moved = bench.json(&["failover", "--yes"]);
    assert_eq!(moved["ended"]["ended"], "complete", "{moved:#}");
    let report = &moved["report"];
    assert_eq!((&report["run"], &report["state"]), (&moved["run"], &Value::from("complete")));
    assert!(report["judged"].as_array().unwrap().iter().all(|judged| judged["met"] == true), "{report:#}");

    let runs = bench.json(&["runs"]);
    assert_eq!(runs["runs"][0]["run"], moved["run"]);
    assert_eq!(runs["runs"][0]["state"], "complete");
    assert_eq!(bench.json(&["runs", "last"])["run"], moved["run"]);

    // The second promotion within the hour has to be acknowledged.
    let refused = bench.run(&["failback", "--yes", "-o", "json"]);
    let told: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(refused.status.code(), Some(3), "{told:#}");
    assert!(told["error"]["hint"].as_str().unwrap().contains("--acknowledge settle"), "{told:#}");
    let home = bench.json(&["failback", "--yes", "--acknowledge", "settle"]);
    assert_eq!(home["ended"]["ended"], "complete", "{home:#}");
}
