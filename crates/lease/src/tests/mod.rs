//! One story per promise of the lease, in virtual time unless the story is about real time.

mod races;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use twinlake_base::{Clock, Entropy, ErrorClass, Gate, GateDecision, Gatekeeper, Passage, Side, Timestamp};
use twinlake_databricks::Permit;
use twinlake_model::{Epoch, GroupName, SiteId};
use twinlake_objects::{Objects, ObjectsOptions};

use crate::{LeaseError, Term, Terms, Witness};

const SECOND: Duration = Duration::from_secs(1);

fn finance() -> GroupName {
    "finance".into()
}

fn east() -> SiteId {
    "east".into()
}

fn date(text: &str) -> Clock {
    Clock::simulated(text.parse().unwrap())
}

fn clock() -> Clock {
    date("2026-01-01T00:00:00Z")
}

fn store() -> Objects {
    Objects::in_memory(ObjectsOptions::new(clock(), Gate::open()))
}

/// A controller of its own, with clock and gate of its own.
fn controller(objects: &Objects, name: &str, clock: Clock, gate: Gate) -> Witness {
    let objects = objects.reopened(ObjectsOptions::new(clock.clone(), gate));
    Witness::new(objects, name, Terms::default(), clock, Entropy::seeded(1))
}

fn plain(objects: &Objects, name: &str) -> Witness {
    controller(objects, name, clock(), Gate::open())
}

/// Decides at passages of one side whose text begins so.
struct When {
    side: Side,
    what: &'static str,
    decision: GateDecision,
    /// How many such passages to let pass, and then how often to decide.
    skip: AtomicU64,
    times: AtomicU64,
}

impl Gatekeeper for When {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        let down = |count: &AtomicU64| {
            count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        };
        if passage.side != self.side || !passage.what.starts_with(self.what) || down(&self.skip) {
            return GateDecision::Pass;
        }
        if down(&self.times) { self.decision } else { GateDecision::Pass }
    }
}

fn when(side: Side, what: &'static str, decision: GateDecision, skip: u64, times: u64) -> Gate {
    Gate::kept_by(Arc::new(When { side, what, decision, skip: skip.into(), times: times.into() }))
}

/// Whether a request of this length may be sent now.
fn permits(lease: &impl Permit, length: Duration) -> bool {
    lease.check(clock().instant() + length).is_ok()
}

#[tokio::test(start_paused = true)]
async fn the_first_lease_of_a_group_begins_its_first_epoch() {
    let objects = store();
    let witness = plain(&objects, "one");
    assert_eq!(witness.standing(&finance()).await.unwrap(), None);
    let lease = witness.acquire(&finance(), &east()).await.unwrap();
    assert_eq!((lease.epoch(), lease.primary(), lease.seq(), lease.holder()), (Epoch(1), east(), 1, "one"));
    let standing = plain(&objects, "two").standing(&finance()).await.unwrap().unwrap();
    assert_eq!((standing.epoch, standing.holder.as_str(), standing.released), (Epoch(1), "one", false));
}

