//! What good files mean.

use std::time::Duration;

use twinlake_model::{Key, MappingTable, Selection};

use super::{DESIGN, design_with, options, read, said};
use crate::example::{Draft, DraftSite, EXAMPLE, render};
use crate::{Cloud, SecretRef, WorkspaceRef, load_text};

#[test]
fn the_example_of_the_design_is_read_without_a_word() {
    let config = read(DESIGN).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(config.estate.name, "acme-lakehouse");
    assert_eq!(config.witness.as_ref().unwrap().as_str(), "gs://acme-witness/twinlake");
    assert_eq!(config.local_state.to_str(), Some(".twinlake/state.db"));
    let east = config.site(&"east".into()).unwrap();
    assert_eq!((east.cloud, east.region.as_str()), (Cloud::Aws, "us-east-1"));
    assert_eq!(east.workspaces[&"prod".into()], WorkspaceRef::Profile("prod-east".into()));
    let finance = config.group(&"finance".into()).unwrap();
    assert_eq!(finance.sites().map(twinlake_model::SiteId::as_str).collect::<Vec<_>>(), ["east", "west"]);
    assert_eq!(finance.objectives.rpo, Duration::from_secs(15 * 60));
    assert_eq!(finance.schedule, Some(Duration::from_secs(300)));
    assert_eq!((finance.guards, finance.shares), (Default::default(), Default::default()));
    let map = |table, value| finance.mappings.map(table, value, &"east".into(), &"west".into());
    assert_eq!(map(MappingTable::NodeTypes, "i3.xlarge"), "i4i.xlarge");
    assert_eq!(map(MappingTable::Locations, "s3://acme-lake-east/x"), "s3://acme-lake-west/x");
    assert_eq!(finance.mappings.strings[0].within, ["spark_conf", "parameters"]);
    assert_eq!(config.contacts[&"finance".into()][0].to, "dr-lead@acme.example");
}

#[test]
fn an_empty_list_of_what_is_warm_accepted_or_shared_means_nothing_and_not_everything() {
    let config = read(&design_with(&[(
        "base_layer: { include: [\"cluster_policies:*\", \"instance_pools:shared-*\"] }\n",
        "",
    )]))
    .unwrap();
    let finance = config.group(&"finance".into()).unwrap();
    let nothing = Selection::none();
    assert_eq!((&finance.warm, &finance.accept, &config.estate.base_layer), (&nothing, &nothing, &nothing));
}

#[test]
fn a_lone_star_takes_everything_and_a_set_without_assets_too() {
    let text = design_with(&[(
        "{ name: prod, assets: { include: [\"jobs:finance-*\", \"notebooks:/Shared/finance/**\"] } }",
        "{ name: prod }",
    )]);
    let config = read(&text).unwrap();
    let finance = config.group(&"finance".into()).unwrap();
    for (kind, key) in [("jobs", "a/b"), ("notebooks", "/Shared/a/b")] {
        assert!(finance.waves[1].takes(kind, &Key::new(key)));
        assert!(finance.sets[0].assets.takes(kind, &Key::new(key)));
    }
    assert!(!finance.waves[0].takes("jobs", &Key::new("other")));
}

