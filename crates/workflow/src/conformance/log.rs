//! The contract of [`Log`].

use std::sync::Arc;

use serde_json::json;
use twinlake_base::Timestamp;

use crate::{Appended, Event, Log, Recorded, Seq};

/// How many appends race for one place.
const WRITERS: u64 = 8;

/// Holds a log to every promise. It must be empty of the runs that this suite uses (`conformance-…`).
pub async fn holds(log: impl Log + 'static) {
    let log: Arc<dyn Log> = Arc::new(log);
    a_run_that_never_began_has_no_events(&*log).await;
    events_come_back_whole_and_in_order(&*log).await;
    an_append_that_expects_another_end_changes_nothing(&*log).await;
    runs_do_not_see_each_other(&*log).await;
    runs_are_told_from_the_oldest_and_only_once_they_have_begun(&*log).await;
    of_racing_appends_exactly_one_wins(log).await;
}

fn event(number: u64) -> Event {
    let at = Timestamp::UNIX_EPOCH;
    Event { at, name: "step.started".to_owned(), detail: json!({ "number": number, "text": "é\u{0}\"" }) }
}

async fn a_run_that_never_began_has_no_events(log: &dyn Log) {
    assert_eq!(log.read("conformance-never").await.unwrap(), []);
}

async fn events_come_back_whole_and_in_order(log: &dyn Log) {
    let mut expected = Vec::new();
    for number in 0..20 {
        let appended = log.append("conformance-order", Seq(number), &event(number)).await.unwrap();
        assert_eq!(appended, Appended::At(Seq(number + 1)));
        expected.push(Recorded { seq: Seq(number + 1), event: event(number) });
        assert_eq!(log.read("conformance-order").await.unwrap(), expected);
    }
}

async fn an_append_that_expects_another_end_changes_nothing(log: &dyn Log) {
    let run = "conformance-conflict";
    assert_eq!(log.append(run, Seq(1), &event(0)).await.unwrap(), Appended::Conflict { last: Seq::START });
    assert_eq!(log.append(run, Seq::START, &event(1)).await.unwrap(), Appended::At(Seq(1)));
    for wrong in [0, 2, 7] {
        let refused = log.append(run, Seq(wrong), &event(2)).await.unwrap();
        assert_eq!(refused, Appended::Conflict { last: Seq(1) });
    }
    assert_eq!(log.read(run).await.unwrap(), [Recorded { seq: Seq(1), event: event(1) }]);
}

async fn runs_do_not_see_each_other(log: &dyn Log) {
    for run in ["conformance-a", "conformance-a/1", "conformance-b"] {
        assert_eq!(log.append(run, Seq::START, &event(3)).await.unwrap(), Appended::At(Seq(1)));
    }
    assert_eq!(log.read("conformance-a").await.unwrap().len(), 1);
}

async fn runs_are_told_from_the_oldest_and_only_once_they_have_begun(log: &dyn Log) {
    let ours = async || {
        let runs = log.runs().await.unwrap();
        runs.into_iter().filter(|run| run.starts_with("conformance-old")).collect::<Vec<_>>()
    };
    assert_eq!(ours().await, [""; 0]);
    log.read("conformance-old-never").await.unwrap();
    log.append("conformance-old-never", Seq(3), &event(1)).await.unwrap();
    // A date with and one without a fraction of a second sort differently as text.
    for (run, nanosecond) in [("b", 2_000_000_000), ("c", 2_500_000_000), ("a", 7), ("d", 7)] {
        let at = Timestamp::from_nanosecond(nanosecond).unwrap();
        let run = format!("conformance-old {run}/é");
        log.append(&run, Seq::START, &Event { at, ..event(1) }).await.unwrap();
        log.append(&run, Seq(1), &event(2)).await.unwrap();
    }
    let expected = ["a", "d", "b", "c"].map(|run| format!("conformance-old {run}/é"));
    assert_eq!(ours().await, expected);
}

async fn of_racing_appends_exactly_one_wins(log: Arc<dyn Log>) {
    for end in 0..10 {
        let racers = (0..WRITERS).map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(
                async move { log.append("conformance-race", Seq(end), &event(writer)).await.unwrap() },
            )
        });
        let mut won = 0;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Appended::At(seq) => {
                    assert_eq!(seq, Seq(end + 1));
                    won += 1;
                }
                Appended::Conflict { last } => assert_eq!(last, Seq(end + 1)),
            }
        }
        assert_eq!(won, 1, "appends that won place {}", end + 1);
    }
}
