//! The account on disk.

use serde_json::json;
use twinlake_base::{Clock, Entropy};
use twinlake_simulator::{Error, Seed, Simulator};

use crate::lab::{EAST, HOME, Lab};

#[tokio::test(start_paused = true)]
async fn an_account_lives_on_where_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let lab = Lab::new();
    lab.simulator.seed(EAST, Seed { size: 100, seed: 1 }).unwrap();
    let hourly = json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}});
    let job = lab.job("saved", hourly).await;
    lab.seconds(3600);
    lab.simulator.save(&path).unwrap();
    let later = Clock::simulated(lab.simulator.now() + std::time::Duration::from_secs(2 * 3600));
    let again = Lab { simulator: Simulator::load(&path, later, Entropy::seeded(2)).unwrap() };
    assert_eq!(again.simulator.workspaces(), lab.simulator.workspaces());
    assert_eq!(again.runs_of(job).await.len(), 3);
    let export = format!("/api/2.0/workspace/export?path={HOME}/notebook");
    assert_eq!(again.read(&export).await, lab.read(&export).await);
}

#[tokio::test(start_paused = true)]
async fn time_goes_on_from_where_it_was_saved_whatever_the_new_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let lab = Lab::new();
    lab.days(10_000);
    lab.simulator.save(&path).unwrap();
    let saved = lab.simulator.now();
    let early = Clock::simulated(crate::lab::START.parse().unwrap());
    for clock in [early, Clock::system()] {
        let again = Simulator::load(&path, clock, Entropy::seeded(2)).unwrap();
        assert!(again.now() >= saved);
    }
}

#[test]
fn a_file_that_is_not_ours_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let load = || Simulator::load(&path, Clock::system(), Entropy::seeded(1));
    assert!(matches!(load(), Err(Error::StateFile { .. })));
    std::fs::write(&path, "{\"half").unwrap();
    let error = load().unwrap_err();
    assert!(matches!(error, Error::DamagedState { .. }));
    assert!(error.to_string().contains("account.json") && error.hint().is_some());
}
