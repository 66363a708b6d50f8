//! A region that is away in one way or another, and comes back.

use serde_json::json;
use twinlake_simulator::{Appearance, Outage};

use super::house::{
    DAY, HOUR, assert_everything_is_told, assert_in_step, deletions, fleet, furnish, notable,
};

const APPEARANCES: &[Appearance] = &[
    Appearance::BlackHole,
    Appearance::Refused,
    Appearance::LoginPage,
    Appearance::Unavailable { after_ms: 20_000 },
    Appearance::ReadsOnly,
    Appearance::HalfTheApis,
];

#[tokio::test(start_paused = true)]
async fn whichever_region_is_away_and_however_nothing_is_concluded_and_afterwards_all_is_well() {
    for region in ["us-east-1", "us-west-2"] {
        for appearance in APPEARANCES {
            println!("{region} {appearance:?}");
            let fleet = fleet(901).await;
            furnish(fleet.east());
            fleet.sync().await;
            fleet.jump(HOUR);
            fleet.east().write_notebook("/Shared/etl/load", "print('changed')");
            fleet.east().create_job(json!({"name": "new", "tasks": []}));
            let before = fleet.effect_count();
            fleet
                .simulator
                .region_down(region, Outage { appearance: *appearance, life_stops: false })
                .unwrap();
            for _ in 0..3 {
                match fleet.try_sync().await {
                    Ok(report) => {
                        assert!(
                            !report.is_complete(|_| false) || region == "us-east-1",
                            "{:#?}",
                            notable(&report)
                        );
                        assert_everything_is_told(&report, fleet.east());
                    }
                    Err(error) => println!("  {error}"),
                }
                fleet.jump(DAY);
            }
            assert!(deletions(fleet.west(), before).is_empty());
            fleet.simulator.region_up(region).unwrap();
            fleet.sync().await;
            fleet.jump(HOUR);
            fleet.sync().await;
            assert_in_step(&fleet).await;
        }
    }
}
