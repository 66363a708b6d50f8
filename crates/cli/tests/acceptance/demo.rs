//! The demo must hold, and say so.

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn the_demo_holds_every_check_and_leaves_nothing_behind() {
    let bench = Bench::empty();
    let output =
        bench.command(&["demo", "--size", "60", "-o", "json"]).env("TMPDIR", bench.path()).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<&Value> =
        document["checks"].as_array().unwrap().iter().filter(|check| check["holds"] != true).collect();
    assert!(output.status.success() && failed.is_empty(), "{failed:#?}");
    assert_eq!(document["simulated"], true);
    assert_eq!(
        std::fs::read_dir(bench.path()).unwrap().count(),
        0,
        "something was left in the temporary folder"
    );
}
