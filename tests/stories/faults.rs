//! The catalogue of faults × every kind: whatever a day brings, afterwards there is exactly one copy of everything,
//! nothing was deleted, nothing is awake, and then there is silence.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use twinlake_base::{Gate, GateDecision, Gatekeeper, Passage, Seam, Side};
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_simulator::{Fault, FaultAct, Staleness};
use twinlake_sync::Approval;
use twinlake_tests::Fleet;

use super::house::{assert_in_step, deletions, fleet};
use super::specimens::{COUNT, SPECIMENS, Specimen, count, make_all};

/// When of an asset's life the fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Create,
    Update,
}

impl Moment {
    fn path(self, specimen: &Specimen) -> &'static str {
        match self {
            Self::Create => specimen.create,
            Self::Update => specimen.update,
        }
    }
}

/// Lives through a fault with each kind, once while its copies are made and once while they are changed. `meet` makes
/// the bad day; the cycle in it may end in an error. What is left is for the next cycle.
async fn live_through(seed: u64, meet: fn(&Fleet, &Specimen, Moment)) {
    for specimen in SPECIMENS {
        println!("{}", specimen.kind);
        let fleet = fleet(seed).await;
        let before = fleet.effect_count();
        make_all(specimen, fleet.east());
        fleet.jump(Duration::from_secs(600));
        meet(&fleet, specimen, Moment::Create);
        recover(&fleet, specimen).await;
        if let Some(change) = specimen.change {
            change(fleet.east(), 7);
            fleet.jump(Duration::from_secs(600));
            meet(&fleet, specimen, Moment::Update);
            recover(&fleet, specimen).await;
        }
        let lost = deletions(fleet.west(), before);
        assert!(lost.is_empty(), "{lost:?}");
    }
}

/// The bad cycle, the next one, and the quiet one after it.
async fn recover(fleet: &Fleet, specimen: &Specimen) {
    if let Err(error) = fleet.try_sync().await {
        println!("  the bad day ended with: {error}");
    }
    let faults = fleet.simulator.faults();
    let is_met = faults.is_empty() || faults.values().any(|(fault, seen)| *seen > fault.after);
    assert!(is_met, "the fault was never met: {faults:?}");
    fleet.simulator.clear_faults();
    fleet.jump(Duration::from_secs(600));
    fleet.sync().await;
    assert_eq!(count(specimen, fleet.west()), count(specimen, fleet.east()), "one copy of each");
    assert_in_step(fleet).await;
}

