//! Files made of several, variables, targets.

use twinlake_base::Env;

use super::{DESIGN, design_with, folder, options, said_of, said_with};
use crate::{LoadOptions, load};

/// The design's example in two files.
fn split() -> (String, String) {
    let at = DESIGN.find("failover_groups:").unwrap();
    (format!("include: [groups/*.yml]\n{}", &DESIGN[..at]), DESIGN[at..].to_owned())
}

#[test]
fn included_files_are_merged_and_listed() {
    let (main, groups) = split();
    let folder =
        folder(&[("twinlake.yml", &main), ("groups/a.yml", &groups), ("groups/note.txt", "no yaml: [")]);
    let config = load(folder.path().join("twinlake.yml"), &options()).unwrap();
    assert_eq!(config.estate.groups.len(), 1);
    assert_eq!(config.files.len(), 2);
    assert!(config.files[1].ends_with("groups/a.yml"));
}

#[test]
fn a_key_that_two_files_set_is_named_with_both_places() {
    let (main, groups) = split();
    let folder = folder(&[
        ("twinlake.yml", &main),
        ("groups/a.yml", &groups),
        ("groups/b.yml", "estate: other\nfailover_groups:\n  finance:\n    tier: 2\n    catalogs: [more]\n"),
    ]);
    let said = said_of(load(folder.path().join("twinlake.yml"), &options()));
    let root = format!("{}/", folder.path().display());
    assert_eq!(
        said.replace(&root, ""),
        "\
groups/b.yml:1:1: estate: is set twice
    twinlake.yml:2:1: it is first set here
groups/b.yml:4:5: failover_groups.finance.tier: is set twice
    groups/a.yml:5:5: it is first set here
groups/b.yml:5:5: failover_groups.finance.catalogs: is set twice
    groups/a.yml:7:5: it is first set here"
    );
}

#[test]
fn a_file_that_includes_its_includer_is_read_once() {
    let (main, groups) = split();
    let main = main.replace("groups/*.yml", "./**/*.yml");
    let groups = format!("include: [../twinlake.yml]\n{groups}");
    let folder = folder(&[("twinlake.yml", &main), ("groups/a.yml", &groups)]);
    let config = load(folder.path().join("twinlake.yml"), &options()).unwrap();
    assert_eq!(config.files.len(), 2);
}

#[test]
fn an_include_that_finds_nothing_is_named_where_it_stands() {
    let (main, groups) = split();
    let main = main.replace("[groups/*.yml]", "[groups.yml, gone.yml, none/*.yml, \"${var.x}.yml\"]");
    let folder = folder(&[("twinlake.yml", &main), ("groups.yml", &groups)]);
    let said = said_of(load(folder.path().join("twinlake.yml"), &options()));
    let root = format!("{}/", folder.path().display());
    assert_eq!(
        said.replace(&root, ""),
        "\
twinlake.yml:1:23: include[1]: gone.yml: there is no such file
twinlake.yml:1:33: warning: include[2]: \"none/*.yml\" matches no file
twinlake.yml:1:45: include[3]: cannot use a variable: files are read before variables"
    );
}

#[test]
fn a_mistake_in_an_included_file_is_named_there() {
    let (main, groups) = split();
    let groups = groups.replace("primary: east", "primary: esat");
    let folder = folder(&[("twinlake.yml", &main), ("groups/a.yml", &groups)]);
    let said = said_of(load(folder.path().join("twinlake.yml"), &options()));
    assert!(
        said.ends_with(
            "groups/a.yml:3:14: failover_groups.finance.primary: there is no site \"esat\"; did you mean \"east\"?"
        ),
        "{said}"
    );
}

fn with_variables() -> String {
    format!(
        "variables:\n  region: {{ description: where, default: us-east-1 }}\n  tier: 1\n  name:\n    default: acme-${{var.region}}\n{}",
        design_with(&[
            ("region: us-east-1", "region: ${var.region}"),
            ("tier: 1", "tier: ${var.tier}"),
            ("estate: acme-lakehouse", "estate: ${var.name}-lake-$${x}"),
        ])
    )
}

#[test]
fn a_variable_comes_from_the_command_line_the_environment_the_target_or_its_default() {
    let text = format!("{}targets:\n  dev: {{ variables: {{ region: of-target }} }}\n", with_variables());
    let estate = |target: Option<&str>, env: Option<&str>, var: Option<&str>| {
        let options = LoadOptions {
            target: target.map(str::to_owned),
            vars: var.map(|value| ("region".to_owned(), value.to_owned())).into_iter().collect(),
            env: Env::of(env.map(|value| ("TWINLAKE_VAR_region", value))),
            ..options()
        };
        crate::load_text("twinlake.yml", &text, &options).unwrap().estate.name
    };
    assert_eq!(estate(None, None, None), "acme-us-east-1-lake-${x}");
    assert_eq!(estate(Some("dev"), None, None), "acme-of-target-lake-${x}");
    assert_eq!(estate(Some("dev"), Some("of-env"), None), "acme-of-env-lake-${x}");
    assert_eq!(estate(Some("dev"), Some("of-env"), Some("of-line")), "acme-of-line-lake-${x}");
}

