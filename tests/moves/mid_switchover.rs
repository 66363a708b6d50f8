//! The primary dies in the middle of a switchover, at every step and inside the longer ones.

use twinlake_controller::{Ended, Moved};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::Deployment;

use super::mishaps::{AtStep, region_of, run_watched, steps_of};
use super::readings::{acknowledge_all, epoch, furnish_little, tail, waking, wish};

/// When the plug is pulled: at a step, after so many things have happened in it.
fn moments() -> Vec<(&'static str, u64)> {
    steps_of("switchover").into_iter().flat_map(|step| [(step, 0), (step, 4)]).collect()
}

/// A switchover in which the primary dies at a moment. None: the run never comes to it.
async fn dies(seed: u64, step: &str, happened: u64) -> Option<(Deployment, Moved)> {
    let deployment = Deployment::new(seed).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    let simulator = deployment.simulator.clone();
    let outage = Outage::cut_off(Appearance::Refused);
    let plug = AtStep::new(step, happened, move || simulator.region_down(region_of("east"), outage).unwrap());
    let house = deployment.open().await;
    let moved = run_watched(&house, &wish("switchover"), plug.clone()).await;
    drop(house);
    plug.is_done().then_some((deployment, moved))
}

async fn is_promoted(deployment: &Deployment) -> bool {
    epoch(&deployment.open().await).await == 2
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_dies_mid_switchover_is_given_up_and_the_standby_wakes_as_the_primary_was_before_it() {
    let mut told = Vec::new();
    for (number, (step, happened)) in moments().into_iter().enumerate() {
        let Some((deployment, moved)) = dies(200 + number as u64, step, happened).await else { continue };
        let described = format!("dead at {step} after {happened}: {:?}", moved.ended);
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        let before = {
            let reference = Deployment::new(1).await;
            furnish_little(reference.site("east"));
            waking(reference.site("east"))
        };
        let was_promoted = is_promoted(&deployment).await;
        told.push((step, happened, was_promoted));
        if was_promoted {
            if let Ended::Stopped { .. } = moved.ended {
                deployment.resume(&moved.run).await;
            }
        } else {
            assert!(matches!(moved.ended, Ended::Stopped { .. }), "{described}");
            west.estate().assert_asleep();
            let forced = deployment.run_as_wished(wish("forced_failover")).await;
            let is_done = matches!(forced.ended, Ended::Complete | Ended::Incomplete);
            assert!(is_done, "{described}; then {:?}", forced.ended);
        }
        assert_eq!(waking(west), before, "{described}");
        assert_eq!(epoch(&deployment.open().await).await, 2, "{described}: one promotion");

        // It is back: it sleeps, whatever of it was asleep already, and nothing of it is held to be a tail that we
        // made ourselves.
        deployment.restore("east");
        let report = deployment.sync().await;
        assert!(report.fences.iter().all(|fence| fence.is_fenced()), "{described}: {:#?}", report.fences);
        east.estate().assert_asleep();
        let tail = tail(&deployment).await;
        assert!(tail.is_empty(), "{described}: nobody did anything there, but {tail:?}");
        acknowledge_all(&deployment).await;
        assert!(deployment.sync().await.is_complete(), "{described}");
        assert_eq!(waking(west), before, "{described}");
    }
    assert!(told.iter().any(|(_, _, promoted)| *promoted) && told.iter().any(|(_, _, promoted)| !promoted));
    assert!(told.iter().any(|(_, happened, _)| *happened > 0), "also inside a step: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_dies_mid_switchover_and_comes_back_is_woken_as_it_was_by_an_abort() {
    for (number, (step, happened)) in moments().into_iter().enumerate() {
        let Some((deployment, moved)) = dies(240 + number as u64, step, happened).await else { continue };
        if is_promoted(&deployment).await {
            continue;
        }
        let described = format!("dead at {step} after {happened}: {:?}", moved.ended);
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        deployment.restore("east");
        let aborted = deployment.run_as_wished(wish("abort")).await;
        assert_eq!(aborted.ended, Ended::Complete, "{described}: {:#?}", aborted.report);
        let reference = Deployment::new(1).await;
        furnish_little(reference.site("east"));
        assert_eq!(waking(east), waking(reference.site("east")), "{described}");
        west.estate().assert_asleep();
        assert_eq!(epoch(&deployment.open().await).await, 1, "{described}");
        assert!(deployment.sync().await.is_complete(), "{described}");
        // And then it can be moved in order.
        assert_eq!(deployment.run("switchover").await.ended, Ended::Complete, "{described}");
    }
}
