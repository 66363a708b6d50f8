//! What every store promises, as checks that every kind of store passes.
//!
//! Part of the library so that the tests of a further kind can call it; a broken promise panics.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test suite: an error is a broken promise")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use twinlake_base::{Clock, Gate, GateDecision, Gatekeeper, Passage, Side};

use crate::{Object, Objects, ObjectsOptions, Put};

/// How many writers race for one name.
const WRITERS: u64 = 8;

/// How many names they race for.
const RACES: u64 = 50;

/// Holds a store to every promise. It must be empty. Racing writers need a runtime of several threads.
pub async fn holds(objects: Objects) {
    an_object_comes_back_as_it_was_put(&objects).await;
    the_first_bytes_of_an_object_come_alone(&objects).await;
    the_second_put_of_a_name_changes_nothing(&objects).await;
    a_listing_is_ordered_and_stays_below_its_folder(&objects).await;
    what_is_deleted_is_gone_and_may_be_put_again(&objects).await;
    names_that_lead_elsewhere_are_refused(&objects).await;
    of_racing_writers_exactly_one_wins(&objects).await;
    a_lost_answer_is_unknown_and_a_read_settles_it(&objects).await;
    racing_writers_that_lose_answers_find_out_by_reading_who_won(&objects).await;
}

async fn an_object_comes_back_as_it_was_put(objects: &Objects) {
    let before = objects.counts();
    for (name, bytes) in [("a/empty", Vec::new()), ("a/large", vec![7; 1 << 20])] {
        assert_eq!(objects.get(name).await.unwrap(), None);
        assert_eq!(objects.put_if_absent(name, bytes.clone()).await.unwrap(), Put::Created);
        assert_eq!(objects.get(name).await.unwrap(), Some(bytes.into()));
    }
    let after = objects.counts();
    assert_eq!((after.puts - before.puts, after.gets - before.gets), (2, 4));
}

async fn the_first_bytes_of_an_object_come_alone(objects: &Objects) {
    objects.put_if_absent("first/long", vec![7; 1 << 20]).await.unwrap();
    objects.put_if_absent("first/short", "short").await.unwrap();
    objects.put_if_absent("first/empty", "").await.unwrap();
    assert_eq!(objects.get_first("first/long", 100).await.unwrap(), Some(vec![7; 100].into()));
    for (length, expected) in [(5, "short"), (4, "shor"), (100, "short")] {
        assert_eq!(objects.get_first("first/short", length).await.unwrap(), Some(expected.into()));
    }
    assert_eq!(objects.get_first("first/none", 5).await.unwrap(), None);
    assert!(objects.get_first("first/empty", 5).await.is_err());
}

async fn the_second_put_of_a_name_changes_nothing(objects: &Objects) {
    assert_eq!(objects.put_if_absent("twice", "first").await.unwrap(), Put::Created);
    for again in ["first", "second"] {
        assert_eq!(objects.put_if_absent("twice", again).await.unwrap(), Put::Exists);
    }
    assert_eq!(objects.get("twice").await.unwrap(), Some("first".into()));
}

async fn a_listing_is_ordered_and_stays_below_its_folder(objects: &Objects) {
    for name in ["l/fin/3", "l/fin/1", "l/fin/10", "l/fin/2/deep", "l/fin-2/1", "l/finance"] {
        assert_eq!(objects.put_if_absent(name, "1234").await.unwrap(), Put::Created);
    }
    let listed = objects.list("l/fin").await.unwrap();
    let expected = ["l/fin/1", "l/fin/10", "l/fin/2/deep", "l/fin/3"];
    assert_eq!(listed, expected.map(|name| Object { name: name.to_owned(), size_bytes: 4 }));
    assert_eq!(objects.list("l/nothing").await.unwrap(), []);
}

async fn what_is_deleted_is_gone_and_may_be_put_again(objects: &Objects) {
    assert_eq!(objects.put_if_absent("d/1", "one").await.unwrap(), Put::Created);
    for _ in 0..2 {
        objects.delete("d/1").await.unwrap();
        assert_eq!(objects.get("d/1").await.unwrap(), None);
    }
    assert_eq!(objects.list("d").await.unwrap(), []);
    assert_eq!(objects.put_if_absent("d/1", "two").await.unwrap(), Put::Created);
}

