//! What is said of bad files.

use super::{DESIGN, design_with, read, said};

/// A text of the good example, what is typed instead, and what is said of it: each line must be there, and nothing else.
struct Case {
    from: &'static str,
    to: &'static str,
    says: &'static [&'static str],
}

const CASES: &[Case] = &[
    // Names that lead nowhere.
    Case {
        from: "primary: east",
        to: "primary: esat",
        says: &[
            "twinlake.yml:16:14: failover_groups.finance.primary: there is no site \"esat\"; did you mean \"east\"?",
        ],
    },
    Case {
        from: "standbys: [west]",
        to: "standbys: [north]",
        says: &[
            "twinlake.yml:17:16: failover_groups.finance.standbys[0]: there is no site \"north\"; known: east, west",
        ],
    },
    Case {
        from: "name: prod, assets",
        to: "name: prdo, assets",
        says: &[
            "twinlake.yml:19:31: failover_groups.finance.workspace_sets[0].name: there is no workspace set \"prdo\"; did you mean \"prod\"?",
        ],
    },
    Case {
        from: "workspaces: { prod: { profile: prod-west }, maint",
        to: "workspaces: { maint",
        says: &[
            "twinlake.yml:19:31: failover_groups.finance.workspace_sets[0].name: site \"west\" has no workspace \"prod\"; a set has one at every site of its group",
        ],
    },
    Case {
        from: "\"jobs:finance-*\"",
        to: "\"job:finance-*\"",
        says: &[
            "twinlake.yml:19:57: failover_groups.finance.workspace_sets[0].assets.include[0]: there is no kind \"job\"; did you mean \"jobs\"?",
        ],
    },
    Case {
        from: "\"jobs:finance-*\"",
        to: "jobs",
        says: &[
            "twinlake.yml:19:57: failover_groups.finance.workspace_sets[0].assets.include[0]: \"jobs\" is not a selector such as \"jobs:finance-*\"; did you mean \"jobs:*\"?",
        ],
    },
    Case {
        from: "\"jobs:finance-*\"",
        to: "\"jobs:finance-[\", \"jobs:!x\", \"jobs:finance-**\"",
        says: &[
            "twinlake.yml:19:57: failover_groups.finance.workspace_sets[0].assets.include[0]: \"finance-[\" is not a glob",
            "twinlake.yml:19:75: failover_groups.finance.workspace_sets[0].assets.include[1]: negates its glob; use exclude instead",
            "assets.include[2]: has ** beside other letters, which stands for whole folders only; write *, or put ** between slashes",
        ],
    },
    Case {
        from: "include: [\"jobs:finance-*\", \"notebooks:/Shared/finance/**\"]",
        to: "include: []",
        says: &[
            "failover_groups.finance.workspace_sets[0].assets: includes nothing; leave include out to take everything, or name something",
        ],
    },
    // Roles.
    Case {
        from: "standbys: [west]",
        to: "standbys: [east, west, west]",
        says: &[
            "twinlake.yml:17:16: failover_groups.finance.standbys[0]: \"east\" is the primary, so it cannot be its own standby\n    twinlake.yml:16:14: it is the primary here",
            "twinlake.yml:17:28: failover_groups.finance.standbys[2]: \"west\" is named twice\n    twinlake.yml:17:22: it is first named here",
        ],
    },
    Case {
        from: "standbys: [west]",
        to: "standbys: []",
        says: &[
            "twinlake.yml:17:15: failover_groups.finance.standbys: is empty: name at least one site to fail over to",
        ],
    },
    Case {
        from: "prod: { profile: prod-west }",
        to: "prod: { profile: prod-east }",
        says: &[
            "twinlake.yml:11:36: sites.west.workspaces.prod.profile: is the workspace \"prod\" of site \"east\": one would be the standby of itself\n    twinlake.yml:6:36: site \"east\" names it here",
        ],
    },
    Case {
        from: "region: us-west-2",
        to: "region: us-east-1",
        says: &[
            "twinlake.yml:17:16: warning: failover_groups.finance.standbys[0]: \"west\" is in the primary's region, us-east-1, and would be lost with it",
        ],
    },
    // Places.
    Case {
        from: "gs://acme-witness/twinlake",
        to: "s3://acme-dr-west/witness",
        says: &[
            "twinlake.yml:13:17: witness.url: lies where site \"west\" keeps its state; a witness must lie outside every site\n    twinlake.yml:12:12: site \"west\" keeps its state here",
        ],
    },
    Case {
        from: "gs://acme-witness/twinlake",
        to: "s3://acme-lake-east/w",
        says: &["lies where site \"east\" keeps its tables; a witness must lie outside every site"],
    },
    Case {
        from: "gs://acme-witness/twinlake",
        to: "/srv/witness",
        says: &["twinlake.yml:13:17: witness.url: \"/srv/witness\" is a path; write \"file:///srv/witness\""],
    },
    Case {
        from: "s3://acme-dr-west/twinlake",
        to: "s3://acme-dr-east/twinlake/west",
        says: &[
            "twinlake.yml:12:12: sites.west.state: lies where site \"east\" keeps its state; each site needs its own\n    twinlake.yml:7:12: site \"east\" keeps it here",
        ],
    },
    Case {
        from: "witness: { url: gs://acme-witness/twinlake }",
        to: "",
        says: &["warning: witness: is missing, so nothing outside the sites decides who is primary"],
    },
    // Addresses and secrets.
    Case {
        from: "prod: { profile: prod-west }",
        to: "prod: { host: acme.cloud.databricks.com, token: hunter2 }",
        says: &[
            "twinlake.yml:11:33: sites.west.workspaces.prod.host: \"acme.cloud.databricks.com\" has no scheme; did you mean \"https://acme.cloud.databricks.com\"?",
            "twinlake.yml:11:67: sites.west.workspaces.prod.token: is not a reference to a secret; write env:NAME or file:/path, never the token itself",
        ],
    },
    Case {
        from: "prod: { profile: prod-west }",
        to: "prod: { host: 'http://acme.cloud.databricks.com' }",
        says: &[
            "sites.west.workspaces.prod.token: is missing: name the secret, such as env:EAST_TOKEN",
            "is not secure: a token would travel in the clear; did you mean \"https://acme.cloud.databricks.com\"?",
        ],
    },
    Case {
        from: "prod: { profile: prod-west }",
        to: "prod: { host: 'https://acme.azuredatabricks.net/?o=1', token: env:T }",
        says: &["is more than a host; did you mean \"https://acme.azuredatabricks.net\"?"],
    },
    Case {
        from: "prod: { profile: prod-west }",
        to: "prod: { profile: prod-west, token: env:T }",
        says: &["sites.west.workspaces.prod.token: cannot stand beside a profile"],
    },
    Case {
        from: "prod: { profile: prod-west }",
        to: "prod: {}",
        says: &[
            "twinlake.yml:11:19: sites.west.workspaces.prod.profile: is missing: name a profile of .databrickscfg, or give host and token",
        ],
    },
    Case {
        from: "# outside every site",
        to: "# dapi0123456789abcdef0123456789abcdef",
        says: &["twinlake.yml:13:55: witness.url: looks like a secret"],
    },
    Case {
        from: "profile: mnt-west",
        to: "profile: dapi0123456789abcdef0123456789abcdef",
        says: &[
            "looks like a secret, and a config is no place for one; write a reference such as env:NAME or file:/path",
        ],
    },
    // Promises and limits.
    Case {
        from: "tier: 1",
        to: "tier: hot",
        says: &[
            "twinlake.yml:18:11: failover_groups.finance.tier: \"hot\" is not a tier: 1 (hot), 2 (warm) or 3 (cold); did you mean 1?",
        ],
    },
    Case {
        from: "tier: 1\n",
        to: "\n",
        says: &["twinlake.yml:15:3: failover_groups.finance.tier: is missing: give a tier"],
    },
    Case {
        from: "tier: 1",
        to: "tier: 1\n    objectives: { rpo: 15 }",
        says: &[
            "twinlake.yml:19:5: failover_groups.finance.objectives: cannot stand beside a tier, which has its own objectives\n    twinlake.yml:18:11: the tier is given here",
            "twinlake.yml:19:5: failover_groups.finance.objectives.rto: is missing",
            "twinlake.yml:19:24: failover_groups.finance.objectives.rpo: \"15\" has no unit",
        ],
    },
    Case {
        from: "schedule: 5m",
        to: "schedule: 20s",
        says: &["failover_groups.finance.schedule: \"20s\" is shorter than 30s, the shortest schedule"],
    },
    Case {
        from: "schedule: 5m",
        to: "schedule: 1h",
        says: &[
            "warning: failover_groups.finance.schedule: every 1h is too seldom for an RPO of 15m; sync more often, or promise less",
        ],
    },
    Case {
        from: "schedule: 5m",
        to: "guards: { deletion_grace: 0s, max_deletions: 2.5% }\n    share: { primary: 0%, standby: 1.0 }",
        says: &[
            "warning: failover_groups.finance.guards.deletion_grace: gives no time to notice",
            "failover_groups.finance.guards.max_deletions: \"2.5%\" is not a whole percentage",
            "failover_groups.finance.share.primary: leaves us no request at all",
            "failover_groups.finance.share.standby: \"1.0\" has no percent sign; did you mean \"100%\"?",
        ],
    },
    // Mappings.
    Case {
        from: "[ { east: i3.xlarge, west: i4i.xlarge } ]",
        to: "[ { east: i3.xlarge, wset: i4i.xlarge }, { east: a }, {} ]",
        says: &[
            "failover_groups.finance.mappings.node_types[0].wset: there is no site \"wset\"; did you mean \"west\"?",
            "failover_groups.finance.mappings.node_types[1]: maps nothing: it names one site only",
            "failover_groups.finance.mappings.node_types[2]: maps nothing: it is empty",
        ],
    },
    Case {
        from: "[ { east: i3.xlarge, west: i4i.xlarge } ]",
        to: "[ { east: i3.xlarge, west: i3.xlarge } ]",
        says: &[
            "twinlake.yml:23:19: failover_groups.finance.mappings.node_types: maps nothing: every row says the same at each of its sites",
        ],
    },
    Case {
        from: "[ { east: i3.xlarge, west: i4i.xlarge } ]",
        to: "[ { east: i3.xlarge, west: a }, { east: i3.xlarge, west: b }, { east: c, west: a } ]",
        says: &[
            "twinlake.yml:23:59: failover_groups.finance.mappings.node_types[1].east: maps \"i3.xlarge\" of \"east\" a second time, to something else\n    twinlake.yml:23:29: it is first mapped here",
        ],
    },
    Case {
        from: ", in: [spark_conf, parameters] }",
        to: " }",
        says: &[
            "twinlake.yml:24:21: failover_groups.finance.mappings.strings[0].in: is missing: name the fields to replace it in, such as [spark_conf]",
        ],
    },
    Case {
        from: "in: [spark_conf, parameters] }",
        to: "in: [spark_conf] }, { east: us-east-1, west: x, in: [parameters] }, { east: us-east-1, west: y, in: [parameters] }",
        says: &[
            "failover_groups.finance.mappings.strings[2].east: maps \"us-east-1\" of \"east\" a second time",
        ],
    },
    Case {
        from: "west: s3://acme-lake-west/ } ]",
        to: "west: s3://acme-lake-west }, { east: lake, west: s3://b }, { east: s3://c, west: s3://d } ]",
        says: &[
            "location_mappings[0]: ends with a slash at one site and not at another",
            "location_mappings[1].east: \"lake\" is not a URL such as s3://bucket/folder/",
            "warning: failover_groups.finance.location_mappings[1]: ends without a slash",
            "warning: failover_groups.finance.location_mappings[2]: ends without a slash",
        ],
    },
    // Shapes.
    Case {
        from: "failover_groups:",
        to: "failover_group:",
        says: &[
            "twinlake.yml:1:1: failover_groups: is missing: name what moves together",
            "twinlake.yml:14:1: failover_group: is not a key of ours; did you mean \"failover_groups\"?",
        ],
    },
    Case {
        from: "cloud: aws",
        to: "cloud: asw",
        says: &[
            "twinlake.yml:4:12: sites.east.cloud: \"asw\" is not a cloud: aws, azure or gcp; did you mean \"aws\"?",
        ],
    },
    Case {
        from: "region: us-east-1",
        to: "region:",
        says: &["twinlake.yml:5:5: sites.east.region: has no value: name it as the cloud does"],
    },
    Case {
        from: "catalogs: [finance]",
        to: "catalogs: finance",
        says: &["twinlake.yml:20:15: failover_groups.finance.catalogs: must be a list, and is \"finance\""],
    },
    Case {
        from: "profile: prod-east",
        to: "profile: true",
        says: &["must be text, and is true; write \"true\" in quotes if you mean the word"],
    },
    Case {
        from: "tier: 1",
        to: "tier: 1\n    tier: 2",
        says: &[
            "twinlake.yml:19:5: failover_groups.finance.tier: is set twice\n    twinlake.yml:18:5: it is first set here",
        ],
    },
    Case {
        from: "  east:\n    cloud: aws\n    region: us-east-1",
        to: "  in:\n    cloud: aws\n    region: us-east-1",
        says: &[
            "sites.in: cannot be a site's name, because rows of strings use it",
            "failover_groups.finance.primary: there is no site \"east\"",
            "location_mappings[0].east: there is no site \"east\"",
            "node_types[0].east: there is no site \"east\"",
            "strings[0].east: there is no site \"east\"",
        ],
    },
    Case {
        from: "  finance:\n",
        to: "  \"fin@nce\":\n",
        says: &[
            "failover_groups.fin@nce: \"fin@nce\" cannot be a name; use up to 63 letters, digits, -, _ and .",
        ],
    },
    Case {
        from: "role: DR lead, to: dr-lead@acme.example",
        to: "rol: DR lead",
        says: &[
            "contacts[0].role: is missing",
            "contacts[0].to: is missing",
            "contacts[0].rol: is not a key of ours; did you mean \"role\"?",
        ],
    },
    Case {
        from: "base_layer: {",
        to: "base_layer: [",
        says: &["twinlake.yml:30:1: base_layer[1]: is not YAML"],
    },
];

