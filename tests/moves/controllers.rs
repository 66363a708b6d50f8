//! The controller itself has a bad day: two of them at once, clocks that disagree, a machine that sleeps in the middle,
//! answers of the witness that are lost, a witness that is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use twinlake_base::{Clock, Gate};
use twinlake_controller::{Consent, Ended, House, Proposal, Stop, Wish, begin, propose, report_of, resume};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, ONE_GROUP, nobody};

use super::mishaps::{AtStep, WitnessKeeper, run_watched, steps_of};
use super::readings::{epoch, furnish_little, waking, wish, wish_to};

async fn in_step(seed: u64, sites: usize) -> Deployment {
    let deployment = Deployment::of(seed, sites, ONE_GROUP).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    deployment
}

/// What somebody decided to do, as it was shown.
async fn decided(house: &House, wish: Wish) -> (Wish, Proposal) {
    let proposal = propose(house, &wish).await.unwrap();
    (wish, proposal)
}

#[tokio::test(start_paused = true)]
async fn of_two_controllers_that_promote_two_standbys_at_once_one_does_and_the_other_wakes_nothing() {
    for (number, skew_minutes) in [0, 20, -20].into_iter().enumerate() {
        let deployment = in_step(400 + number as u64, 3).await;
        let before = waking(deployment.site("east"));
        // The other one has a clock that is wrong.
        let start =
            deployment.clock.now().checked_add(jiff::SignedDuration::from_mins(skew_minutes)).unwrap();
        let other = deployment.open_elsewhere("ben", &Clock::simulated(start)).await;
        let one = deployment.open().await;
        deployment.lose("east", Outage::cut_off(Appearance::Refused));

        let (west, north) = tokio::join!(
            decided(&one, wish_to("forced_failover", "west")),
            decided(&other, wish_to("forced_failover", "north"))
        );
        let stop = Stop::new();
        let consent = Consent { by: "anna".to_owned(), yes: true, ..Consent::default() };
        let (west, north) = tokio::join!(
            begin(&one, &west.0, &west.1, &consent, &stop, nobody()),
            begin(&other, &north.0, &north.1, &consent, &stop, nobody())
        );
        let is_done = |moved: &Result<twinlake_controller::Moved, _>| matches!(moved, Ok(moved) if matches!(moved.ended, Ended::Complete | Ended::Incomplete));
        let (winner, loser) = match (is_done(&west), is_done(&north)) {
            (true, false) => ("west", "north"),
            (false, true) => ("north", "west"),
            both => panic!("skew {skew_minutes}: {both:?}: {west:?}, {north:?}"),
        };
        assert_eq!(waking(deployment.site(winner)), before, "skew {skew_minutes}");
        deployment.site(loser).estate().assert_asleep();
        let now = if winner == "west" { &one } else { &other };
        assert_eq!(epoch(now).await, 2, "skew {skew_minutes}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_controllers_that_go_on_with_one_run_one_finishes_it() {
    let deployment = in_step(410, 2).await;
    let before = waking(deployment.site("east"));
    let stopped = deployment.run_until("switchover", "final_sync").await;
    let (one, other) = (deployment.open().await, deployment.open().await);
    let stop = Stop::new();
    let (first, second) = tokio::join!(
        resume(&one, &stopped.run, "anna", &stop, nobody()),
        resume(&other, &stopped.run, "ben", &stop, nobody())
    );
    let endings = [first.unwrap().ended, second.unwrap().ended];
    if !endings.contains(&Ended::Complete) {
        // Each may have kept the other out; then nobody is harmed, and the next one goes through.
        assert_eq!(deployment.resume(&stopped.run).await.ended, Ended::Complete, "{endings:?}");
    }
    // Whoever came second finds it done: no act was repeated.
    let report = report_of(&deployment.open().await, &stopped.run).await.unwrap();
    for step in &report.steps {
        assert!(step.attempts <= 1, "{} was done {} times: {endings:?}", step.planned.name, step.attempts);
    }
    assert_eq!(waking(deployment.site("west")), before);
    deployment.site("east").estate().assert_asleep();
    assert_eq!(epoch(&deployment.open().await).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_sleeps_in_the_middle_of_a_move_writes_nothing_when_it_wakes_and_the_run_goes_on_later()
 {
    for (number, step) in steps_of("switchover").into_iter().enumerate() {
        let deployment = in_step(420 + number as u64, 2).await;
        let before = waking(deployment.site("east"));
        let (clock, traffic) = (deployment.clock.clone(), deployment.traffic.clone());
        let slept = Arc::new(std::sync::atomic::AtomicUsize::new(usize::MAX));
        let nap = AtStep::new(step, 0, {
            let slept = slept.clone();
            move || {
                // Its steady clock stood still; its date tells.
                clock.jump(Duration::from_secs(3600));
                slept.store(traffic.count(), Ordering::SeqCst);
            }
        });
        let house = deployment.open().await;
        let moved = run_watched(&house, &wish("switchover"), nap.clone()).await;
        drop(house);
        if !nap.is_done() {
            continue;
        }
        if let Ended::Stopped { .. } = moved.ended {
            let after = deployment.traffic.since(slept.load(Ordering::SeqCst), None);
            let writes: Vec<String> =
                after.into_iter().map(|one| one.what).filter(|what| !what.starts_with("GET")).collect();
            assert!(writes.is_empty(), "{step}: written on a lease that had ended: {writes:?}");
            assert_eq!(deployment.resume(&moved.run).await.ended, Ended::Complete, "{step}");
        } else {
            assert_eq!(moved.ended, Ended::Complete, "{step}");
        }
        assert_eq!(waking(deployment.site("west")), before, "{step}");
        deployment.site("east").estate().assert_asleep();
        assert_eq!(epoch(&deployment.open().await).await, 2, "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_witness_that_is_lost_makes_no_second_epoch() {
    for number in 1..=6 {
        let deployment = in_step(440 + number, 2).await;
        let before = waking(deployment.site("east"));
        let keeper = Arc::new(WitnessKeeper::default());
        keeper.loses_answer_of.store(number, Ordering::SeqCst);
        let house = deployment.open_behind(&keeper.gate()).await.unwrap();
        let moved = deployment.try_run_by(&house, wish("switchover")).await.unwrap();
        drop(house);
        if let Ended::Stopped { .. } = moved.ended {
            assert_eq!(deployment.resume(&moved.run).await.ended, Ended::Complete, "answer {number}");
        } else {
            assert_eq!(moved.ended, Ended::Complete, "answer {number}");
        }
        assert_eq!(epoch(&deployment.open().await).await, 2, "answer {number}");
        assert_eq!(waking(deployment.site("west")), before, "answer {number}");
        deployment.site("east").estate().assert_asleep();
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_witness_nobody_is_promoted_and_the_refusal_says_what_can_be_done() {
    for runbook in ["switchover", "forced_failover"] {
        let deployment = in_step(450, 2).await;
        let keeper = Arc::new(WitnessKeeper::default());
        keeper.gone.store(true, Ordering::SeqCst);
        let house = deployment.open_behind(&keeper.gate()).await.unwrap();
        let refused = propose(&house, &wish(runbook)).await.unwrap_err();
        assert!(refused.is_refusal(), "{runbook}: {refused}");
        let hint = refused.hint().unwrap_or_default();
        assert!(hint.contains("--without-witness") && hint.contains("--approved-by"), "{runbook}: {hint}");
        deployment.site("west").estate().assert_asleep();
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_goes_before_the_epoch_begins_leaves_a_choice_between_going_on_and_an_abort() {
    for choice in ["resume", "abort"] {
        let deployment = in_step(460, 2).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        let before = waking(east);
        let keeper = Arc::new(WitnessKeeper::default());
        let house = deployment.open_behind(&keeper.gate()).await.unwrap();
        let goes = AtStep::new("begin_epoch", 0, {
            let keeper = keeper.clone();
            move || keeper.gone.store(true, Ordering::SeqCst)
        });
        let moved = run_watched(&house, &wish("switchover"), goes).await;
        assert!(matches!(moved.ended, Ended::Stopped { .. }), "{:?}", moved.ended);
        west.estate().assert_asleep();
        drop(house);
        // It is back.
        if choice == "resume" {
            assert_eq!(deployment.resume(&moved.run).await.ended, Ended::Complete);
            assert_eq!(waking(west), before);
            east.estate().assert_asleep();
        } else {
            let aborted = deployment.try_run(wish("abort")).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(aborted.ended, Ended::Complete, "{:#?}", aborted.report);
            assert_eq!(waking(east), before);
            west.estate().assert_asleep();
        }
        assert!(deployment.sync().await.is_complete());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_process_ends_anywhere_is_finished_by_another_one_with_the_same_state() {
    // The harness crashes everywhere; here the whole command does, with its proposal, its lease and its audit.
    let passages = {
        let deployment = in_step(470, 2).await;
        let keeper = Arc::new(twinlake_tests::Keeper::counting());
        let house = deployment.open_behind(&Gate::kept_by(keeper.clone())).await.unwrap();
        deployment.try_run_by(&house, wish("forced_failover")).await.unwrap();
        keeper.passages()
    };
    let samples = 30;
    for sample in 0..samples {
        let at = 1 + sample * passages / samples;
        let deployment = in_step(470, 2).await;
        let before = waking(deployment.site("east"));
        let gate = Gate::kept_by(Arc::new(twinlake_tests::Keeper::crashing_at(at)));
        if let Ok(house) = deployment.open_behind(&gate).await {
            let _ = deployment.try_run_by(&house, wish("forced_failover")).await;
        }
        let house = deployment.open().await;
        let known = twinlake_controller::runs(&house, None).await.unwrap();
        drop(house);
        let ended = match known.last() {
            None => deployment.run_as_wished(wish("forced_failover")).await.ended,
            Some(run) => deployment.resume(&run.run).await.ended,
        };
        assert!(matches!(ended, Ended::Complete | Ended::Incomplete), "passage {at}: {ended:?}");
        assert_eq!(waking(deployment.site("west")), before, "passage {at}");
        assert_eq!(epoch(&deployment.open().await).await, 2, "passage {at}");
        deployment.sync().await;
        deployment.site("east").estate().assert_asleep();
    }
}