fn answer(status: u16, code: &str, headers: &[(&str, &str)]) -> Fault {
    let body = json!({"error_code": code, "message": "a bad day"});
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::new(FaultAct::Answer { status, body, headers })
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_with_retry_after() {
    live_through(101, |fleet, _, _| {
        let storm = answer(429, "REQUEST_LIMIT_EXCEEDED", &[("Retry-After", "3")]);
        fleet.west().add_fault(storm.after(2).times(40));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_without_retry_after() {
    live_through(102, |fleet, specimen, moment| {
        let storm = || answer(429, "RESOURCE_EXHAUSTED", &[]);
        fleet.west().add_fault(storm().path(moment.path(specimen)).method("write").times(15));
        fleet.east().add_fault(storm().path(specimen.list).times(5));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_that_outlasts_every_patience() {
    live_through(103, |fleet, specimen, moment| {
        let storm = answer(429, "REQUEST_LIMIT_EXCEEDED", &[]).path(moment.path(specimen)).method("write");
        fleet.west().add_fault(storm);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_unavailable_for_a_while() {
    live_through(104, |fleet, _, _| {
        let away = answer(503, "TEMPORARILY_UNAVAILABLE", &[("Retry-After", "5")]);
        fleet.west().add_fault(away.after(3).times(10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_answers_503_without_a_word() {
    live_through(105, |fleet, specimen, moment| {
        let silent = FaultAct::Answer { status: 503, body: json!(null), headers: BTreeMap::new() };
        let silent = Fault::new(silent).path(moment.path(specimen)).method("write").after_effect();
        fleet.west().add_fault(silent.times(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_after_the_effect() {
    live_through(106, |fleet, specimen, moment| {
        let cut = Fault::new(FaultAct::Cut).path(moment.path(specimen)).method("write").after_effect();
        fleet.west().add_fault(cut.after(1).times(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_answer_that_is_lost_after_the_effect() {
    live_through(107, |fleet, specimen, moment| {
        let cut = Fault::new(FaultAct::Cut).path(moment.path(specimen)).method("write").after_effect();
        fleet.west().add_fault(cut);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_before_the_effect() {
    live_through(108, |fleet, specimen, moment| {
        fleet
            .west()
            .add_fault(Fault::new(FaultAct::Cut).path(moment.path(specimen)).method("write").times(3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_500_after_the_effect() {
    live_through(109, |fleet, specimen, moment| {
        let error = answer(500, "INTERNAL_ERROR", &[]).path(moment.path(specimen)).method("write");
        fleet.west().add_fault(error.after_effect().times(3));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_login_page_in_place_of_an_answer() {
    live_through(110, |fleet, specimen, moment| {
        let page = Fault::new(FaultAct::LoginPage).path(moment.path(specimen)).method("write").after_effect();
        fleet.west().add_fault(page.times(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lists_at_the_target_that_are_late() {
    live_through(111, |fleet, _, _| {
        let stale = FaultAct::Stale(Staleness::UntilQuietSeconds(4));
        fleet.west().add_fault(Fault::new(stale).method("read"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lists_at_the_source_that_are_late() {
    for specimen in SPECIMENS {
        println!("{}", specimen.kind);
        let fleet = fleet(112).await;
        let before = fleet.effect_count();
        let stale = FaultAct::Stale(Staleness::UntilQuietSeconds(60));
        fleet.east().add_fault(Fault::new(stale).method("read").path(specimen.list));
        make_all(specimen, fleet.east());
        fleet.sync().await;
        fleet.jump(Duration::from_secs(600));
        recover(&fleet, specimen).await;
        assert!(deletions(fleet.west(), before).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_take_longer_than_anybody_waits() {
    live_through(113, |fleet, specimen, moment| {
        let slow =
            Fault::new(FaultAct::Slow { milliseconds: 65_000 }).path(moment.path(specimen)).method("write");
        fleet.west().add_fault(slow.after_effect().times(2));
        fleet.west().add_fault(Fault::new(FaultAct::Slow { milliseconds: 4_000 }));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_black_hole() {
    live_through(114, |fleet, specimen, moment| {
        fleet
            .west()
            .add_fault(Fault::new(FaultAct::BlackHole).path(moment.path(specimen)).method("write").times(2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_after_a_create_that_did_not() {
    live_through(115, |fleet, specimen, moment| {
        if moment == Moment::Update || !["cluster", "sql_warehouse"].contains(&specimen.kind) {
            return;
        }
        let refused = || answer(500, "INTERNAL_ERROR", &[]).method("write");
        fleet.west().add_fault(refused().path("/api/2.1/clusters/delete"));
        fleet.west().add_fault(refused().path("/api/2.1/clusters/pin"));
        fleet.west().add_fault(refused().path("/api/2.0/sql/warehouses/*/stop"));
    })
    .await;
}

/// Ends the process at the nth passage that the test names.
struct CrashAt {
    seam: Seam,
    side: Side,
    what: &'static str,
    left: AtomicI64,
}

impl Gatekeeper for CrashAt {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        let is_it =
            passage.seam == self.seam && passage.side == self.side && passage.what.contains(self.what);
        if is_it && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            GateDecision::Crash
        } else {
            GateDecision::Pass
        }
    }
}

/// Ends the process there while the copies of each kind are made, and starts another one.
async fn die_at(seed: u64, seam: Seam, side: Side, what: fn(&Specimen) -> &'static str) {
    for specimen in SPECIMENS {
        println!("{}", specimen.kind);
        let mut fleet = fleet(seed).await;
        make_all(specimen, fleet.east());
        fleet.jump(Duration::from_secs(600));
        let keeper = CrashAt { seam, side, what: what(specimen), left: AtomicI64::new(3) };
        fleet.restart_behind(&Gate::kept_by(std::sync::Arc::new(keeper)));
        fleet.try_sync().await.unwrap_err();
        fleet.restart();
        let before = fleet.effect_count();
        fleet.sync().await;
        assert!(deletions(fleet.west(), before).is_empty());
        assert_eq!(count(specimen, fleet.west()), count(specimen, fleet.east()), "one copy of each");
        assert_in_step(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_between_a_create_and_its_record() {
    die_at(116, Seam::State, Side::Before, |_| "recording a creation").await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_right_after_a_create_took_effect() {
    die_at(117, Seam::Databricks, Side::After, |specimen| specimen.create).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_between_an_intent_and_its_request() {
    die_at(118, Seam::State, Side::After, |_| "recording an intent").await;
}

/// A permit that holds for so many requests.
struct Few(AtomicI64);

impl Permit for Few {
    fn check(&self, _: Instant) -> Result<(), PermitRefused> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            1.. => Ok(()),
            _ => Err(PermitRefused { reason: "the lease has ended".to_owned(), hint: None }),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_ends_in_the_middle() {
    for specimen in SPECIMENS {
        println!("{}", specimen.kind);
        let fleet = fleet(119).await;
        make_all(specimen, fleet.east());
        fleet.jump(Duration::from_secs(600));
        let before = fleet.effect_count();
        let error = fleet.sync_with(&Few(AtomicI64::new(2)), Approval::Routine).await.unwrap_err();
        assert!(error.to_string().contains("the lease has ended"), "{error}");
        assert!(fleet.west().effects_after(before).len() < 2 * COUNT, "nothing is sent without a permit");
        fleet.sync().await;
        assert_in_step(&fleet).await;
    }
}
