//! The primary is dead, in each way in which a region can be: a forced failover does not wait for it.

use std::time::Duration;

use twinlake_controller::{Ended, propose};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::Deployment;

use super::readings::{furnish_little, waking, wish};
use crate::stories::house::create_pool;

/// How a region may look from outside.
const DEATHS: [(&str, Appearance); 6] = [
    ("a black hole", Appearance::BlackHole),
    ("refused", Appearance::Refused),
    ("503 after a while", Appearance::Unavailable { after_ms: 9_000 }),
    ("reads only", Appearance::ReadsOnly),
    ("a page to sign in", Appearance::LoginPage),
    ("half its APIs", Appearance::HalfTheApis),
];

/// How long a dead primary may keep production waiting.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn a_dead_primary_keeps_a_forced_failover_waiting_for_thirty_seconds_and_a_request_per_pool_at_most() {
    for (number, (death, appearance)) in DEATHS.into_iter().enumerate() {
        let deployment = Deployment::new(100 + number as u64).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        furnish_little(east);
        let pools = 12;
        for number in 1..pools {
            create_pool(east, &format!("pool {number}"), serde_json::json!({ "max_capacity": 3 }));
        }
        let before = waking(east);
        assert!(deployment.sync().await.is_complete());
        deployment.lose("east", Outage::cut_off(appearance));

        let (sent, began) = (deployment.traffic.count(), deployment.clock.now());
        let moved = deployment.run_as_wished(wish("forced_failover")).await;
        let is_done = matches!(moved.ended, Ended::Complete | Ended::Incomplete);
        assert!(is_done, "{death}: {:?}", moved.ended);
        assert_eq!(waking(west), before, "{death}");

        let promotion = deployment.traffic.since(sent, Some("west.example"));
        let first = promotion.iter().find(|one| !one.what.starts_with("GET")).expect("a write in the west");
        let waited = first.at.duration_since(began).unsigned_abs();
        assert!(waited <= PATIENCE, "{death}: promotion began after {waited:?}");
        let asked = deployment.traffic.since(sent, Some("east.example"));
        let asked = asked.iter().filter(|one| one.at < first.at).count();
        assert!(asked <= pools + 10, "{death}: the dead primary was asked {asked} times");
    }
}

#[tokio::test(start_paused = true)]
async fn a_planned_move_away_from_a_dead_primary_leads_to_the_forced_one() {
    for (number, (death, appearance)) in DEATHS.into_iter().enumerate() {
        let deployment = Deployment::new(120 + number as u64).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        furnish_little(east);
        let before = waking(east);
        assert!(deployment.sync().await.is_complete());
        deployment.lose("east", Outage::cut_off(appearance));

        let house = deployment.open().await;
        let hint = match propose(&house, &wish("switchover")).await {
            Err(error) => error.hint(),
            // Who can be signed in to seems alive. The first step that needs more finds out.
            Ok(_) => match deployment.run("switchover").await.ended {
                Ended::Stopped { hint, .. } => Some(hint),
                other => panic!("{death}: {other:?}"),
            },
        };
        let hint = hint.unwrap_or_default();
        assert!(hint.contains("twinlake failover retail --forced"), "{death}: {hint}");
        west.estate().assert_asleep();
        let moved = deployment.run_as_wished(wish("forced_failover")).await;
        assert!(matches!(moved.ended, Ended::Complete | Ended::Incomplete), "{death}: {:?}", moved.ended);
        assert_eq!(waking(west), before, "{death}");
    }
}
