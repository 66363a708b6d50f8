//! Count the passages through all seams, then for every one of them: a fresh world, a crash there, another process.
//!
//! A crash ends the process before or after an effect, never the service: a request that was under way arrives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use twinlake_base::{Entropy, Gate};
use twinlake_model::{AssetId, Outcome};
use twinlake_simulator::{Deed, Settings};
use twinlake_tests::{Estate, Fleet, Keeper};

use super::dials::{Dials, Stopwatch, in_virtual_time};
use super::estate::furnish;

/// What a sync, with or without a crash on the way, leaves behind.
struct End {
    west: Estate,
    outcomes: BTreeMap<AssetId, Outcome>,
    /// How many effects each asset's copy saw: by asset where it is one of ours, by what it is otherwise.
    effects: BTreeMap<String, usize>,
}

async fn world(seed: u64) -> Fleet {
    let fleet = Fleet::with(seed, Settings { latency_ms: 20, ..Settings::default() }).await;
    furnish(&fleet, seed);
    // What people do just before a sync is another test's matter.
    fleet.jump(Duration::from_secs(60));
    fleet
}

/// Runs a sync behind `keeper`, and others after it until one has ended; then looks whether all is as it must be.
async fn run(seed: u64, keeper: Keeper) -> (End, u64) {
    let mut fleet = world(seed).await;
    let before = fleet.effect_count();
    let keeper = Arc::new(keeper);
    fleet.restart_behind(&Gate::kept_by(keeper.clone()));
    let mut report = fleet.try_sync().await;
    let passages = keeper.passages();
    for _ in 0..2 {
        if report.is_err() {
            fleet.restart();
            report = fleet.try_sync().await;
        }
    }
    let report = report.expect("a process that is not stopped comes to its end");
    let mut outcomes = BTreeMap::new();
    for outcome in report.outcomes {
        let asset = outcome.asset.clone();
        assert!(outcomes.insert(asset.clone(), outcome).is_none(), "two verdicts on {asset}");
    }
    check_state(&fleet).await;
    let (east, west) = (fleet.east().estate(), fleet.west().estate());
    west.assert_asleep();
    let kept = east.without(|_, document| {
        ["unmapped", "calls the unmapped"].contains(&document["name"].as_str().unwrap_or_default())
    });
    kept.assert_equals(&west, ("east", "west"));
    let effects = effects(&fleet, before).await;

    let quiet_from = fleet.effect_count();
    let quiet = fleet.sync().await;
    assert_eq!((quiet.changes, quiet.writes), (0, 0), "not quiet: {:#?}", quiet.outcomes);
    assert!(fleet.west().effects_after(quiet_from).is_empty());
    (End { west, outcomes, effects }, passages)
}

async fn check_state(fleet: &Fleet) {
    let west = &fleet.west().place;
    assert!(fleet.store.open_intents(west).await.unwrap().is_empty(), "intents are open");
    assert_eq!(fleet.store.verify_audit().await.unwrap().broken, None);
}

/// Counts what was done to each copy, and sees that nothing was made twice, deleted, fired or run.
async fn effects(fleet: &Fleet, before: u64) -> BTreeMap<String, usize> {
    let ids = fleet.store.id_map(&fleet.west().place.set).await.unwrap();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut created: BTreeMap<String, usize> = BTreeMap::new();
    for effect in fleet.west().effects_after(before) {
        // A cluster that is asked to stop has stopped some time later; that is the service's own doing.
        if &*effect.actor == "service" {
            continue;
        }
        assert!(
            ![Deed::Deleted, Deed::Fired, Deed::Ran, Deed::Queued].contains(&effect.deed),
            "this must not happen at a standby: {effect:?}"
        );
        let asset = ids.known(&(&*effect.kind).into(), &fleet.west().place, &effect.id.as_str().into());
        let asset = asset.unwrap_or_else(|| panic!("made and not known: {effect:?}")).to_string();
        *counted.entry(asset.clone()).or_default() += 1;
        if effect.deed == Deed::Created {
            *created.entry(asset).or_default() += 1;
        }
    }
    for (asset, times) in created {
        assert_eq!(times, 1, "{asset} was made {times} times");
    }
    counted
}

fn crash_everywhere(seed: u64, all: bool, stopwatch: &Stopwatch) -> usize {
    let (whole, passages) = in_virtual_time(run(seed, Keeper::counting()));
    let chance = Entropy::seeded(seed);
    let mut numbers: Vec<u64> = (1..=passages).collect();
    if !all {
        // In a random order, so that a sample that is cut off by the clock is still one of the whole.
        for at in (1..numbers.len()).rev() {
            numbers.swap(at, usize::try_from(chance.below(at as u64 + 1)).unwrap());
        }
    }
    let mut crashes = 0;
    for number in numbers {
        if !all && stopwatch.is_over() {
            break;
        }
        println!("crash: TWINLAKE_SEED={seed}, passage {number} of {passages}");
        let (end, _) = in_virtual_time(run(seed, Keeper::crashing_at(number)));
        assert_same(&whole, &end);
        crashes += 1;
    }
    crashes
}

fn assert_same(whole: &End, crashed: &End) {
    whole.west.assert_equals(&crashed.west, ("west without a crash", "west after the crash"));
    assert_eq!(whole.outcomes, crashed.outcomes);
    for (asset, times) in &crashed.effects {
        let least = whole.effects.get(asset).copied().unwrap_or(0);
        assert!(*times <= least + 1, "{asset}: {times} effects where {least} are needed");
    }
}

#[test]
fn a_sync_that_is_stopped_anywhere_ends_as_one_that_never_was() {
    let dials = Dials::read();
    let stopwatch = Stopwatch::of(Duration::from_secs(20));
    let seeds = match (dials.seed, dials.all) {
        (Some(seed), _) => seed..seed + 1,
        (None, true) => 1..4,
        (None, false) => 1..2,
    };
    let mut crashes = 0;
    for seed in seeds {
        crashes += crash_everywhere(seed, dials.all || dials.seed.is_some(), &stopwatch);
    }
    println!("{crashes} crashes in {:.1} s", stopwatch.elapsed().as_secs_f64());
}
