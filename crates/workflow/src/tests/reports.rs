//! What a report says.

use serde_json::json;
use twinlake_base::{ErrorClass, Timestamp};

use super::toy::RUNBOOK;
use crate::{
    Because, Entry, Event, Figure, Note, Objectives, Outcome, Part, Recorded, RunBegan, RunEvent, RunReport,
    Seq, Wait,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

fn history(events: Vec<(i64, RunEvent)>) -> Vec<Recorded> {
    let record = |(index, (second, event)): (usize, (i64, RunEvent))| {
        let writer = "west-1#00".to_owned();
        let event: Event = Entry { at: at(second), writer, event }.to_event().unwrap();
        Recorded { seq: Seq(index as u64 + 1), event }
    };
    events.into_iter().enumerate().map(record).collect()
}

/// A run with everything in it: a wait, a failure, a crash, a step given up, a missed target.
fn eventful() -> Vec<Recorded> {
    let began = RunBegan {
        runbook: RUNBOOK.name.to_owned(),
        version: 1,
        outline: RUNBOOK.outline(),
        parameters: json!({ "items": ["loads"] }),
        actor: "ada".to_owned(),
        objectives: Objectives { rpo_seconds: Some(60), rto_seconds: Some(120) },
        simulated: true,
    };
    let step = |name: &str| name.to_owned();
    let failed = |name: &str, attempt, part| RunEvent::StepFailed {
        step: step(name),
        attempt,
        part,
        error: "503 | try\nlater".to_owned(),
        class: ErrorClass::Retryable,
        hint: None,
    };
    let skipped = |name: &str, because, reason: &str| RunEvent::StepSkipped {
        step: step(name),
        because,
        reason: reason.to_owned(),
        evidence: None,
    };
    let began_step = |name: &str, attempt| RunEvent::StepBegan { step: step(name), attempt };
    let done = |name: &str| RunEvent::StepDone { step: step(name), evidence: json!({ "proof": name }) };
    let question = Wait::Answer { question: "May the toys be moved?".to_owned(), about: json!(null) };
    let figure = |name| Note::Figure(Figure::seconds(name, 150.0));
    history(vec![
        (0, RunEvent::RunBegan(began)),
        (0, RunEvent::StepWaiting { step: step("approve"), wait: question }),
        (30, RunEvent::StepAnswered { step: step("approve"), by: "bob".to_owned(), value: json!(true) }),
        (31, began_step("approve", 1)),
        (31, done("approve")),
        (32, began_step("number", 1)),
        // Here the engine dies, and nobody notices for a minute.
        (92, RunEvent::RunResumed { by: "cy".to_owned() }),
        (93, began_step("number", 2)),
        (95, done("number")),
        (96, failed("quiesce", 1, Part::Check)),
        (97, skipped("quiesce", Because::GivenUp, "503")),
        (98, skipped("settle", Because::AlreadyTrue, "it is over")),
        (99, skipped("trim", Because::NotNeeded, "nothing is torn")),
        (100, began_step("wake", 1)),
        (140, RunEvent::StepNoted { step: step("wake"), note: figure(Figure::RTO) }),
        (150, done("wake")),
        (151, skipped("announce", Because::AlreadyTrue, "everybody knows")),
        (152, RunEvent::RunEnded { outcome: Outcome::Incomplete { missing: vec![step("quiesce")] } }),
    ])
}

#[test]
fn each_stretch_of_time_is_put_to_one_account() {
    let report = RunReport::of("toys-1", &eventful(), at(1000)).unwrap();
    let of = |name: &str| report.steps.iter().find(|step| step.planned.name == name).unwrap();
    assert_eq!((report.seconds, report.waited_seconds, report.stopped_seconds), (152.0, 30.0, 60.0));
    assert_eq!((of("approve").seconds, of("approve").waited_seconds), (1.0, 30.0));
    assert_eq!((of("number").seconds, of("number").attempts), (4.0, 2));
    assert_eq!(of("wake").seconds, 51.0);
    assert_eq!(of("wake").ended_at, Some(at(150)));
    let sum: f64 = report.steps.iter().map(|step| step.seconds + step.waited_seconds).sum();
    // The last second is between the last step and the end.
    assert_eq!(sum + report.stopped_seconds + 1.0, report.seconds);
}

#[test]
fn what_went_otherwise_is_listed_and_objectives_are_judged_by_what_was_measured() {
    let report = RunReport::of("toys-1", &eventful(), at(1000)).unwrap();
    let deviations: Vec<_> = report.deviations.iter().map(|deviation| deviation.what.as_str()).collect();
    assert_eq!(
        deviations,
        [
            "the engine was lost while the step was under way",
            "attempt 1 failed: 503 | try\nlater",
            "given up: 503",
            "the target RTO was missed",
        ]
    );
    let judged: Vec<_> = report.judged.iter().map(|judged| (judged.name.as_str(), judged.met)).collect();
    assert_eq!(judged, [("rpo", None), ("rto", Some(false))]);
    assert_eq!(report.drivers.iter().map(|driver| driver.by.as_str()).collect::<Vec<_>>(), ["ada", "cy"]);
}

#[test]
fn the_text_reads_calmly() {
    let text = RunReport::of("toys-1", &eventful(), at(1000)).unwrap().text();
    let expected = r#"Run toys-1: toy-move (version 1)
  state    incomplete: without quiesce
  began    2026-01-01T00:00:00Z by ada
  ended    2026-01-01T00:02:32Z
  took     2 min 32 s, of which waited 30 s, of which stopped 1 min 0 s (simulated)
  resumed  2026-01-01T00:01:32Z by cy
  RPO      not measured, at most 1 min 0 s (simulated)
  RTO      2 min 30 s of at most 2 min 0 s: missed (simulated)

Steps
  done         approve   Approve the move, 1.0 s, waited 30 s
               bob answered true
               evidence: {"proof":"approve"}
  done         number    Take the next number, 4.0 s, 2 attempts
               evidence: {"proof":"number"}
  skipped      quiesce   Put the east to sleep, 2.0 s
               503
  skipped      settle    Let things settle, 1.0 s
               it is over
  skipped      trim      Trim what is torn, 1.0 s
               nothing is torn
  done         wake      Wake the west, 51 s
               evidence: {"proof":"wake"}
  skipped      announce  Announce the move, 1.0 s
               everybody knows

Figures (simulated)
  rto: 2 min 30 s (step wake)

Deviations
  2026-01-01T00:01:32Z  number: the engine was lost while the step was under way
  2026-01-01T00:01:36Z  quiesce: attempt 1 failed: 503 | try later
  2026-01-01T00:01:37Z  quiesce: given up: 503
  2026-01-01T00:02:32Z  the target RTO was missed
"#;
    assert_eq!(text, expected);
}

#[test]
fn the_markdown_keeps_foreign_text_in_its_cell_and_marks_what_is_simulated() {
    let markdown = RunReport::of("toys-1", &eventful(), at(1000)).unwrap().markdown();
    assert!(markdown.contains(r"attempt 1 failed: 503 \| try later |"), "{markdown}");
    assert!(markdown.contains("| rto | 2 min 30 s *(simulated)* | wake |"), "{markdown}");
    assert!(markdown.contains("point of no return: what has started keeps running"), "{markdown}");
}

#[test]
fn the_json_has_the_facts_under_their_names() {
    let json = RunReport::of("toys-1", &eventful(), at(1000)).unwrap().json();
    assert_eq!(json["state"], "incomplete");
    assert_eq!(json["steps"][1]["attempts"], 2);
    assert_eq!(json["steps"][5]["undo"], "forward");
    assert_eq!(json["steps"][2]["failures"][0]["class"], "retryable");
    assert_eq!(json["judged"][1]["measured_seconds"], 150.0);
    assert_eq!(json["figures"][0]["unit"], "seconds");
    assert_eq!(json["drivers"][0]["engine"], "west-1#00");
}

#[test]
fn a_run_that_is_under_way_is_told_until_now() {
    let report = RunReport::of("toys-1", &eventful()[..2], at(20)).unwrap();
    assert_eq!((report.state, report.why.as_deref()), ("waiting", Some("May the toys be moved?")));
    assert_eq!((report.seconds, report.waited_seconds), (20.0, 20.0));
    let report = RunReport::of("toys-1", &eventful()[..6], at(50)).unwrap();
    assert_eq!((report.state, report.steps[1].state), ("going", "running"));
}
