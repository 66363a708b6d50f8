//! Whole files, good and bad, as an operator would write them.

mod bad_files;
mod bytes;
mod composition;
mod good_files;
mod safety;

use std::path::Path;

use crate::{Config, LoadOptions, Problems, load_text};

/// The example of the design: two sites, one group.
pub(crate) const DESIGN: &str = r#"estate: acme-lakehouse
sites:
  east:
    cloud: aws
    region: us-east-1
    workspaces: { prod: { profile: prod-east }, maintenance: { profile: mnt-east } }
    state: s3://acme-dr-east/twinlake
  west:
    cloud: aws
    region: us-west-2
    workspaces: { prod: { profile: prod-west }, maintenance: { profile: mnt-west } }
    state: s3://acme-dr-west/twinlake
witness: { url: gs://acme-witness/twinlake }        # outside every site
failover_groups:
  finance:
    primary: east
    standbys: [west]
    tier: 1
    workspace_sets: [ { name: prod, assets: { include: ["jobs:finance-*", "notebooks:/Shared/finance/**"] } } ]
    catalogs: [finance]
    location_mappings: [ { east: s3://acme-lake-east/, west: s3://acme-lake-west/ } ]
    mappings:
      node_types: [ { east: i3.xlarge, west: i4i.xlarge } ]
      strings:    [ { east: us-east-1, west: us-west-2, in: [spark_conf, parameters] } ]
    warm: []                     # what may run on the standby, at a price
    waves: [ ["jobs:finance-critical-*"], ["*"] ]
    schedule: 5m
    contacts: [ { role: DR lead, to: dr-lead@acme.example } ]
base_layer: { include: ["cluster_policies:*", "instance_pools:shared-*"] }
local_state: .twinlake/state.db
"#;

/// The kinds that these tests know.
pub(crate) fn options() -> LoadOptions {
    let kinds = [
        "jobs",
        "notebooks",
        "files",
        "folders",
        "clusters",
        "cluster_policies",
        "instance_pools",
        "sql_warehouses",
    ];
    LoadOptions { known_kinds: kinds.map(str::to_owned).into(), ..LoadOptions::default() }
}

pub(crate) fn read(text: &str) -> Result<Config, Problems> {
    load_text("twinlake.yml", text, &options())
}

/// What is said of a text, problems or warnings, one per line.
pub(crate) fn said(text: &str) -> String {
    said_with(text, &options())
}

pub(crate) fn said_with(text: &str, options: &LoadOptions) -> String {
    said_of(load_text("twinlake.yml", text, options))
}

pub(crate) fn said_of(result: Result<Config, Problems>) -> String {
    let problems = match result {
        Ok(config) => config.warnings,
        Err(problems) => problems.problems,
    };
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The design's example with one text replaced by another. The text must be there.
pub(crate) fn design_with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(DESIGN.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the example has no {from:?}");
        text.replacen(from, to, 1)
    })
}

/// Writes files into a fresh folder.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}