#[test]
fn who_claims_an_asset_can_be_asked_of_the_estate() {
    let text = design_with(&[(
        "base_layer:",
        "  sales:\n    primary: east\n    standbys: [west]\n    tier: 2\n    workspace_sets: [ { name: prod, assets: [\"jobs:*-daily\"] } ]\nbase_layer:",
    )]);
    let estate = read(&text).unwrap().estate;
    let claimants = |place: &str, key: &str| {
        let groups = estate.claimants(&place.parse().unwrap(), "jobs", &Key::new(key));
        groups.iter().map(|group| group.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(claimants("prod@east", "finance-daily"), ["finance", "sales"]);
    assert_eq!(claimants("prod@west", "finance-weekly"), ["finance"]);
    assert!(claimants("maintenance@west", "finance-daily").is_empty());
    assert!(claimants("prod@north", "finance-daily").is_empty());
}

#[test]
fn what_this_version_does_not_act_on_is_said() {
    let config = read(DESIGN).unwrap();
    let said: Vec<&str> = config.notices().iter().map(|notice| notice.key.as_str()).collect();
    assert_eq!(
        said,
        [
            "state_key",
            "sites.east.state",
            "sites.west.state",
            "witness.url",
            "failover_groups.finance.catalogs",
            "failover_groups.finance.waves",
            "failover_groups.finance.contacts",
        ]
    );
    assert!(config.notices()[4].to_string().starts_with("twinlake.yml:20:"));
}

#[test]
fn objectives_guards_shares_and_an_address_with_a_token_are_read() {
    let text = design_with(&[
        (
            "tier: 1",
            "objectives: { rpo: 30m, rto: 1h30m }\n    guards: { deletion_grace: 48h, max_deletions: 10% }\n    share: { primary: 12.5%, standby: 80% }",
        ),
        (
            "prod: { profile: prod-east }",
            "prod: { host: \"https://adb-1.2.azuredatabricks.net/\", token: \"env:EAST\" }",
        ),
    ]);
    let config = read(&text).unwrap();
    let finance = config.group(&"finance".into()).unwrap();
    assert_eq!(finance.objectives.rto, Duration::from_secs(5400));
    assert_eq!(finance.guards.deletion_grace, Duration::from_secs(172_800));
    assert_eq!(finance.guards.max_deleted_percent, 10);
    assert!((finance.shares.primary - 0.125).abs() < f64::EPSILON);
    let reference = &config.sites[&"east".into()].workspaces[&"prod".into()];
    let expected = WorkspaceRef::Host {
        host: "https://adb-1.2.azuredatabricks.net".into(),
        token: SecretRef::Env("EAST".into()),
    };
    assert_eq!(*reference, expected);
}

#[test]
fn a_many_to_one_mapping_is_fine() {
    let text = design_with(&[(
        "[ { east: i3.xlarge, west: i4i.xlarge } ]",
        "[ { east: i3.xlarge, west: i4i.xlarge }, { east: i3.2xlarge, west: i4i.xlarge } ]",
    )]);
    assert_eq!(said(&text), "");
}

#[test]
fn relative_state_starts_at_the_folder_of_the_config() {
    let config = load_text("conf/twinlake.yml", DESIGN, &options()).unwrap();
    assert_eq!(config.local_state.to_str(), Some("conf/.twinlake/state.db"));
}

#[test]
fn the_commented_example_is_read_without_a_word_in_each_of_its_targets() {
    for target in [None, Some("rehearsal")] {
        let options = crate::LoadOptions { target: target.map(str::to_owned), ..options() };
        let config =
            load_text("twinlake.yml", EXAMPLE, &options).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(config.warnings, []);
        let state = config.sites[&"east".into()].state.as_ref().unwrap().as_str();
        let expected = if target.is_some() {
            "s3://acme-rehearsal-dr-east/twinlake"
        } else {
            "s3://acme-dr-east/twinlake"
        };
        assert_eq!(state, expected);
    }
}

#[test]
fn a_first_config_from_two_profiles_is_read_whatever_they_are_called() {
    let site = |site: &str, profile: &str, region: Option<&str>| DraftSite {
        site: site.into(),
        cloud: Cloud::Azure,
        region: region.map(str::to_owned),
        profile: profile.into(),
    };
    for (one, other) in
        [("east-prod", "west-prod"), ("DEFAULT", "true"), ("12: \"x\" # y", "ü ${z}"), ("- a", "null")]
    {
        let draft = Draft {
            estate: "acme & söhne: lake".into(),
            group: "main".into(),
            primary: site("east", one, Some("eastus")),
            standby: site("no", other, None),
            witness: Some("file:///srv/witness".into()),
        };
        let text = render(&draft);
        let config = read(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(config.warnings, []);
        assert_eq!(config.estate.name, "acme & söhne: lake");
        let profile = |site: &str| config.sites[&site.into()].workspaces[&"prod".into()].clone();
        assert_eq!(profile("east"), WorkspaceRef::Profile(one.into()));
        assert_eq!(profile("no"), WorkspaceRef::Profile(other.into()));
    }
    let draft = Draft {
        estate: "a".into(),
        group: "g".into(),
        primary: site("e", "x", None),
        standby: site("w", "y", Some("r")),
        witness: None,
    };
    assert!(read(&render(&draft)).is_ok());
}

#[test]
fn a_config_serialises_without_any_secret_and_with_its_references() {
    let text = design_with(&[(
        "prod: { profile: prod-east }",
        "prod: { host: \"https://x.cloud.databricks.com\", token: \"env:EAST\" }",
    )]);
    let value = serde_json::to_value(read(&text).unwrap()).unwrap();
    assert_eq!(value["sites"]["east"]["workspaces"]["prod"]["host"]["token"], "env:EAST");
}