#[test]
fn each_mistake_is_said_with_its_place_and_what_was_meant_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for case in CASES {
        let said = said(&design_with(&[(case.from, case.to)]));
        assert!(!said.contains("dapi0") && !said.contains("hunter2"), "{said}");
        let count = said.lines().filter(|line| !line.starts_with(' ')).count();
        let missing: Vec<_> = case.says.iter().filter(|line| !said.contains(**line)).collect();
        if !missing.is_empty() || count != case.says.len() {
            wrong.push(format!("{}\n  should say {missing:#?}\n  and says {said}", case.to));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_of_a_file_are_said_at_once_in_order_of_line() {
    let text = "\
estate: acme
sites:
  east:
    cloud: aws
    regoin: us-east-1
    workspaces: { prod: { profile: shared } }
    state: s3://dr/state
  west:
    cloud: asure
    region: [us-west-2]
    workspaces: { prod: { profile: shared } }
witness: { url: s3://dr/witness }
failover_groups:
  finance:
    primary: esat
    standbys: [west]
    tier: 4
    objectives: { rpo: 15m, rto: 1h }
    workspace_sets: [ { name: prod, assets: { include: [\"jobz:*\"] } } ]
    schedule: 5
    mappings: { node_types: [ { west: a, wset: b } ] }
    token: dapi00112233445566778899
  marketing:
    primary: east
    standbys: [west]
    tier: 2
    workspace_sets: [ { name: prod } ]
  sales:
    primary: east
    standbys: [west]
    tier: 2
    workspace_sets: [ { name: prod, assets: { include: [\"jobs:*\"] } } ]
    guards: { max_deletions: 500% }
baselayer: {}
";
    assert_eq!(
        said(text),
        "\
twinlake.yml:3:3: sites.east.region: is missing: name it as the cloud does, such as us-east-1
twinlake.yml:5:5: sites.east.regoin: is not a key of ours; did you mean \"region\"?
twinlake.yml:9:12: sites.west.cloud: \"asure\" is not a cloud: aws, azure or gcp; did you mean \"azure\"?
twinlake.yml:10:13: sites.west.region: must be text, and is a list
twinlake.yml:11:36: sites.west.workspaces.prod.profile: is the workspace \"prod\" of site \"east\": one would be the standby of itself
    twinlake.yml:6:36: site \"east\" names it here
twinlake.yml:12:17: witness.url: lies where site \"east\" keeps its state; a witness must lie outside every site
    twinlake.yml:7:12: site \"east\" keeps its state here
twinlake.yml:15:14: failover_groups.finance.primary: there is no site \"esat\"; did you mean \"east\"?
twinlake.yml:17:11: failover_groups.finance.tier: \"4\" is not a tier: 1 (hot), 2 (warm) or 3 (cold)
twinlake.yml:18:5: failover_groups.finance.objectives: cannot stand beside a tier, which has its own objectives
    twinlake.yml:17:11: the tier is given here
twinlake.yml:19:57: failover_groups.finance.workspace_sets[0].assets.include[0]: there is no kind \"jobz\"; did you mean \"jobs\"?
twinlake.yml:20:15: failover_groups.finance.schedule: \"5\" has no unit; write a duration such as 90s, 5m, 24h or 1h30m
twinlake.yml:21:42: failover_groups.finance.mappings.node_types[0].wset: there is no site \"wset\"; did you mean \"west\"?
twinlake.yml:22:5: failover_groups.finance.token: is not a key of ours; known here: accept, catalogs, contacts, guards, location_mappings, mappings, objectives, primary, safety, schedule, share, standbys, tier, warm, waves, workspace_sets
twinlake.yml:22:12: failover_groups.finance.token: looks like a secret, and a config is no place for one; write a reference such as env:NAME or file:/path
twinlake.yml:32:57: failover_groups.sales.workspace_sets[0].assets.include[0]: \"jobs:*\" claims what group \"marketing\" claims with everything; an asset belongs to one group; exclude it from the other
    twinlake.yml:27:23: group \"marketing\" claims it here
twinlake.yml:33:30: failover_groups.sales.guards.max_deletions: \"500%\" is more than 100%
twinlake.yml:34:1: baselayer: is not a key of ours; did you mean \"base_layer\"?"
    );
}

/// The design's example with a second group, whose selection of the same set is given.
fn two_groups(first: &str, second: &str) -> String {
    let text = design_with(&[("{ include: [\"jobs:finance-*\", \"notebooks:/Shared/finance/**\"] }", first)]);
    text.replace(
        "base_layer:",
        &format!(
            "  sales:\n    primary: east\n    standbys: [west]\n    tier: 2\n    workspace_sets: [ {{ name: prod, assets: {second} }} ]\nbase_layer:"
        ),
    )
}

#[test]
fn two_groups_that_claim_the_same_assets_are_refused() {
    for (first, second, message) in [
        (
            "[\"jobs:a-*\"]",
            "[\"jobs:a-*\"]",
            "\"jobs:a-*\" claims what group \"finance\" claims with \"jobs:a-*\"",
        ),
        ("[\"jobs:a-*\"]", "[\"jobs:b\", \"jobs:a-b-*\"]", "\"jobs:a-b-*\" claims what"),
        ("{}", "[\"jobs:b\"]", "claims with everything"),
        (
            "{}",
            "{ exclude: [\"jobs:*\"] }",
            "everything claims what group \"finance\" claims with everything",
        ),
        ("[\"*\"]", "[\"notebooks:/Shared/x\"]", "\"notebooks:/Shared/x\" claims what"),
        ("[\"notebooks:/Shared/**\"]", "[\"notebooks:/Shared/a/*\"]", "claims what"),
        ("[\"jobs:{a,b}-*\"]", "[\"jobs:b-1\"]", "claims what"),
    ] {
        let text = two_groups(first, second);
        let said = said(&text);
        assert!(said.contains(message) && read(&text).is_err(), "{first} {second}: {said}");
    }
}

#[test]
fn selectors_that_could_meet_are_a_warning_with_an_example() {
    let text = two_groups("[\"jobs:finance-*\"]", "[\"jobs:*-daily\"]");
    assert_eq!(
        said(&text),
        "twinlake.yml:33:46: warning: failover_groups.sales.workspace_sets[0].assets[0]: \"jobs:*-daily\" claims \"finance-daily\", if there is one, which group \"finance\" claims with \"jobs:finance-*\"; an asset belongs to one group; exclude it from the other\n    twinlake.yml:19:46: group \"finance\" claims it here"
    );
    assert!(read(&text).is_ok());
}

#[test]
fn groups_that_share_nothing_are_taken_without_a_word() {
    for (first, second) in [
        ("[\"jobs:a-*\"]", "[\"jobs:b-*\"]"),
        ("[\"jobs:a-*\"]", "[\"notebooks:/a-*\"]"),
        ("{ exclude: [\"jobs:b-*\"] }", "[\"jobs:b-*\"]"),
        ("{ exclude: [\"jobs:*\"] }", "[\"jobs:b-*\", \"jobs:c\"]"),
        ("[\"notebooks:/Shared/*\"]", "[\"notebooks:/Shared/a/**\"]"),
        ("[\"jobs:*\"]", "{ include: [\"*\"], exclude: [\"jobs:*\"] }"),
    ] {
        let text = two_groups(first, second);
        // Everything but some kind overlaps with everything else by design of the last row, and is told apart by kind.
        assert_eq!(said(&text), "", "{first} {second}");
    }
}

#[test]
fn hundreds_of_selectors_are_compared_without_delay() {
    let list = |word: &str, end: &str| {
        let one = |n: usize| format!("\"jobs:*-{word}{n}-*-x*{end}\"");
        format!("[{}]", (0..300).map(one).collect::<Vec<_>>().join(", "))
    };
    assert_eq!(said(&two_groups(&list("a", "-p"), &list("b", "-q"))), "");
}

#[test]
fn the_same_claims_in_other_workspaces_do_not_meet() {
    let text = two_groups("[\"jobs:*\"]", "[\"jobs:*\"]").replace(
        "tier: 2\n    workspace_sets: [ { name: prod,",
        "tier: 2\n    workspace_sets: [ { name: maintenance,",
    );
    assert_eq!(said(&text), "");
}

#[test]
fn what_is_not_yaml_is_said_with_its_place_and_what_it_mostly_comes_from() {
    for (text, expected) in [
        ("", "twinlake.yml:1:1: is empty"),
        ("just text", "twinlake.yml:1:1: must be a map of keys, and is \"just text\""),
        (
            "a: 1\n b: 2\n",
            "twinlake.yml:2:3: is not YAML: mapping values are not allowed in this context; check the indentation",
        ),
        ("a:\n\tb: 1\n", "twinlake.yml:2:2: a: is not YAML: tabs disallowed"),
        ("a: @x\n", "unexpected character: `@'; put the text in quotes"),
        ("a: *x\n", "a text that begins with * must be in quotes"),
        ("a: [1, 2", "a list that [ opens needs its commas and its ]"),
        ("a: \"open\nb: 1\n", "a quote is not closed"),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{text:?}: {said}");
    }
}

#[test]
fn windows_line_ends_and_byte_order_marks_change_nothing() {
    let config = read(&format!("\u{feff}{}", DESIGN.replace('\n', "\r\n"))).unwrap();
    assert_eq!(config.estate, read(DESIGN).unwrap().estate);
}

#[test]
fn problems_serialise_for_machines() {
    let problems = read(&design_with(&[("primary: east", "primary: esat")])).unwrap_err();
    assert_eq!(
        serde_json::to_value(&problems).unwrap(),
        serde_json::json!({ "problems": [{
            "severity": "problem",
            "file": "twinlake.yml", "line": 16, "column": 14, "key": "failover_groups.finance.primary",
            "message": "there is no site \"esat\"", "suggestion": "did you mean \"east\"?",
        }] })
    );
    assert_eq!(
        (problems.summary().as_str(), problems.hint().as_deref()),
        ("1 problem", Some("twinlake check"))
    );
}
