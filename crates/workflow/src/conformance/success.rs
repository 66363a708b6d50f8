//! A runbook goes through, and tells it.

use super::Scenario;
use super::rehearsal::{Rehearsal, undisturbed};
use crate::{Ending, RunReport, Status};

/// Holds a runbook to the promises of an ordinary day: its table has no [problems](crate::Runbook::problems); it ends
/// as the scenario says, and the same way each time; each prefix of its history loads; an ended run is left as it is by
/// whoever resumes it; and its report renders in all three forms, live and at the end.
///
/// Complete, because the history of a run is all that anything else is made from.
///
/// # Panics
/// A promise is broken.
pub async fn succeeds<S: Scenario>(scenario: &S) {
    assert_eq!(scenario.runbook().problems(), Vec::<String>::new(), "the runbook's table");
    let expected = undisturbed(scenario).await;
    let rehearsal = Rehearsal::new(scenario).await;
    rehearsal.ends_like(&expected, "nothing").await;

    let events = rehearsal.events().await;
    for length in 1..=events.len() {
        let prefix = &events[..length];
        let status = Status::replay(prefix).expect("each prefix of a history loads");
        let report = RunReport::of("rehearsal", prefix, rehearsal.now()).expect("and can be told");
        assert_eq!(report.ended_at.is_some(), status.is_over(), "an end is told when there is one");
        for step in scenario.runbook().steps {
            assert!(report.text().contains(step.name), "the text leaves out step {}", step.name);
            assert!(report.markdown().contains("## Steps"), "the Markdown leaves out the steps");
            let told = report.json()["steps"].as_array().map_or(0, Vec::len);
            assert_eq!(told, scenario.runbook().steps.len(), "the JSON leaves out steps");
        }
    }

    let again = rehearsal.go(rehearsal.healthy()).await.unwrap();
    assert_eq!(again, Ending::Ended(scenario.outcome()), "an ended run stays ended");
    assert_eq!(rehearsal.events().await, events, "resuming an ended run appends nothing");
    let found = scenario.end_state(&rehearsal.stage).await;
    scenario.same_end_state(&expected, &found).expect("resuming an ended run does nothing");
}
