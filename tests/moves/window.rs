//! The window after a promotion: it is rolled back while nothing was written, committed, or runs out; and for good.

use serde_json::json;
use twinlake_controller::{Ended, propose};
use twinlake_tests::{Deployment, Site};

use super::readings::{epoch, furnish_little, waking, wish};
use crate::stories::house::{DAY, HOUR};

async fn moved(seed: u64) -> Deployment {
    let deployment = Deployment::new(seed).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
    deployment
}

#[tokio::test(start_paused = true)]
async fn a_promotion_is_rolled_back_as_it_was_while_nothing_was_written() {
    let deployment = moved(700).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    let before = waking(west);
    let rolled = deployment.run("rollback").await;
    assert_eq!(rolled.ended, Ended::Complete, "{:#?}", rolled.report);
    assert_eq!(waking(east), before);
    west.estate().assert_asleep();
    assert_eq!(epoch(&deployment.open().await).await, 3);
    let again = propose(&deployment.open().await, &wish("rollback")).await.unwrap_err();
    assert!(again.is_refusal(), "{again}");
}

/// A write at the promoted site: what it is called, and what is done.
type Write = (&'static str, fn(&Site));

const WRITES: &[Write] = &[
    ("an edit", |site| {
        let job = &site.jobs_named("report")[0];
        site.post(
            "/api/2.2/jobs/update",
            json!({ "job_id": job["job_id"], "new_settings": { "timeout_seconds": 5 } }),
        );
    }),
    ("something new", |site| {
        site.create_job(json!({ "name": "made in the west" }));
    }),
    ("a deletion", |site| {
        let job = &site.jobs_named("report")[0];
        site.post("/api/2.2/jobs/delete", json!({ "job_id": job["job_id"] }));
    }),
    ("a run", |site| {
        let job = &site.jobs_named("report")[0];
        site.post("/api/2.2/jobs/run-now", json!({ "job_id": job["job_id"] }));
    }),
];

#[tokio::test(start_paused = true)]
async fn after_the_first_write_a_rollback_is_refused_before_it_puts_anything_to_sleep() {
    for (number, (write, act)) in WRITES.iter().enumerate() {
        let deployment = moved(710 + number as u64).await;
        let west = deployment.site("west");
        deployment.jump(HOUR / 10);
        act(west);
        let before = waking(west);
        deployment.jump(HOUR / 10);
        let hint = match deployment.try_run(wish("rollback")).await {
            Err(error) => error.hint(),
            Ok(moved) => match moved.ended {
                Ended::Stopped { hint, .. } => Some(hint),
                other => panic!("{write}: {other:?}"),
            },
        };
        assert!(hint.unwrap_or_default().contains("twinlake failback retail"), "{write}");
        assert_eq!(waking(west), before, "{write}");
        deployment.site("east").estate().assert_asleep();
        assert_eq!(epoch(&deployment.open().await).await, 2, "{write}");
        // What is refused is ended, and production comes home in order.
        let aborted =
            deployment.try_run(wish("abort")).await.unwrap_or_else(|error| panic!("{write}: {error}"));
        assert_eq!(aborted.ended, Ended::Complete, "{write}: {:#?}", aborted.report);
        assert_eq!(waking(west), before, "{write}: aborted");
        deployment.jump(2 * HOUR);
        let home = deployment.run_as_wished(wish("failback")).await;
        assert_eq!(home.ended, Ended::Complete, "{write}: {:#?}", home.report);
    }
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_was_committed_or_whose_window_ran_out_is_not_rolled_back() {
    for is_committed in [true, false] {
        let deployment = moved(720).await;
        if is_committed {
            assert_eq!(deployment.run("commit").await.ended, Ended::Complete);
        } else {
            deployment.jump(2 * DAY);
        }
        let house = deployment.open().await;
        for runbook in ["rollback", "commit"] {
            let refused = propose(&house, &wish(runbook)).await.unwrap_err();
            assert!(refused.hint().unwrap().contains("twinlake failback retail"), "{runbook}: {refused}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_promotion_for_good_home_is_where_production_is() {
    let deployment = moved(730).await;
    assert_eq!(deployment.run("promote_for_good").await.ended, Ended::Complete);
    let house = deployment.open().await;
    let refused = propose(&house, &wish("failback")).await.unwrap_err();
    assert!(refused.to_string().contains("runs in west already"), "{refused}");
    drop(house);
    deployment.jump(2 * HOUR);
    assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
    deployment.jump(2 * HOUR);
    assert!(deployment.sync().await.is_complete());
    let before = waking(deployment.site("east"));
    let moved = deployment.run("failback").await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
    assert_eq!(waking(deployment.site("west")), before);
    deployment.site("east").estate().assert_asleep();
}
