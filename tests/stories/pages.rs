//! Lists that come in pages, and what becomes of a cycle when one of them does not come.

use std::collections::BTreeMap;

use serde_json::json;
use twinlake_simulator::{Fault, FaultAct, Settings};
use twinlake_tests::Fleet;

use super::house::{DAY, assert_in_step, deletions};
use super::specimens::{SPECIMENS, make_all};

/// An estate in small pages: every kind has several, where its list has pages at all.
async fn paged(seed: u64) -> Fleet {
    println!("seed {seed}");
    let pages = ["jobs", "clusters", "warehouses"].map(|service| (service.to_owned(), 2));
    let settings = Settings { page_sizes: BTreeMap::from(pages), ..Settings::default() };
    let fleet = Fleet::with(seed, settings).await;
    SPECIMENS.iter().for_each(|specimen| make_all(specimen, fleet.east()));
    fleet
}

#[tokio::test(start_paused = true)]
async fn a_page_that_answers_400_in_mid_walk_ends_the_cycle_before_anything_is_written() {
    let fleet = paged(201).await;
    fleet.sync().await;
    let before = fleet.effect_count();
    let refused = Fault::error(400, "INVALID_PARAMETER_VALUE", "Invalid page token");
    fleet.east().add_fault(refused.path("/api/2.2/jobs/list").after(1));
    fleet.east().write_notebook("/Shared/new", "new");
    for _ in 0..3 {
        let error = fleet.try_sync().await.unwrap_err().to_string();
        assert!(error.starts_with("crawling job of prod@east: "), "{error}");
        assert!(error.contains("GET /api/2.2/jobs/list") && error.contains("Invalid page token"), "{error}");
        fleet.jump(2 * DAY);
    }
    let written = fleet.west().effects_after(before);
    assert!(written.iter().all(|effect| &*effect.actor == "service"), "{written:#?}");
}

#[tokio::test(start_paused = true)]
async fn whichever_list_of_whichever_side_dies_at_whichever_page_nothing_is_concluded() {
    let fleet = paged(202).await;
    fleet.sync().await;
    fleet.jump(std::time::Duration::from_secs(600));
    assert_in_step(&fleet).await;
    let before = fleet.effect_count();
    for site in [fleet.east(), fleet.west()] {
        for specimen in SPECIMENS {
            for page in 0..3 {
                for act in [
                    Fault::new(FaultAct::Cut),
                    Fault::new(FaultAct::LoginPage),
                    Fault::error(403, "PERMISSION_DENIED", "no"),
                ] {
                    site.add_fault(act.method("GET").path(specimen.list).after(page));
                    let outcome = fleet.try_sync().await;
                    let has_such_a_page =
                        fleet.simulator.faults().values().any(|(fault, seen)| *seen > fault.after);
                    fleet.simulator.clear_faults();
                    match outcome {
                        Ok(report) => {
                            assert!(!has_such_a_page && report.writes == 0, "{} page {page}", specimen.kind)
                        }
                        Err(error) => {
                            assert!(has_such_a_page, "{error}");
                            let error = error.to_string();
                            assert!(error.contains(&format!("of {}", site.place)), "{error}");
                            assert!(error.contains(specimen.list), "{error}");
                        }
                    }
                }
            }
        }
        fleet.jump(DAY);
    }
    assert!(deletions(fleet.west(), before).is_empty());
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_page_with_a_token_is_not_the_last_one() {
    let fleet = paged(203).await;
    fleet.simulator.change_settings(|settings| settings.empty_page_before_last = true);
    fleet.sync().await;
    fleet.jump(std::time::Duration::from_secs(600));
    assert_in_step(&fleet).await;
    fleet.jump(2 * DAY);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_json_and_no_page_is_no_short_list() {
    let fleet = paged(204).await;
    fleet.sync().await;
    let before = fleet.effect_count();
    for body in [json!({"jobs": {}}), json!([]), json!({"jobs": [{"no": "id"}]}), json!("jobs")] {
        let strange = FaultAct::Answer { status: 200, body: body.clone(), headers: BTreeMap::new() };
        fleet.east().add_fault(Fault::new(strange).path("/api/2.2/jobs/list").after(1).times(1));
        let error = fleet.try_sync().await.map(|_| body).unwrap_err().to_string();
        assert!(error.contains("prod@east"), "{error}");
        fleet.simulator.clear_faults();
        fleet.jump(DAY);
    }
    assert!(deletions(fleet.west(), before).is_empty());
}
