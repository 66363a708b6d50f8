//! The safety rules of the config, as an operator meets them: who has to agree, when, how soon, at what loss; and what of
//! the operator's is called on the way.

use std::time::Duration;

use serde_json::{Value, json};
use twinlake_controller::{Consent, Ended, Stop, Wish, approve, begin, propose};
use twinlake_model::safety::Rule;
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, ONE_GROUP, nobody};

use super::readings::{furnish_little, waking, wish};
use crate::stories::house::HOUR;

/// A deployment in step, under these rules.
async fn under(seed: u64, rules: &str) -> Deployment {
    let config = format!("{ONE_GROUP}    safety:\n{rules}");
    let deployment = Deployment::of(seed, 2, &config).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    deployment
}

fn plainly(runbook: &str) -> Wish {
    Wish { runbook: runbook.to_owned(), ..Wish::default() }
}

#[tokio::test(start_paused = true)]
async fn two_of_three_have_to_agree_within_the_hour_and_to_exactly_this_proposal() {
    let deployment = under(900, "      approvals: { required: 2, of: [ana, ben, cho], expire: 1h }\n").await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    let before = waking(east);
    let house = deployment.open_as("ana").await;
    let moved = deployment.try_run_by(&house, plainly("switchover")).await.unwrap();
    let Ended::Waiting { question, hint } = &moved.ended else { panic!("{:?}", moved.ended) };
    assert!(question.contains("1 more of ben, cho"), "{question}");
    assert!(hint.contains("twinlake approve"), "{hint}");
    assert_eq!(waking(east), before, "nothing was touched");
    west.estate().assert_asleep();
    drop(house);

    // Somebody who is not asked, and somebody who agreed already, make no difference.
    for by in ["mallory", "ana"] {
        let house = deployment.open().await;
        approve(&house, &moved.run, by, None).await.unwrap();
        drop(house);
        let still = deployment.resume(&moved.run).await;
        assert!(matches!(still.ended, Ended::Waiting { .. }), "{by}: {:?}", still.ended);
    }
    // What ana agreed to an hour ago does not count any more.
    deployment.jump(HOUR + Duration::from_secs(60));
    let house = deployment.open().await;
    approve(&house, &moved.run, "ben", None).await.unwrap();
    drop(house);
    let still = deployment.resume(&moved.run).await;
    assert!(matches!(still.ended, Ended::Waiting { .. }), "ana's approval has expired: {:?}", still.ended);
    assert_eq!(waking(east), before, "nothing was touched");
    let house = deployment.open().await;
    approve(&house, &moved.run, "cho", Some("by telephone")).await.unwrap();
    drop(house);
    assert_eq!(deployment.resume(&moved.run).await.ended, Ended::Complete);
    assert_eq!(waking(west), before);
}

