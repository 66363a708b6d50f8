//! Two standbys: production goes to either, and comes home from either.

use serde_json::json;
use twinlake_controller::{Ended, propose};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, ONE_GROUP};

use super::readings::{acknowledge_all, epoch, furnish_little, waking, wish, wish_to};
use crate::stories::house::HOUR;

#[tokio::test(start_paused = true)]
async fn production_goes_to_either_of_two_standbys_and_all_other_sites_follow_it_asleep() {
    for (number, (runbook, to, other)) in [
        ("switchover", "west", "north"),
        ("switchover", "north", "west"),
        ("forced_failover", "west", "north"),
        ("forced_failover", "north", "west"),
    ]
    .into_iter()
    .enumerate()
    {
        let described = format!("{runbook} to {to}");
        let deployment = Deployment::of(600 + number as u64, 3, ONE_GROUP).await;
        let east = deployment.site("east");
        furnish_little(east);
        let before = waking(east);
        assert!(deployment.sync().await.is_complete());
        let house = deployment.open().await;
        let unnamed = propose(&house, &wish(runbook)).await.unwrap_err();
        assert!(unnamed.hint().unwrap().contains("west, north"), "{described}: {unnamed}");
        drop(house);
        if runbook == "forced_failover" {
            deployment.lose("east", Outage::cut_off(Appearance::Refused));
        }
        let moved = deployment.run_as_wished(wish_to(runbook, to)).await;
        assert!(matches!(moved.ended, Ended::Complete | Ended::Incomplete), "{described}: {:?}", moved.ended);
        deployment.restore("east");
        assert_eq!(waking(deployment.site(to)), before, "{described}");
        deployment.site(other).estate().assert_asleep();

        // From now on both others follow.
        deployment.site(to).create_job(json!({ "name": "made since" }));
        deployment.jump(2 * HOUR);
        deployment.sync().await;
        acknowledge_all(&deployment).await;
        let report = deployment.sync().await;
        assert!(report.is_complete(), "{described}: {report:#?}");
        for site in ["east", other] {
            assert_eq!(deployment.site(site).jobs_named("made since").len(), 1, "{described}: {site}");
            deployment.site(site).estate().assert_asleep();
        }
        // On to the third, and home from there.
        let moved = deployment.run_as_wished(wish_to("switchover", other)).await;
        assert_eq!(moved.ended, Ended::Complete, "{described}, on to {other}: {:#?}", moved.report);
        deployment.site(to).estate().assert_asleep();
        deployment.jump(2 * HOUR);
        assert!(deployment.sync().await.is_complete(), "{described}, in {other}");
        let moved = deployment.run("failback").await;
        assert_eq!(moved.ended, Ended::Complete, "{described}, home: {:#?}", moved.report);
        let mut expected = before;
        expected.push(json!({ "name": "made since", "runs": 1, "queue": null, "schedule": null }));
        expected.sort_by_cached_key(serde_json::Value::to_string);
        assert_eq!(waking(east), expected, "{described}");
        for site in ["west", "north"] {
            deployment.site(site).estate().assert_asleep();
        }
        assert_eq!(epoch(&deployment.open().await).await, 4, "{described}");
        assert_eq!(east.jobs_named("critical-load").len(), 1, "{described}: one copy of each");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_primary_that_dies_while_it_wakes_is_given_up_for_the_third_site_which_wakes_as_the_first_one_was()
 {
    let deployment = Deployment::of(620, 3, ONE_GROUP).await;
    let east = deployment.site("east");
    furnish_little(east);
    let before = waking(east);
    assert!(deployment.sync().await.is_complete());
    deployment.lose("east", Outage::cut_off(Appearance::Refused));
    let clock = deployment.clock.clone();
    // West promises much, and dies between its two waves.
    tokio::select! {
        moved = deployment.run_as_wished(wish_to("forced_failover", "west")) => panic!("it was too quick: {moved:#?}"),
        () = async {
            while deployment.site("west").estate().awake.is_empty() {
                clock.sleep(std::time::Duration::from_millis(5)).await;
            }
        } => {}
    }
    deployment.lose("west", Outage::cut_off(Appearance::Refused));

    let mut wish = wish_to("forced_failover", "north");
    wish.acknowledged.insert(twinlake_model::safety::Rule::Settle);
    let moved = deployment.run_as_wished(wish).await;
    assert_eq!(moved.ended, Ended::Incomplete, "but for the fences of two dead sites: {:#?}", moved.report);
    assert_eq!(waking(deployment.site("north")), before);
    assert_eq!(epoch(&deployment.open().await).await, 3);

    deployment.restore("east");
    deployment.restore("west");
    deployment.sync().await;
    acknowledge_all(&deployment).await;
    let report = deployment.sync().await;
    assert!(report.is_complete(), "{report:#?}");
    for site in ["east", "west"] {
        deployment.site(site).estate().assert_asleep();
    }
}