#[tokio::test(start_paused = true)]
async fn a_second_controller_is_refused_with_the_holders_name_and_until_when() {
    let objects = store();
    let _lease = plain(&objects, "process 7 on dr-1").acquire(&finance(), &east()).await.unwrap();
    let error = plain(&objects, "two").acquire(&finance(), &east()).await.err().unwrap();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert_eq!(
        error.to_string(),
        "group finance (epoch 1) is held by process 7 on dr-1; if that has ended, it can be taken over from \
         2026-01-01T00:03:10Z"
    );
    assert!(error.hint().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_lease_permits_only_what_ends_before_it_does() {
    let objects = store();
    let terms = Terms::default();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    assert!(permits(&lease, terms.term - SECOND));
    assert!(!permits(&lease, terms.term));
    clock().sleep(terms.term - terms.longest_request).await;
    assert!(!permits(&lease, terms.longest_request));
    lease.renew().await.unwrap();
    assert!(permits(&lease, terms.longest_request));
    clock().sleep(terms.term).await;
    assert!(!permits(&lease, Duration::ZERO));
    assert!(matches!(lease.renew().await, Err(LeaseError::Ended { .. })));
    let refused = lease.check(clock().instant()).unwrap_err();
    assert_eq!(refused.reason, "the lease of group finance has ended: it was not renewed in time");
}

#[tokio::test(start_paused = true)]
async fn an_ended_holder_is_waited_out_and_its_epoch_and_primary_go_on() {
    let objects = store();
    let wait = Terms::default().wait();
    drop(plain(&objects, "one").acquire(&finance(), &east()).await.unwrap());
    let two = plain(&objects, "two");
    assert!(two.acquire(&finance(), &east()).await.is_err());
    clock().sleep(wait - SECOND).await;
    assert!(two.acquire(&finance(), &east()).await.is_err());
    clock().sleep(2 * SECOND).await;
    let lease = two.acquire(&finance(), &"west".into()).await.unwrap();
    assert_eq!((lease.epoch(), lease.primary(), lease.seq()), (Epoch(1), east(), 2));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_starts_the_wait_anew() {
    let objects = store();
    let terms = Terms::default();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    let two = plain(&objects, "two");
    for _ in 0..20 {
        assert!(two.acquire(&finance(), &east()).await.is_err());
        clock().sleep(terms.renew_every).await;
        lease.renew().await.unwrap();
    }
    drop(lease);
    let started = clock().instant();
    let lease = two.acquire_within(&finance(), &east(), 2 * terms.wait()).await.unwrap();
    let waited = started.elapsed();
    assert!(waited >= terms.wait() && waited <= terms.wait() + terms.renew_every + SECOND, "{waited:?}");
    assert_eq!(lease.seq(), 22);
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_free_at_once_and_permits_nothing_more() {
    let objects = store();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    let clone = lease.clone();
    lease.release().await.unwrap();
    assert!(!permits(&lease, Duration::ZERO) && !permits(&clone, Duration::ZERO));
    assert!(matches!(clone.renew().await, Err(LeaseError::Ended { .. })));
    let next = plain(&objects, "two").acquire(&finance(), &east()).await.unwrap();
    assert!(permits(&next, SECOND));
    lease.release().await.unwrap();
    assert!(permits(&next, SECOND), "a second release is none");
}

#[tokio::test(start_paused = true)]
async fn an_advance_begins_the_next_epoch_with_its_primary() {
    let objects = store();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    assert_eq!(lease.advance(&"west".into()).await.unwrap(), Epoch(2));
    assert_eq!((lease.epoch(), lease.primary()), (Epoch(2), "west".into()));
    lease.renew().await.unwrap();
    lease.release().await.unwrap();
    let lease = plain(&objects, "two").acquire(&finance(), &east()).await.unwrap();
    assert_eq!((lease.epoch(), lease.primary()), (Epoch(2), "west".into()));
}

#[tokio::test(start_paused = true)]
async fn groups_have_leases_of_their_own() {
    let objects = store();
    let one = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    let two = plain(&objects, "two").acquire(&"fin".into(), &east()).await.unwrap();
    assert!(permits(&one, SECOND) && permits(&two, SECOND));
}

#[tokio::test(start_paused = true)]
async fn one_process_has_one_lease_of_a_group() {
    let witness = plain(&store(), "one");
    let lease = witness.acquire(&finance(), &east()).await.unwrap();
    assert!(matches!(witness.acquire(&finance(), &east()).await, Err(LeaseError::Held { .. })));
    drop(lease);
    let again = witness.acquire(&finance(), &east()).await.unwrap();
    assert_eq!(again.seq(), 2, "its own end is known and need not be waited out");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_date_on_either_side_takes_nothing_from_the_holder() {
    for theirs in ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let objects = store();
        let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
        let two = controller(&objects, "two", date(theirs), Gate::open());
        assert!(matches!(two.acquire(&finance(), &east()).await, Err(LeaseError::Held { .. })));
        clock().sleep(Terms::default().term + SECOND).await;
        assert!(!permits(&lease, Duration::ZERO));
        assert!(two.acquire(&finance(), &east()).await.is_err(), "too early, dated {theirs}");
        clock().sleep(Terms::default().wait()).await;
        assert!(two.acquire(&finance(), &east()).await.is_ok());
    }
}

/// The steady clock of a machine that sleeps stands still; only the date shows that time has passed.
#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_through_its_term_may_send_nothing() {
    let clock = clock();
    let witness = controller(&store(), "one", clock.clone(), Gate::open());
    let lease = witness.acquire(&finance(), &east()).await.unwrap();
    assert!(clock.jump(Terms::default().term - SECOND));
    assert!(permits(&lease, Duration::ZERO) && !permits(&lease, 2 * SECOND));
    assert!(clock.jump(SECOND));
    assert!(!permits(&lease, Duration::ZERO));
    assert!(matches!(lease.renew().await, Err(LeaseError::Ended { .. })));
    assert!(permits(&witness.acquire(&finance(), &east()).await.unwrap(), SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_reading_the_record_back() {
    for side in [Side::Before, Side::After] {
        for lost in 0..4 {
            let objects = store();
            let gate = when(side, "PUT", GateDecision::Lose, lost, 1);
            let witness = controller(&objects, "one", clock(), gate);
            let lease = witness.acquire(&finance(), &east()).await.unwrap();
            lease.renew().await.unwrap();
            assert_eq!(lease.advance(&"west".into()).await.unwrap(), Epoch(2));
            assert!(permits(&lease, SECOND));
            // A release that certainly did not arrive is reported; whoever comes next waits.
            let released = lease.release().await.is_ok();
            assert_eq!(released, !(lost == 3 && side == Side::Before), "{side:?} {lost}");
            let next = plain(&objects, "two").acquire(&finance(), &east()).await;
            assert_eq!(next.is_ok(), released, "{side:?} {lost}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_reads_do_not_make_a_lease() {
    let objects = store();
    let _lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    for what in ["LIST", "GET"] {
        let gate = when(Side::After, what, GateDecision::Lose, 0, 1);
        let error =
            controller(&objects, "two", clock(), gate).acquire(&finance(), &east()).await.err().unwrap();
        assert!(matches!(error, LeaseError::Witness { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Retryable);
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_witness_a_lease_lasts_until_its_deadline_and_no_longer() {
    let objects = store();
    let gate = when(Side::Before, "", GateDecision::Lose, 3, u64::MAX);
    let lease = controller(&objects, "one", clock(), gate).acquire(&finance(), &east()).await.unwrap();
    assert!(matches!(lease.renew().await, Err(LeaseError::Unsettled { .. })));
    assert!(permits(&lease, SECOND));
    let started = clock().instant();
    let end = lease.keep().await;
    assert!(matches!(end, LeaseError::Ended { .. }), "{end}");
    let terms = Terms::default();
    assert!(started.elapsed() >= terms.term && started.elapsed() <= terms.term + terms.renew_every);
    assert!(!permits(&lease, Duration::ZERO));
}

/// A witness that stops answering after the first requests.
fn falls_silent(decision: GateDecision) -> Gate {
    when(Side::Before, "", decision, 3, u64::MAX)
}

/// A connection that breaks, and a black hole: longer than anybody waits for an answer.
const SILENCES: [GateDecision; 2] = [GateDecision::Lose, GateDecision::Delay(Duration::from_secs(100_000))];

#[tokio::test(start_paused = true)]
async fn a_witness_that_falls_silent_stops_promotion_and_at_the_deadline_every_write() {
    for silence in SILENCES {
        let objects = store();
        let lease = controller(&objects, "one", clock(), falls_silent(silence))
            .acquire(&finance(), &east())
            .await
            .unwrap();
        let deadline = lease.deadline().unwrap();
        let keeper = lease.clone();
        let kept = tokio::spawn(async move { keeper.keep().await });
        assert!(lease.advance(&"west".into()).await.is_err(), "{silence:?}");
        assert_eq!((lease.epoch(), lease.primary()), (Epoch(1), east()));
        while clock().instant() < deadline {
            assert!(!permits(&lease, deadline - clock().instant()), "up to the deadline, and not beyond");
            clock().sleep(SECOND).await;
        }
        assert!(!permits(&lease, Duration::ZERO));
        assert!(matches!(kept.await.unwrap(), LeaseError::Ended { .. }));
        assert!(matches!(lease.advance(&"west".into()).await, Err(LeaseError::Ended { .. })));
        // The epoch did not begin: nothing left the controller.
        let standing = plain(&objects, "two").standing(&finance()).await.unwrap().unwrap();
        assert_eq!(standing.term(), Term { epoch: Epoch(1), primary: east() });
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline_and_a_stall_before_the_send_is_waited_out() {
    let terms = Terms::default();
    let objects = store();
    let gate = falls_silent(GateDecision::Lose);
    let lease = controller(&objects, "one", clock(), gate).acquire(&finance(), &east()).await.unwrap();
    let two = plain(&objects, "two");
    assert!(two.acquire(&finance(), &east()).await.is_err());
    let deadline = lease.deadline().unwrap();
    // Requests of every length, one after the other, each sent as late as it is permitted.
    let mut ends = Vec::new();
    for length in [terms.longest_request, SECOND, Duration::from_millis(1)] {
        while clock().instant() + length < deadline {
            assert!(permits(&lease, length));
            ends.push(clock().instant() + length);
            clock().sleep(length).await;
        }
        assert!(!permits(&lease, length));
    }
    assert!(ends.len() > 60 && ends.iter().all(|end| *end < deadline));
    // The last of them was permitted, stood still for as long as a request may take, and left only then. It ends
    // before anybody else may act.
    let latest = deadline + terms.longest_request;
    let successor = two.acquire_within(&finance(), &east(), 2 * terms.wait()).await.unwrap();
    assert!(clock().instant() > latest, "the successor began {:?} too early", latest - clock().instant());
    assert!(permits(&successor, terms.longest_request));
}

#[tokio::test(start_paused = true)]
async fn a_term_is_counted_from_before_its_record_was_sent() {
    let slow = Duration::from_secs(5);
    for side in [Side::Before, Side::After] {
        let objects = store();
        let gate = when(side, "PUT", GateDecision::Delay(slow), 0, u64::MAX);
        let witness = controller(&objects, "one", clock(), gate);
        let started = clock().instant();
        let lease = witness.acquire(&finance(), &east()).await.unwrap();
        assert_eq!(lease.deadline(), Some(started + Terms::default().term), "{side:?}");
        let renewed = clock().instant();
        assert_eq!(renewed, started + slow);
        lease.advance(&"west".into()).await.unwrap();
        assert_eq!(lease.deadline(), Some(renewed + Terms::default().term), "{side:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_advances_that_got_lost_never_give_an_epoch_two_primaries() {
    let objects = store();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    // An advance to west was given up; it arrives while north is asked for.
    let ledger = crate::ledger::Ledger { objects: objects.clone(), row: "lease", group: finance() };
    let (_, mut late) = ledger.last().await.unwrap().unwrap();
    (late.nonce, late.epoch, late.primary) = ("given up".into(), Epoch(2), "west".into());
    assert!(matches!(ledger.write(2, &late).await.unwrap(), crate::ledger::Written::Ours));
    assert_eq!(lease.advance(&"north".into()).await.unwrap(), Epoch(3));
    assert_eq!(lease.term(), Term { epoch: Epoch(3), primary: "north".into() });
    // The same again, but what arrives is what is asked for: it has begun, and begins no second time.
    (late.nonce, late.epoch, late.primary) = ("given up, too".into(), Epoch(4), "west".into());
    assert!(matches!(ledger.write(lease.seq() + 1, &late).await.unwrap(), crate::ledger::Written::Ours));
    assert_eq!(lease.advance(&"west".into()).await.unwrap(), Epoch(4));
    // And one that arrives while we let go.
    late.nonce = "given up at the end".into();
    assert!(matches!(ledger.write(lease.seq() + 1, &late).await.unwrap(), crate::ledger::Written::Ours));
    lease.release().await.unwrap();
    assert!(plain(&objects, "two").standing(&finance()).await.unwrap().unwrap().released);
}

#[tokio::test(start_paused = true)]
async fn a_witness_learns_of_a_term_that_began_without_it_and_of_none_that_is_past() {
    let objects = store();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    lease.advance_to(Epoch(5), &"west".into()).await.unwrap();
    assert_eq!(lease.term(), Term { epoch: Epoch(5), primary: "west".into() });
    let seq = lease.seq();
    for (epoch, site) in [(5, "west"), (5, "north"), (4, "north"), (0, "east")] {
        let error = lease.advance_to(Epoch(epoch), &site.into()).await.unwrap_err();
        assert!(matches!(error, LeaseError::Past { held: Epoch(5), .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Refused);
        assert!(error.hint().is_some());
    }
    assert_eq!(lease.seq(), seq, "and nothing was written");
    assert_eq!(lease.advance(&"north".into()).await.unwrap(), Epoch(6));
    lease.release().await.unwrap();
    let next = plain(&objects, "two").acquire(&finance(), &east()).await.unwrap();
    assert_eq!(next.term(), Term { epoch: Epoch(6), primary: "north".into() });
    assert!(matches!(lease.advance_to(Epoch(9), &east()).await, Err(LeaseError::Ended { .. })));
}

#[tokio::test(start_paused = true)]
async fn rows_of_one_place_know_nothing_of_each_other() {
    let objects = store();
    let at_witness = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    let two = plain(&objects, "two").in_row("standby");
    assert_eq!(two.standing(&finance()).await.unwrap(), None);
    let at_standby = two.acquire(&finance(), &"west".into()).await.unwrap();
    at_standby.advance_to(Epoch(7), &"west".into()).await.unwrap();
    assert_eq!((at_witness.epoch(), at_standby.epoch()), (Epoch(1), Epoch(7)));
    let names: Vec<String> = objects.list("standby").await.unwrap().into_iter().map(|o| o.name).collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.starts_with("standby/finance/")), "{names:?}");
    let three = plain(&objects, "three").in_row("standby");
    let refused = three.acquire(&finance(), &east()).await.err().unwrap();
    assert!(matches!(refused, LeaseError::Held { ref holder, .. } if holder == "two"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_kept_lasts() {
    let objects = store();
    let lease = plain(&objects, "one").acquire(&finance(), &east()).await.unwrap();
    let keeper = lease.clone();
    let kept = tokio::spawn(async move { keeper.keep().await });
    let two = plain(&objects, "two");
    for _ in 0..100 {
        clock().sleep(Duration::from_secs(37)).await;
        assert!(permits(&lease, Terms::default().longest_request));
        assert!(two.acquire(&finance(), &east()).await.is_err());
    }
    lease.release().await.unwrap();
    assert!(matches!(kept.await.unwrap(), LeaseError::Ended { .. }));
    let records = objects.list("lease/finance").await.unwrap().len();
    assert!(records < 120, "{records} records are kept of {}", lease.seq());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_arrives_late_neither_confuses_nor_prolongs() {
    let objects = store();
    // The second PUT, the first renewal, takes so long that its sender gives it up; then it arrives.
    let witness = plain(&objects, "one");
    let lease = witness.acquire(&finance(), &east()).await.unwrap();
    let deadline = lease.deadline().unwrap();
    let ledger = crate::ledger::Ledger { objects: objects.clone(), row: "lease", group: finance() };
    let (_, mut late) = ledger.last().await.unwrap().unwrap();
    late.nonce = "given up".into();
    late.epoch = Epoch(2);
    assert!(matches!(ledger.write(2, &late).await.unwrap(), crate::ledger::Written::Ours));
    assert_eq!(lease.deadline(), Some(deadline));
    clock().sleep(SECOND).await;
    lease.renew().await.unwrap();
    assert_eq!((lease.seq(), lease.epoch()), (3, Epoch(2)));
    assert_eq!(lease.deadline(), Some(deadline + SECOND));
}

#[tokio::test(start_paused = true)]
async fn whoever_stood_still_while_others_went_on_gets_nothing() {
    let objects = store();
    plain(&objects, "one").acquire(&finance(), &east()).await.unwrap().release().await.unwrap();
    // Sees the lease free, then stands still for an hour before its record leaves.
    let hour = Duration::from_secs(3600);
    let gate = when(Side::Before, "PUT", GateDecision::Delay(hour), 0, 1);
    let options = ObjectsOptions { request: 2 * hour, ..ObjectsOptions::new(clock(), gate) };
    let slow = Witness::new(objects.reopened(options), "slow", Terms::default(), clock(), Entropy::seeded(2));
    let slow = tokio::spawn(async move { slow.acquire(&finance(), &east()).await.err() });
    tokio::task::yield_now().await;
    let lease = plain(&objects, "two").acquire(&finance(), &east()).await.unwrap();
    for _ in 0..200 {
        clock().sleep(Duration::from_secs(20)).await;
        lease.renew().await.unwrap();
    }
    assert!(slow.is_finished());
    let refused = slow.await.unwrap().unwrap();
    assert!(matches!(refused, LeaseError::Held { ref holder, .. } if holder == "two"), "{refused}");
    let left_behind = objects.get("lease/finance/00000000000000000003").await.unwrap();
    assert_eq!(left_behind, None, "and what it wrote is cleared away");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_named_and_not_guessed() {
    let objects = store();
    objects.put_if_absent("lease/finance/00000000000000000007", "{}").await.unwrap();
    let error = plain(&objects, "one").acquire(&finance(), &east()).await.err().unwrap();
    assert!(error.to_string().contains("lease/finance/00000000000000000007"), "{error}");
    assert_eq!(error.class(), ErrorClass::Invalid);
}

#[tokio::test]
async fn on_a_folder_a_lease_expires_for_real() {
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    let terms = Terms::for_requests(Duration::from_millis(200));
    let witness = |name: &str| {
        let objects = Objects::open(&url, ObjectsOptions::new(Clock::system(), Gate::open())).unwrap();
        Witness::new(objects, name, terms, Clock::system(), Entropy::system())
    };
    let first = witness("one").acquire(&finance(), &east()).await.unwrap();
    assert!(permits(&first, Duration::ZERO));
    let two = witness("two");
    let refused = two.acquire(&finance(), &east()).await.err().unwrap();
    let LeaseError::Held { until, .. } = refused else { panic!("{refused}") };
    assert!(until > Timestamp::UNIX_EPOCH);
    let second = two.acquire_within(&finance(), &east(), 20 * terms.wait()).await.unwrap();
    assert!(permits(&second, Duration::ZERO) && !permits(&first, Duration::ZERO));
    assert!(first.renew().await.is_err());
    assert!(folder.path().join("lease/finance/00000000000000000002").is_file());
}