#[tokio::test(start_paused = true)]
async fn a_run_needs_the_groups_name_typed_or_a_yes_and_no_rule_against_it() {
    let deployment = under(910, "      promotions: off\n").await;
    let house = deployment.open().await;
    for runbook in ["switchover", "forced_failover"] {
        let refused = deployment.try_run_by(&house, wish(runbook)).await.unwrap_err();
        assert!(refused.is_refusal(), "{runbook}: {refused}");
        assert!(refused.hint().unwrap().contains("promotions: on"), "{runbook}: {refused}");
    }
    let deployment = under(911, "      settle: 30m\n").await;
    let house = deployment.open().await;
    let wish = plainly("switchover");
    let proposal = propose(&house, &wish).await.unwrap();
    for typed in [None, Some("retial".to_owned())] {
        let consent = Consent { by: "anna".to_owned(), typed, ..Consent::default() };
        let refused = begin(&house, &wish, &proposal, &consent, &Stop::new(), nobody()).await.unwrap_err();
        assert!(refused.hint().unwrap().contains("type retail"), "{refused}");
    }
    let consent =
        Consent { by: "anna".to_owned(), typed: Some(" retail\n".to_owned()), ..Consent::default() };
    let moved = begin(&house, &wish, &proposal, &consent, &Stop::new(), nobody()).await.unwrap();
    assert_eq!(moved.ended, Ended::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_planned_move_waits_for_its_window_and_a_forced_one_does_not() {
    let rules = "      windows: [{ days: sun, from: 02:00, to: 04:00, zone: UTC }]\n";
    let deployment = under(920, rules).await;
    let refused = deployment.try_run(plainly("switchover")).await.unwrap_err();
    assert!(refused.hint().unwrap().contains("wait for"), "{refused}");
    deployment.lose("east", Outage::cut_off(Appearance::Refused));
    let proposal = deployment.propose(&plainly("forced_failover")).await;
    assert!(proposal.objections.is_empty(), "{:?}", proposal.objections);
    assert_eq!(proposal.notes[0].rule, Rule::Windows, "it is written down");
    assert_eq!(deployment.run("forced_failover").await.ended, Ended::Incomplete);
}

#[tokio::test(start_paused = true)]
async fn a_loss_above_the_ceiling_and_a_second_move_within_the_hour_have_to_be_acknowledged() {
    let deployment = under(930, "      max_loss: 5m\n").await;
    deployment.jump(Duration::from_secs(600));
    deployment.lose("east", Outage::cut_off(Appearance::Refused));
    let proposal = deployment.propose(&plainly("forced_failover")).await;
    assert!(proposal.loss.seconds().unwrap() >= 600, "{:?}", proposal.loss);
    let refused = deployment.try_run(plainly("forced_failover")).await.unwrap_err();
    assert!(refused.hint().unwrap().contains("--acknowledge max_loss"), "{refused}");
    deployment.site("west").estate().assert_asleep();
    let read = Wish { acknowledged: [Rule::MaxLoss].into(), ..plainly("forced_failover") };
    let moved = deployment.run_as_wished(read).await;
    assert_eq!(moved.ended, Ended::Incomplete);
    let report = moved.report.unwrap();
    let rpo = report.figures.iter().find(|one| one.figure.name == "rpo").unwrap();
    assert!(rpo.figure.value >= 600.0, "{rpo:?}");

    deployment.restore("east");
    deployment.sync().await;
    let refused = deployment.try_run(plainly("failback")).await.unwrap_err();
    assert!(refused.hint().unwrap().contains("--acknowledge settle"), "{refused}");
    deployment.jump(HOUR);
    assert!(deployment.sync().await.is_complete());
    assert_eq!(deployment.run("failback").await.ended, Ended::Complete);
}

/// A hook for every moment of a move.
const HOOKS: &str = r#"      hooks:
        - { before: prepare, webhook: "https://hooks.example/before-prepare" }
        - { after: prepare, webhook: "https://hooks.example/after-prepare" }
        - { before: quiesce, webhook: "https://hooks.example/before-quiesce" }
        - { after: quiesce, webhook: "https://hooks.example/after-quiesce" }
        - { before: promote, webhook: "https://hooks.example/before-promote" }
        - { after: promote, webhook: "https://hooks.example/after-promote" }
        - { before: settle, webhook: "https://hooks.example/before-settle" }
        - { after: settle, webhook: "https://hooks.example/after-settle" }
"#;

/// Which hooks were called, in order.
fn called(deployment: &Deployment) -> Vec<String> {
    let sent = deployment.traffic.since(0, Some("hooks.example"));
    sent.into_iter().map(|one| one.what.replace("POST /", "")).collect()
}

#[tokio::test(start_paused = true)]
async fn hooks_are_called_once_before_and_after_each_phase_and_told_which_move_it_is() {
    let phases = |names: &[&str]| -> Vec<String> {
        names.iter().flat_map(|name| [format!("before-{name}"), format!("after-{name}")]).collect()
    };
    let deployment = under(940, HOOKS).await;
    assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
    assert_eq!(called(&deployment), phases(&["prepare", "quiesce", "promote", "settle"]));
    let body: Value =
        serde_json::from_slice(&deployment.traffic.since(0, Some("hooks.example"))[0].body).unwrap();
    assert_eq!(
        (&body["group"], &body["from"], &body["to"]),
        (&json!("retail"), &json!("east"), &json!("west"))
    );
    assert_eq!(body["when"], "before prepare");

    let deployment = under(941, HOOKS).await;
    deployment.lose("east", Outage::cut_off(Appearance::Refused));
    assert_eq!(deployment.run("forced_failover").await.ended, Ended::Incomplete);
    assert_eq!(called(&deployment), phases(&["prepare", "promote", "settle"]));
}

#[tokio::test(start_paused = true)]
async fn a_hook_before_a_phase_can_stop_the_run_there_and_one_after_it_cannot() {
    let one = |line: &str| format!("      hooks: [{line}]\n");
    let before = one("{ before: promote, webhook: \"https://hooks.example/gate\" }");
    let deployment = under(950, &before).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    let awake = waking(east);
    deployment.traffic.answer_hooks_with(503);
    let moved = deployment.run("switchover").await;
    let Ended::Stopped { why, .. } = &moved.ended else { panic!("{:?}", moved.ended) };
    assert!(why.contains("said no") && why.contains("503"), "{why}");
    west.estate().assert_asleep();
    deployment.traffic.answer_hooks_with(200);
    assert_eq!(deployment.resume(&moved.run).await.ended, Ended::Complete);
    assert_eq!(waking(west), awake);

    for line in [
        "{ after: promote, webhook: \"https://hooks.example/told\" }",
        "{ before: promote, webhook: \"https://hooks.example/told\", on_failure: go_on }",
        "{ after: promote, webhook: \"https://nowhere.example/told\" }",
    ] {
        let deployment = under(951, &one(line)).await;
        deployment.traffic.answer_hooks_with(500);
        let moved = deployment.run("switchover").await;
        assert_eq!(moved.ended, Ended::Complete, "{line}");
        let told = moved.report.unwrap().deviations;
        assert!(told.iter().any(|one| one.what.contains("hook")), "{line}: {told:#?}");
    }
}

/// In real time, because a program does not wait for a simulated clock.
#[tokio::test]
async fn a_program_is_called_with_the_move_in_its_environment_and_its_exit_code_counts() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard");
    let script =
        format!("echo $TWINLAKE_GROUP $TWINLAKE_FROM $TWINLAKE_TO $TWINLAKE_WHEN > {}", heard.display());
    for (exit, goes_on) in [("exit 0", true), ("exit 3", false)] {
        let hook =
            format!("      hooks: [{{ before: promote, run: [/bin/sh, -c, \"{script}; {exit}\"] }}]\n");
        let deployment = under(960, &hook).await;
        deployment.lose("east", Outage::cut_off(Appearance::Refused));
        let moved = deployment.run("forced_failover").await;
        assert_eq!(std::fs::read_to_string(&heard).unwrap(), "retail east west before promote\n");
        match (&moved.ended, goes_on) {
            (Ended::Incomplete, true) => {}
            (Ended::Stopped { why, .. }, false) => assert!(why.contains("said no"), "{why}"),
            (other, _) => panic!("{exit}: {other:?}"),
        }
    }
}
