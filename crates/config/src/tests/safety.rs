//! Safety rules and the key of the state, good and bad, and what it costs to leave them out.

use std::time::Duration;

use twinlake_model::Safety;
use twinlake_model::safety::{Day, HookCall, OnFailure, Promotions, Setting, When};

use super::{DESIGN, design_with, options, read, said, said_with};
use crate::{LoadOptions, SecretRef};

const HOUR: Duration = Duration::from_secs(3600);

/// A public key, as age-keygen prints it.
const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

/// The design's example with safety rules in its group.
fn with_rules(rules: &str) -> String {
    let rules: String =
        rules.lines().map(|line| format!("      {}\n", line.trim_start_matches("~"))).collect();
    design_with(&[("    schedule: 5m\n", &format!("    schedule: 5m\n    safety:\n{rules}"))])
}

fn safety(text: &str) -> Safety {
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(config.warnings, []);
    config.group(&"finance".into()).unwrap().safety.clone()
}

#[test]
fn without_rules_the_defaults_hold() {
    assert_eq!(safety(DESIGN), Safety::default());
    assert_eq!(read(DESIGN).unwrap().state_key, None);
}

#[test]
fn all_rules_are_read() {
    let rules = "promotions: on
windows:
  - { days: fri-mon, from: 22:00, to: 4:00, zone: europe/berlin }
  - { days: [wed, \"tue, thu\"], from: 00:00, to: 24:00, zone: UTC }
  - { from: 12:00, to: 13:30, zone: America/New_York }
settle: 30m
max_loss: 15m
approvals: { required: 2, of: [ana, ben, cho], expire: 2h }
hooks:
  - { before: quiesce, run: [./notify.sh, start, 1], timeout: 1m }
  - { after: promote, webhook: https://example.com/x, headers: { X-Team: data, X-Api-Key: env:KEY }, secret: file:/t }
  - { before: promote, webhook: env:SLACK_URL, on_failure: go_on }
commit_window: 12h
drain: 5m";
    let safety = safety(&with_rules(rules));
    assert_eq!(safety.promotions, Promotions::On);
    let days: Vec<Vec<Day>> =
        safety.windows.iter().map(|window| window.days.iter().copied().collect()).collect();
    use Day::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    assert_eq!(days, [vec![Mon, Fri, Sat, Sun], vec![Tue, Wed, Thu], Day::every().into_iter().collect()]);
    assert_eq!(safety.windows[0].zone.name(), "Europe/Berlin");
    assert_eq!(safety.windows[1].from, safety.windows[1].to);
    assert_eq!(safety.windows[2].to.to_string(), "13:30:00");
    assert_eq!((safety.settle, safety.max_loss), (HOUR / 2, Some(HOUR / 4)));
    assert_eq!((safety.commit_window, safety.drain), (12 * HOUR, HOUR / 12));
    assert_eq!((safety.approvals.required, safety.approvals.expire), (2, 2 * HOUR));
    assert_eq!(safety.approvals.of, ["ana", "ben", "cho"]);
    let [run, told, slack] = &safety.hooks[..] else { panic!("{:?}", safety.hooks) };
    assert_eq!((&run.when, run.timeout), (&When::Before("quiesce".into()), HOUR / 60));
    assert_eq!(run.call, HookCall::Run(["./notify.sh", "start", "1"].map(str::to_owned).to_vec()));
    assert_eq!(run.on_failure, OnFailure::Abort);
    assert_eq!((told.on_failure, slack.on_failure), (OnFailure::GoOn, OnFailure::GoOn));
    let HookCall::Webhook { url, headers, secret } = &told.call else { panic!("{told:?}") };
    assert_eq!(*url, Setting::Plain("https://example.com/x".into()));
    assert_eq!(headers["X-Team"], Setting::Plain("data".into()));
    assert_eq!(headers["X-Api-Key"], Setting::Secret("env:KEY".into()));
    assert_eq!(SecretRef::parse(secret.as_deref().unwrap()), Some(SecretRef::File("/t".into())));
    assert!(
        matches!(&slack.call, HookCall::Webhook { url: Setting::Secret(url), .. } if url == "env:SLACK_URL")
    );
}

#[test]
fn the_master_switch_of_the_estate_goes_before_that_of_a_group() {
    for (estate, group, expected) in [
        ("on", "on", Promotions::On),
        ("true", "off", Promotions::Off),
        ("off", "on", Promotions::OffEverywhere),
        ("false", "off", Promotions::OffEverywhere),
    ] {
        let text = format!("promotions: {estate}\n{}", with_rules(&format!("promotions: {group}")));
        assert_eq!(safety(&text).promotions, expected, "{estate} {group}");
    }
}

/// Rules, and all that is said of them: each text in a line of its own.
const BAD: &[(&str, &[&str])] = &[
    ("promotions: of", &["safety.promotions: must be on or off, and is \"of\""]),
    ("setle: 1h", &["safety.setle: is not a key of ours; did you mean \"settle\"?"]),
    ("settle: 60", &["safety.settle: \"60\" has no unit"]),
    ("max_loss: lots\ndrain: -1m", &["safety.max_loss: \"lots\" is not", "safety.drain: \"-1m\" is not"]),
    (
        "windows: [ { days: [san], from: 25:00, zone: Europe/Berln } ]",
        &[
            "windows[0].days[0]: \"san\" is not a day; did you mean \"sat\"?",
            "windows[0].from: \"25:00\" is not a time of day such as 22:00",
            "windows[0].to: is missing: say when it closes, such as 04:00",
            "windows[0].zone: \"Europe/Berln\" is not a time zone such as Europe/Berlin or UTC; did you mean \"Europe/Berlin\"?",
        ],
    ),
    (
        "windows: [ { days: weekend, from: 10:00, to: 10:00, zone: UTC }, { days: [], from: 1:00, to: 2:0, zone: UTC } ]",
        &[
            "windows[0].days: \"weekend\" is not a day; write mon, sat-sun or [tue, thu]",
            "windows[0].to: closes when it opens; for a whole day write from: 00:00, to: 24:00",
            "windows[1].days: is empty: name the days, or leave days out for every day",
            "windows[1].to: \"2:0\" is not a time of day such as 22:00",
        ],
    ),
    (
        "approvals: { required: 3, of: [ana, Ana, ben], expire: 0s }",
        &[
            "approvals.of[1]: \"Ana\" is named twice, and counts once",
            "approvals.required: asks for 3 of 2, so nothing could ever be approved",
            "approvals.expire: is no time at all: no approval would ever count",
        ],
    ),
    (
        "approvals: { required: 0, of: [ana] }",
        &["approvals.required: asks nobody; leave approvals out to ask nobody"],
    ),
    (
        "approvals: { required: some }",
        &[
            "approvals.required: \"some\" is not a number of people",
            "approvals.of: is missing: name who may approve, such as [ana, ben]",
        ],
    ),
    (
        "hooks: [ { run: [] }, { before: promote, after: promote, webhook: https://x, run: [x] } ]",
        &[
            "hooks[0].before: is missing: name a phase to come before or after",
            "hooks[0].run: names no program; write a list such as [./notify.sh, start]",
            "hooks[1].after: is before a phase already; make it two hooks",
            "hooks[1].webhook: runs a program already; make it two hooks",
        ],
    ),
    (
        "hooks: [ { before: promot, run: ./notify.sh, on_failure: stop }, { after: fence, run: [x], on_failure: abort, timeout: 0s, secret: env:X } ]",
        &[
            "hooks[0].before: there is no phase \"promot\"; did you mean \"promote\"?",
            "hooks[0].run: must be a list, and is \"./notify.sh\"",
            "hooks[0].run: names no program",
            "hooks[0].on_failure: \"stop\" is not what a failure can mean: abort or go_on",
            "hooks[1].on_failure: cannot abort a phase that is done; write go_on",
            "hooks[1].timeout: is no time at all: it would always fail",
            "hooks[1].secret: is for a webhook; a program reads its environment",
        ],
    ),
    (
        "hooks: [ { before: fence, webhook: http://hunter2.example, secret: hunter2, headers: { X-Token: hunter2, \"a b\": x } } ]",
        &[
            "hooks[0].webhook: is not secure: what is sent would travel in the clear; write https://…, or env:NAME",
            "hooks[0].secret: is not a reference to a secret; write env:NAME or file:/path, never the token itself",
            "hooks[0].headers.X-Token: is not a reference to a secret; write env:NAME or file:/path, never the value itself",
            "hooks[0].headers.a b: \"a b\" cannot be the name of a header",
        ],
    ),
    (
        "hooks: [ { before: fence, webhook: hunter2 }, { before: fence, webhook: \"env:not a name\" } ]",
        &[
            "hooks[0].webhook: is not the address of a webhook; write https://…",
            "hooks[1].webhook: is not a reference to a secret; write env:NAME or file:/path, never the address itself",
        ],
    ),
];

#[test]
fn what_is_wrong_with_the_rules_is_said_all_at_once_and_repeats_no_secret() {
    let options =
        LoadOptions { known_phases: ["quiesce", "promote", "fence"].map(str::to_owned).into(), ..options() };
    for (rules, expected) in BAD {
        let said = said_with(&with_rules(rules), &options);
        for text in *expected {
            assert!(said.lines().any(|line| line.contains(text)), "{rules}\n  lacks {text}\n{said}");
        }
        let lines = said.lines().filter(|line| !line.starts_with("    ")).count();
        assert_eq!(lines, expected.len(), "{rules}\n{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_key_of_the_state_is_read_with_a_reference_to_its_secret_half() {
    let text = format!("state_key: {{ recipients: [{KEY}], identity: env:TWINLAKE_IDENTITY }}\n{DESIGN}");
    let config = read(&text).unwrap();
    let key = config.state_key.as_ref().unwrap();
    assert_eq!(key.recipients, [KEY]);
    assert_eq!(key.identity, Some(SecretRef::Env("TWINLAKE_IDENTITY".into())));
    assert_eq!(serde_json::json!(config)["state_key"]["identity"], "env:TWINLAKE_IDENTITY");
    assert!(!config.notices().iter().any(|notice| notice.key == "state_key"));
}

#[test]
fn what_is_wrong_with_the_key_of_the_state_is_said_and_its_secret_half_is_never_repeated() {
    let identity = "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3J";
    let slip = KEY.replace("zvkyg", "zvkgy");
    for (key, expected) in [
        ("{}".to_owned(), vec!["state_key.recipients: is missing: name at least one public key, age1…"]),
        ("{ recipients: [] }".to_owned(), vec!["state_key.recipients: is empty"]),
        (format!("{{ recipients: [{KEY}, {KEY}] }}"), vec!["state_key.recipients[1]: is named twice"]),
        (format!("{{ recipients: [{slip}] }}"), vec!["state_key.recipients[0]: is not a public key of age"]),
        (
            format!("{{ recipients: [{KEY}], identity: hunter2 }}"),
            vec!["state_key.identity: is not a reference to a secret"],
        ),
        (
            format!("{{ recipients: [{KEY}], identity: {identity} }}"),
            vec!["looks like a secret", "state_key.identity: is not a reference to a secret"],
        ),
        (format!("{{ recipients: [{KEY}] }} # {identity}"), vec!["looks like a secret"]),
        (
            format!("{{ recipients: [{}] }}", identity.to_lowercase()),
            vec!["looks like a secret", "state_key.recipients[0]: is not a public key of age"],
        ),
    ] {
        let said = said(&format!("state_key: {key}\n{DESIGN}"));
        for text in &expected {
            assert!(said.contains(text), "{key}\n  lacks {text}\n{said}");
        }
        let lower = said.to_lowercase();
        assert!(!lower.contains("qqpzry") && !lower.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_is_lost_without_a_state_at_a_standby_or_a_key_is_said_and_refuses_nothing() {
    let text = design_with(&[("    state: s3://acme-dr-west/twinlake\n", "")]);
    let config = read(&text).unwrap();
    let said = |key: &str| {
        let notice = config.notices().iter().find(|notice| notice.key == key);
        notice.map(|notice| notice.message.clone()).unwrap_or_default()
    };
    assert!(said("sites.west.state").contains("a run of \"finance\" leaves nothing at \"west\""));
    assert!(said("state_key").contains("shipped nowhere"));
    // The primary is lost in the very case that counts, so nothing is missed there.
    let text = design_with(&[("    state: s3://acme-dr-east/twinlake\n", "")]);
    let config = read(&text).unwrap();
    assert!(!config.notices().iter().any(|notice| notice.key == "sites.east.state"));
}

#[test]
fn a_witness_in_the_folder_of_a_site_is_refused_whichever_lies_in_the_other() {
    for (state, lake, witness, says) in [
        ("file:///srv/west", "s3://acme-lake-west/", "file:///srv/west", "its state"),
        ("file:///srv/west", "s3://acme-lake-west/", "file:///srv/west/witness", "its state"),
        ("file:///srv/west/state", "s3://acme-lake-west/", "file:///srv/west", "its state"),
        ("file:///srv/west", "file:///data/west/", "file:///data/west/witness", "its tables"),
        ("file:///srv/west", "file:///data/west/", "file:///data", "its tables"),
        ("file:///srv/west", "file:///data/west/", "file:///srv/witness", ""),
    ] {
        let text = design_with(&[
            ("state: s3://acme-dr-west/twinlake", &format!("state: {state}")),
            ("s3://acme-lake-west/", lake),
            ("gs://acme-witness/twinlake", witness),
        ]);
        let said = said(&text);
        let expected =
            format!("lies where site \"west\" keeps {says}; a witness must lie outside every site");
        assert_eq!(said.contains(&expected), !says.is_empty(), "{witness}: {said}");
        assert_eq!(said.is_empty(), says.is_empty(), "{witness}: {said}");
    }
}