async fn names_that_lead_elsewhere_are_refused(objects: &Objects) {
    for name in ["", "..", "a/../b", "a//b", "./a"] {
        assert!(objects.put_if_absent(name, "x").await.is_err(), "{name:?}");
        assert!(objects.get(name).await.is_err(), "{name:?}");
    }
}

async fn of_racing_writers_exactly_one_wins(objects: &Objects) {
    for race in 0..RACES {
        let name = format!("race/{race}");
        let mut winners = Vec::new();
        for (writer, put) in run_race(&name, |_| objects.clone()).await {
            match put {
                Put::Created => winners.push(writer),
                Put::Exists => {}
                Put::Unknown { why } => panic!("an answer was lost: {why}"),
            }
        }
        let [winner] = winners[..] else { panic!("winners of {name}: {winners:?}") };
        assert_eq!(objects.get(&name).await.unwrap(), Some(content(winner)));
    }
}

async fn a_lost_answer_is_unknown_and_a_read_settles_it(objects: &Objects) {
    for (side, is_there) in [(Side::Before, false), (Side::After, true)] {
        let losing = through(objects, Lossy { side, one_in: 1, drawn: AtomicU64::new(0) });
        let name = format!("lost/{side:?}");
        assert!(matches!(losing.put_if_absent(&name, "x").await.unwrap(), Put::Unknown { .. }));
        assert_eq!(objects.get(&name).await.unwrap().is_some(), is_there);
        assert!(losing.get(&name).await.is_err(), "a lost answer is not an absence");
        assert!(losing.list("lost").await.is_err(), "a lost answer is not an empty listing");
    }
}

/// What a lease does: put, and where the answer is lost, read who is there.
async fn racing_writers_that_lose_answers_find_out_by_reading_who_won(objects: &Objects) {
    for race in 0..RACES {
        let name = format!("lossy-race/{race}");
        let side = if race.is_multiple_of(2) { Side::Before } else { Side::After };
        let losing =
            |writer: u64| through(objects, Lossy { side, one_in: 3, drawn: AtomicU64::new(writer + race) });
        let puts = run_race(&name, losing).await;
        let found = objects.get(&name).await.unwrap();
        let believed: Vec<u64> = puts
            .iter()
            .filter(|(writer, put)| match put {
                Put::Created => true,
                Put::Exists => false,
                Put::Unknown { .. } => found.as_ref() == Some(&content(*writer)),
            })
            .map(|(writer, _)| *writer)
            .collect();
        match &found {
            Some(bytes) => assert_eq!(believed.iter().map(|it| content(*it)).collect::<Vec<_>>(), [bytes]),
            None => assert!(believed.is_empty(), "{believed:?} believe in an object that is not there"),
        }
    }
}

async fn run_race(name: &str, handle: impl Fn(u64) -> Objects) -> Vec<(u64, Put)> {
    let racers = (0..WRITERS).map(|writer| {
        let (objects, name) = (handle(writer), name.to_owned());
        tokio::spawn(async move { (writer, objects.put_if_absent(&name, content(writer)).await.unwrap()) })
    });
    let mut puts = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        puts.push(racer.await.unwrap());
    }
    puts
}

fn content(writer: u64) -> Bytes {
    // Long enough that a reader could see half of it.
    format!("{writer}").repeat(10_000).into()
}

fn through(objects: &Objects, keeper: Lossy) -> Objects {
    objects.reopened(ObjectsOptions::new(Clock::system(), Gate::kept_by(Arc::new(keeper))))
}

/// Loses one passage in so many, on one side of the effect.
struct Lossy {
    side: Side,
    one_in: u64,
    drawn: AtomicU64,
}

impl Gatekeeper for Lossy {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        if passage.side != self.side {
            return GateDecision::Pass;
        }
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
        if drawn.is_multiple_of(self.one_in) { GateDecision::Lose } else { GateDecision::Pass }
    }
}
