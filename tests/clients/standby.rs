//! From an estate that the SDK wrote to a standby that the SDK finds equal and asleep.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::clients::binary::{Simulation, twinlake};
use crate::clients::python::{self, succeed};

/// What an operator would write for these two sites. `dialect.py` holds the same mappings.
pub(super) const CONFIG: &str = r#"
estate: acme
sites:
  east: { cloud: aws, region: us-east-1, workspaces: { prod: { profile: east } } }
  west: { cloud: aws, region: us-west-2, workspaces: { prod: { profile: west } } }
failover_groups:
  main:
    primary: east
    standbys: [west]
    tier: 1
    workspace_sets: [ { name: prod } ]
    location_mappings:
      - { east: "s3://acme-lake-east/", west: "s3://acme-lake-west/" }
    mappings:
      node_types:
        - { east: i3.xlarge, west: i4i.xlarge }
        - { east: i3.2xlarge, west: i4i.xlarge }
      zones: [ { east: us-east-1a, west: us-west-2b } ]
      instance_profiles:
        - east: "arn:aws:iam::111122223333:instance-profile/lake-east"
          west: "arn:aws:iam::111122223333:instance-profile/lake-west"
      strings:
        - { east: us-east-1, west: us-west-2, in: [spark_conf, parameters, cloud_resources] }
    guards: { deletion_grace: 1s }
"#;

/// An operator's desk: the simulation, and a config for it.
struct Desk {
    simulation: Simulation,
    config: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let simulation = Simulation::serve();
        let folder = simulation.folder.path();
        let (config, witness) = (folder.join("twinlake.yml"), folder.join("witness"));
        std::fs::create_dir(&witness).expect("a folder for the witness");
        let text = format!("{CONFIG}\nwitness: {{ url: \"file://{}\" }}\n", witness.display());
        std::fs::write(&config, text).expect("a config");
        Self { simulation, config }
    }

    /// Runs a verb; its answer as JSON.
    fn run(&self, verb: &str) -> Value {
        let mut command = twinlake([verb, "-o", "json", "--config"]);
        command.arg(&self.config).env("DATABRICKS_CONFIG_FILE", &self.simulation.profiles);
        let output = succeed(&mut command);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{verb}: {error}"))
    }

    /// One sync: how many requests changed something, and how many copies wait for their deletion.
    fn sync(&self) -> (u64, usize) {
        let report = self.run("sync");
        let leg = &report["legs"][0];
        assert_eq!(leg["complete"], true, "{leg:#}");
        (leg["writes"].as_u64().expect("writes"), leg["waiting"].as_array().expect("waiting").len())
    }

    fn python(&self, script: &str) {
        python::run(script, &[Path::new(&self.simulation.account)]);
    }
}

#[test]
fn an_estate_that_the_official_sdk_wrote_is_kept_in_step_asleep() {
    let desk = Desk::new();
    desk.python("build_estate.py");
    desk.run("check");

    let (writes, _) = desk.sync();
    assert!(writes > 100, "only {writes} requests changed something");
    assert_eq!(desk.sync(), (0, 0), "a quiet sync writes nothing");
    desk.python("verify_standby.py");

    desk.python("change_estate.py");
    let (writes, waiting) = desk.sync();
    assert!(writes > 5 && waiting > 0, "{writes} writes, {waiting} copies wait for their deletion");
    // The grace is one second, so it passes while the next cycles look.
    let last = (0..50).map(|_| desk.sync()).find(|outcome| *outcome == (0, 0));
    assert!(last.is_some(), "what was deleted at the primary is still at the standby");
    desk.python("verify_standby.py");
}
