//! Waking in waves: paced, one after the other, and held up by what does not wake.

use serde_json::json;
use twinlake_base::Clock;
use twinlake_controller::{Ended, approve};
use twinlake_simulator::{Deed, Fault, Limits, Settings};
use twinlake_tests::{Deployment, ONE_GROUP};

use super::mishaps::{AtStep, run_watched};
use super::readings::{furnish_little, waking, wish};

/// How many jobs are woken here. The figures for ten thousand are in `docs/performance.md`.
const JOBS: usize = 2_000;

#[tokio::test(start_paused = true)]
async fn thousands_of_schedules_wake_wave_by_wave_and_the_service_never_has_to_say_not_so_fast() {
    let start = "2026-03-02T09:30:00Z".parse().unwrap();
    let settings = Settings { limits: Limits::published(), ..Settings::default() };
    let deployment = Deployment::under(Clock::simulated(start), 850, 2, ONE_GROUP, settings).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    for number in 0..JOBS {
        let wave = if number % 10 == 0 { "critical" } else { "usual" };
        east.create_job(json!({ "name": format!("{wave}-{number}"), "schedule": {
            "quartz_cron_expression": "0 0 3 1 1 ?", "timezone_id": "UTC" } }));
    }
    assert!(deployment.sync().await.is_complete());
    let (sent, after) = (deployment.traffic.count(), deployment.simulator.effect_count());
    let moved = deployment.run("switchover").await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.ended);
    let throttled = deployment.traffic.since(sent, None).iter().filter(|one| one.status == Some(429)).count();
    assert_eq!(throttled, 0);

    let names: std::collections::BTreeMap<String, String> = west
        .jobs()
        .iter()
        .map(|job| (job["job_id"].to_string(), job["name"].as_str().unwrap().to_owned()))
        .collect();
    let woken: Vec<&str> = deployment
        .effects_after("west", after)
        .iter()
        .filter(|effect| effect.kind == "job" && effect.deed == Deed::Updated)
        .map(|effect| names[&effect.id].split('-').next().unwrap())
        .map(|wave| if wave == "critical" { "critical" } else { "usual" })
        .collect();
    assert_eq!(woken.len(), JOBS, "each was woken, once");
    let last_critical = woken.iter().rposition(|wave| *wave == "critical").unwrap();
    let first_usual = woken.iter().position(|wave| *wave == "usual").unwrap();
    assert!(last_critical < first_usual, "a wave begins when the one before it is awake");
    assert!(west.jobs().iter().all(|job| job["schedule"]["pause_status"] == "UNPAUSED"));
    east.estate().assert_asleep();
}

#[tokio::test(start_paused = true)]
async fn what_does_not_wake_holds_up_the_next_wave_until_somebody_goes_on_without_it() {
    let deployment = Deployment::new(860).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish_little(east);
    east.create_job(json!({ "name": "later", "schedule": {
        "quartz_cron_expression": "0 0 3 1 1 ?", "timezone_id": "UTC" } }));
    let before = waking(east);
    assert!(deployment.sync().await.is_complete());
    let simulator = deployment.simulator.clone();
    let breaks = AtStep::new("promote", 0, move || {
        let fault = Fault::error(400, "INVALID_PARAMETER_VALUE", "no room");
        simulator.add_fault(fault.at("west").path("/api/2.0/instance-pools/edit"));
    });
    let house = deployment.open().await;
    let moved = run_watched(&house, &wish("switchover"), breaks).await;
    let Ended::Stopped { why, hint } = &moved.ended else { panic!("{:?}", moved.ended) };
    assert!(why.contains("of wave 1 do not wake") && hint.contains("runs resume"), "{why}; {hint}");
    let later = |state: &str| assert_eq!(west.jobs_named("later")[0]["schedule"]["pause_status"], state);
    later("PAUSED");
    drop(house);

    // It is tried once more before anybody is asked.
    let asked = deployment.resume(&moved.run).await;
    let Ended::Waiting { question, hint } = &asked.ended else { panic!("{:?}", asked.ended) };
    assert!(question.contains("pool") && hint.contains("twinlake approve"), "{question}; {hint}");
    later("PAUSED");
    let house = deployment.open().await;
    approve(&house, &moved.run, "anna", None).await.unwrap();
    drop(house);
    let ended = deployment.resume(&moved.run).await;
    assert_eq!(ended.ended, Ended::Complete, "{:#?}", ended.report);
    later("UNPAUSED");
    let told = ended.report.unwrap().deviations;
    assert!(told.iter().any(|one| one.what.contains("not awake: pool")), "{told:#?}");

    // What could not wake then wakes with the next sync or move, once it can; until then it is as it was.
    deployment.simulator.clear_faults();
    let awake: Vec<_> = waking(west).into_iter().filter(|one| one["name"] != "pool").collect();
    let expected: Vec<_> = before.into_iter().filter(|one| one["name"] != "pool").collect();
    assert_eq!(awake, expected);
}
