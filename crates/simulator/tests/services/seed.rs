//! The seeded estate.

use serde_json::Value;
use twinlake_base::Timestamp;
use twinlake_simulator::{Deed, EffectQuery, Error, Seed};

use crate::lab::{EAST, Lab, WEST};

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_estate_with_other_ids() {
    let lab = Lab::new();
    let seed = Seed { size: 400, seed: 3 };
    let east = lab.simulator.seed(EAST, seed).unwrap();
    let west = lab.simulator.seed(WEST, seed).unwrap();
    assert_eq!(east, west);
    assert_eq!((east.notebooks, east.files, east.folders, east.jobs), (160, 80, 40, 100));
    let names = |workspace: &str| -> Vec<String> {
        let query = EffectQuery {
            workspace: Some(workspace.to_owned()),
            deed: Some(Deed::Created),
            kind: Some("job".to_owned()),
            ..EffectQuery::default()
        };
        lab.simulator.effects(&query).into_iter().map(|effect| effect.detail).collect()
    };
    assert_eq!(names(EAST), names(WEST));
    assert!(matches!(lab.simulator.seed(EAST, seed), Err(Error::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_estate_has_what_real_ones_have() {
    let lab = Lab::new();
    let seeded = lab.simulator.seed(EAST, Seed { size: 2000, seed: 1 }).unwrap();
    let average = seeded.content_bytes / (seeded.notebooks + seeded.files);
    assert!((6_000..11_000).contains(&average), "{average} bytes on average");
    let (mut jobs, mut token) = (Vec::new(), String::new());
    loop {
        let page =
            lab.read(&format!("/api/2.2/jobs/list?limit=100&expand_tasks=true&page_token={token}")).await;
        jobs.extend(page["jobs"].as_array().unwrap().clone());
        match page.get("next_page_token") {
            Some(next) => token = next.as_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(jobs.len(), 500);
    let count = |wanted: &dyn Fn(&Value) -> bool| jobs.iter().filter(|job| wanted(&job["settings"])).count();
    let mut names: Vec<&str> = jobs.iter().map(|job| job["settings"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() < jobs.len(), "some names are shared");
    for key in ["schedule", "trigger", "continuous", "triggers", "queue", "parameters", "job_clusters"] {
        assert!(count(&|settings| settings.get(key).is_some()) > 3, "{key}");
    }
    assert!(count(&|settings| settings["schedule"]["pause_status"] == "PAUSED") > 10);
    assert!(jobs.iter().any(|job| job["has_more"] == true));
    let calls = |settings: &Value| {
        settings["tasks"].as_array().unwrap().iter().any(|task| task.get("run_job_task").is_some())
    };
    assert!(count(&calls) > 10);
    let from = lab.simulator.now();
    lab.days(1);
    let activity = lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap();
    assert!(activity.fired > 200 && activity.cluster_seconds > 0.0, "{activity:?}");
}
