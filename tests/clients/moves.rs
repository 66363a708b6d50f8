//! Production moves and comes home, by the binary as an operator uses it; the official SDK says what there is before,
//! meanwhile and afterwards.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::clients::binary::{Simulation, twinlake};
use crate::clients::python;
use crate::clients::standby::CONFIG;

/// An operator's desk: the simulation, a config for it, and what the SDK has found.
struct Desk {
    simulation: Simulation,
    config: PathBuf,
    kept: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let simulation = Simulation::serve();
        let folder = simulation.folder.path();
        let (config, witness) = (folder.join("twinlake.yml"), folder.join("witness"));
        std::fs::create_dir(&witness).expect("a folder for the witness");
        let safety = "    safety: { drain: 1s, settle: 0s }\n";
        let text = format!("{CONFIG}{safety}\nwitness: {{ url: \"file://{}\" }}\n", witness.display());
        std::fs::write(&config, text).expect("a config");
        let kept = folder.join("before.json");
        Self { simulation, config, kept }
    }

    /// Runs a command on the config; its exit code, and its answer as JSON.
    fn run(&self, line: &str) -> (Option<i32>, Value) {
        let mut command = twinlake(line.split(' ').chain(["-o", "json", "--config"]));
        command.arg(&self.config).env("DATABRICKS_CONFIG_FILE", &self.simulation.profiles);
        let output = command.output().expect("twinlake");
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{line}: {error}\n{}", String::from_utf8_lossy(&output.stderr));
        });
        (output.status.code(), answer)
    }

    /// The same, which ends so.
    fn ends(&self, line: &str, code: i32) -> Value {
        let (found, answer) = self.run(line);
        assert_eq!(found, Some(code), "{line}: {answer:#}");
        answer
    }

    fn region(&self, region: &str, state: &str) {
        let account = std::fs::read(&self.simulation.account).expect("the account");
        let account: Value = serde_json::from_slice(&account).expect("the account");
        let control =
            account["control"]["url"].as_str().or(account["control"].as_str()).expect("the control");
        python::succeed(&mut twinlake(["sim", "region", region, state, "--control", control]));
    }

    fn build(&self) {
        python::run("build_estate.py", &[&self.simulation.account]);
    }

    /// What the SDK says of a site.
    fn sdk(&self, verb: &str, site: &str) {
        python::run(
            "verify_moves.py",
            &[&self.simulation.account, Path::new(verb), Path::new(site), &self.kept],
        );
    }
}

#[test]
fn by_the_official_sdk_all_wakes_as_it_was_the_old_site_sleeps_and_home_is_what_it_was_with_the_edits() {
    let desk = Desk::new();
    desk.build();
    desk.ends("sync", 0);
    desk.sdk("save", "east");
    desk.region("us-east-1", "black-hole");
    let moved = desk.ends("failover --forced --yes", 2);
    desk.sdk("away", "west");

    desk.region("us-east-1", "up");
    let (_, report) = desk.run("sync");
    desk.sdk("asleep", "east");
    // What ran in the old site unseen waits for somebody who has read it.
    if let Some(digest) = report["fences"][0]["tail"]["divergence"].as_str() {
        desk.ends(&format!("failback --acknowledge-tail {digest}"), 0);
        desk.ends("sync", 0);
    }
    desk.sdk("asleep", "east");
    desk.sdk("edit", "west");
    desk.ends("sync", 0);
    desk.ends("failback --yes --acknowledge settle", 0);
    desk.sdk("home", "east");
    desk.sdk("asleep", "west");
    assert!(moved["report"]["figures"].as_array().is_some_and(|figures| !figures.is_empty()), "{moved:#}");
}