#[test]
fn every_mistake_with_variables_is_named_at_once() {
    let text = with_variables()
        .replace("default: us-east-1", "defualt: us-east-1")
        .replace("cloud: aws", "cloud: ${var.cluod}")
        .replace("schedule: 5m", "schedule: ${env.SCHEDULE}")
        .replace("variables:\n", "variables:\n  loop: a${var.loop}\n  list: [a]\n  cloud: aws\n");
    let options = LoadOptions { vars: [("regoin".to_owned(), "x".to_owned())].into(), ..options() };
    assert_eq!(
        said_with(&text, &options),
        "\
twinlake.yml:2:9: variables.loop: uses itself, by way of ${var.loop}
twinlake.yml:3:9: variables.list: must be a map of keys, and is a list
twinlake.yml:5:3: variables.region: has no value; pass --var region=…, set TWINLAKE_VAR_region, or give it a default
twinlake.yml:5:33: variables.region.defualt: is not a key of ours; did you mean \"default\"?
twinlake.yml:12:12: sites.east.cloud: there is no variable \"cluod\"; did you mean \"cloud\"?
twinlake.yml:17:12: sites.west.cloud: there is no variable \"cluod\"; did you mean \"cloud\"?
twinlake.yml:35:15: failover_groups.finance.schedule: \"${env.SCHEDULE}\" is not a variable; write ${var.name}, or $${ for a plain ${
--var regoin: there is no variable \"regoin\"; did you mean \"region\"?"
    );
}

#[test]
fn a_secret_does_not_come_in_by_a_variable() {
    let token = "dapi0123456789abcdef0123456789abcdef";
    let options = LoadOptions { vars: [("name".to_owned(), token.to_owned())].into(), ..options() };
    let said = said_with(&with_variables(), &options);
    assert_eq!(said, "--var name: looks like a secret, and a variable is no place for one");
    let (front, back) = token.split_at(10);
    let text = with_variables().replace("${var.name}-lake", &format!("${{var.tier}} {front}${{var.name}}"));
    let options = LoadOptions {
        vars: [("name".to_owned(), back.to_owned()), ("tier".to_owned(), "2".to_owned())].into(),
        ..options
    };
    let said = said_with(
        &text
            .replace("dapi012345", "da${var.rest}012345")
            .replace("variables:\n", "variables:\n  rest: pi\n"),
        &options,
    );
    assert!(said.contains("estate: becomes something that looks like a secret"), "{said}");
    assert!(!said.contains(token));
}

#[test]
fn a_target_replaces_what_it_names_and_takes_away_what_it_empties() {
    let text = format!(
        "{DESIGN}targets:\n  dev:\n    sites: {{ east: {{ state: ~ }} }}\n    failover_groups:\n      finance: {{ schedule: 1h, tier: 2, location_mappings: [ {{ east: s3://a/, west: s3://b/ }} ] }}\n"
    );
    let options = LoadOptions { target: Some("dev".into()), ..options() };
    let config = crate::load_text("twinlake.yml", &text, &options).unwrap();
    let finance = config.group(&"finance".into()).unwrap();
    assert_eq!(config.target.as_deref(), Some("dev"));
    assert_eq!(finance.schedule.unwrap().as_secs(), 3600);
    assert_eq!(finance.mappings.tables[&twinlake_model::MappingTable::Locations].len(), 1);
    assert_eq!(config.sites[&"east".into()].state, None);
    assert!(config.sites[&"west".into()].state.is_some());
}

#[test]
fn the_default_target_is_chosen_unasked_and_two_defaults_are_refused() {
    let text =
        format!("{DESIGN}targets:\n  dev: {{ default: true, estate: dev }}\n  prod: {{ estate: prod }}\n");
    let config = crate::load_text("twinlake.yml", &text, &options()).unwrap();
    assert_eq!((config.estate.name.as_str(), config.target.as_deref()), ("dev", Some("dev")));
    let said = said_with(&text.replace("  prod: { estate", "  prod: { default: true, estate"), &options());
    assert_eq!(
        said,
        "twinlake.yml:33:3: targets.prod: is a second default target\n    twinlake.yml:32:3: the first one is here"
    );
}

#[test]
fn mistakes_in_targets_are_named_also_in_those_that_nobody_chose() {
    let text = format!(
        "{DESIGN}targets:\n  dev:\n    variables: {{ nobody: 1 }}\n    include: [x.yml]\n  test:\n    defalut: true\n    sites: {{ east: {{ regoin: x, state: [] }} }}\n"
    );
    let said = |target: &str| said_with(&text, &LoadOptions { target: Some(target.into()), ..options() });
    assert_eq!(
        said("dve"),
        "\
twinlake.yml:34:5: targets.dev.include: cannot stand inside a target, which is chosen later
twinlake.yml:36:5: targets.test.defalut: is not a key of ours; did you mean \"default\"?
twinlake.yml:37:22: targets.test.sites.east.regoin: is not a key of ours; did you mean \"region\"?
twinlake.yml:37:40: targets.test.sites.east.state: must be text, and is a list
--target: there is no target \"dve\"; did you mean \"dev\"?"
    );
    assert!(
        said("dev")
            .contains("twinlake.yml:33:26: targets.dev.variables.nobody: there is no variable \"nobody\"")
    );
}
