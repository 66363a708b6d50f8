//! The log of what happened, and the bill.

use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_simulator::{Activity, Deed, EffectQuery, Seed};

use crate::lab::{EAST, Lab, WEST};

#[tokio::test(start_paused = true)]
async fn a_write_without_an_effect_leaves_no_trace() {
    let lab = Lab::new();
    lab.write("/api/2.0/workspace/mkdirs", json!({"path": "/Shared/a"})).await;
    let before = lab.simulator.effect_count();
    lab.write("/api/2.0/workspace/mkdirs", json!({"path": "/Shared/a"})).await;
    lab.post("/api/2.2/jobs/delete", json!({"job_id": 7})).await;
    lab.read("/api/2.0/workspace/list?path=/Shared").await;
    assert_eq!(lab.simulator.effect_count(), before);
}

#[tokio::test(start_paused = true)]
async fn effects_are_found_by_what_where_when_and_who() {
    let lab = Lab::new();
    let job = lab.job("j", json!({})).await;
    lab.seconds(10);
    let from_ms = lab.simulator.now().as_millisecond();
    lab.write("/api/2.2/jobs/run-now", json!({"job_id": job})).await;
    lab.seconds(200);
    let query =
        EffectQuery { kind: Some("run".to_owned()), from_ms: Some(from_ms), ..EffectQuery::default() };
    let deeds: Vec<Deed> = lab.simulator.effects(&query).iter().map(|effect| effect.deed).collect();
    assert_eq!(deeds, [Deed::Ran, Deed::Ended]);
    let last = lab.simulator.effects(&EffectQuery::default()).last().unwrap().clone();
    assert_eq!(
        (last.number, &*last.workspace, &*last.actor),
        (lab.simulator.effect_count(), EAST, "service")
    );
    assert!(lab.simulator.effects(&EffectQuery { after: last.number, ..EffectQuery::default() }).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_and_clock_replay_the_same_days() {
    let lived = || {
        let lab = Lab::new();
        lab.simulator.seed(EAST, Seed { size: 300, seed: 5 }).unwrap();
        lab.days(2);
        lab.simulator.effects(&EffectQuery::default())
    };
    let first = lived();
    assert!(first.len() > 500);
    assert!(first == lived(), "two lives from one seed differ");
}

#[tokio::test(start_paused = true)]
async fn thirty_days_without_work_leave_nothing_on_the_bill() {
    let lab = Lab::new();
    lab.job("j", json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}})).await;
    let from = lab.simulator.now();
    lab.days(30);
    let west = lab.simulator.activity(WEST, from, Timestamp::MAX).unwrap();
    assert!(west.is_asleep() && west == Activity::default());
    let east = lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap();
    assert_eq!((east.fired, east.ran), (720, 720));
    assert!(!east.is_asleep());
}
