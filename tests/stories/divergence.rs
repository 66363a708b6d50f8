//! A lost primary is back: what it did after the failover is named, kept, and told apart from what our fence did.

use serde_json::json;
use twinlake_databricks::Unguarded;
use twinlake_model::{AssetId, FoundAwake, Role, RunId, Snapshot};
use twinlake_sync::{Approval, Quarantine, Returned, Side, Silent, Sync, divergence};
use twinlake_tests::{Fleet, Site};

use super::house::{HOUR, delete_job, delete_path, fleet, furnish, job_with_notebook, reset_job};

/// Reads the tail of a place.
async fn read_tail(
    fleet: &Fleet,
    site: &Site,
    since: &Snapshot,
    fenced: &[FoundAwake],
    run: &str,
) -> Quarantine {
    let side = Side { place: site.place.clone(), client: site.client.clone() };
    let returned = Returned { side: &side, since, selection: &fleet.selection, fenced };
    divergence(&fleet.store, &fleet.clock, returned, &RunId::new(run), &Silent).await.unwrap()
}

/// Puts a place to sleep as it stands. What was found awake.
async fn fence(fleet: &Fleet, site: &Site, run: &str) -> Vec<FoundAwake> {
    let sync = Sync::new(
        fleet.store.clone(),
        fleet.clock.clone(),
        fleet.route(site, site),
        std::sync::Arc::new(Silent),
    );
    sync.run(&RunId::new(run), &Unguarded, Approval::Routine).await.unwrap().found_awake
}

/// The divergence as people read it.
fn lines(quarantine: &Quarantine) -> Vec<String> {
    let told = quarantine.divergence.assets.iter().map(|diverged| {
        let fields = diverged.fields.join(", ");
        format!("{} {}: {:?} {fields}", diverged.asset.kind, diverged.key, diverged.how).trim_end().to_owned()
    });
    told.collect()
}

async fn since(fleet: &Fleet) -> Snapshot {
    fleet.store.latest_snapshot(&fleet.east().place).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_place_where_nobody_did_anything_has_no_tail_before_and_after_our_fence() {
    let fleet = fleet(801).await;
    furnish(fleet.east());
    fleet.sync().await;
    let since = since(&fleet).await;
    fleet.jump(HOUR);
    let quarantine = read_tail(&fleet, fleet.east(), &since, &[], "look").await;
    assert_eq!(lines(&quarantine), Vec::<String>::new());
    let found = fence(&fleet, fleet.east(), "fence").await;
    assert!(!found.is_empty());
    for fenced in [&[][..], &found] {
        let quarantine = read_tail(&fleet, fleet.east(), &since, fenced, "look-again").await;
        assert_eq!(lines(&quarantine), Vec::<String>::new());
        assert!(quarantine.not_compared.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_edited_and_deleted_is_named_and_what_our_fence_did_is_not() {
    let fleet = fleet(802).await;
    let east = fleet.east();
    let furniture = furnish(east);
    east.write_file("/Shared/lib/gone.py", b"gone");
    east.create_job(job_with_notebook("doomed", "relative/path"));
    fleet.sync().await;
    let since = since(&fleet).await;
    fleet.jump(HOUR);

    // People go on at the lost primary. One job is edited in what it is and in when it runs, another one is remade.
    let [edited, concurrent, _] = furniture.jobs[..] else { panic!("three jobs") };
    let mut settings = east.job(edited);
    settings.as_object_mut().unwrap().remove("job_id");
    settings["description"] = json!("edited");
    reset_job(east, edited, settings);
    east.post(
        "/api/2.2/jobs/update",
        json!({ "job_id": concurrent, "new_settings": { "max_concurrent_runs": 9 } }),
    );
    let doomed = east.jobs_named("doomed")[0]["job_id"].as_i64().unwrap();
    delete_job(east, doomed);
    let remade = east.create_job(job_with_notebook("doomed", "relative/path"));
    // As many bytes as before.
    east.write_notebook("/Shared/etl/load", "print('daol')");
    east.write_notebook("/Shared/etl/new", "print('new')");
    delete_path(east, "/Shared/lib/gone.py");

    let found = fence(&fleet, east, "fence").await;
    let quarantine = read_tail(&fleet, east, &since, &found, "look").await;
    let mut expected = [
        "job doomed: Deleted".to_owned(),
        "job doomed: Made".to_owned(),
        "job nightly: Edited /description".to_owned(),
        "job nightly: Edited /max_concurrent_runs".to_owned(),
        "notebook /Shared/etl/load: Edited content".to_owned(),
        "notebook /Shared/etl/new: Made".to_owned(),
        "workspace_file /Shared/lib/gone.py: Deleted".to_owned(),
    ];
    expected.sort();
    let mut told = lines(&quarantine);
    told.sort();
    assert_eq!(told, expected);
    let asset = |id: i64| -> AssetId { format!("job/prod@east/{id}").parse().unwrap() };
    assert!(quarantine.divergence.assets.iter().any(|diverged| diverged.asset == asset(remade)));
    assert!(quarantine.divergence.assets.iter().any(|diverged| diverged.asset == asset(doomed)));

    // All of it is kept: every document, and every byte of the tail.
    let store = &fleet.store;
    let kept = store.latest_snapshot(&east.place).await.unwrap().unwrap();
    assert_eq!(kept, quarantine.snapshot);
    assert_eq!(kept.run, RunId::new("look"));
    let mut contents = 0;
    for manifest in kept.manifests.values() {
        for entry in store.manifest(*manifest).await.unwrap().entries {
            assert_eq!(store.document(entry.version.spec).await.unwrap().digest(), entry.version.spec);
            if ["notebook", "workspace_file"].contains(&entry.asset.kind.as_str()) {
                let bytes = store.blob(entry.version.content.expect("its bytes are kept")).await.unwrap();
                let format = if entry.asset.kind.as_str() == "notebook" { "SOURCE" } else { "AUTO" };
                assert_eq!(bytes, east.export(entry.key.as_str(), format));
                contents += 1;
            }
        }
    }
    assert_eq!(contents, 4);
    let document = quarantine.divergence.document();
    assert_eq!(store.document(document.digest()).await.unwrap(), document, "an acknowledgement can name it");

    // Looking again changes nothing, and later people change more.
    let again = read_tail(&fleet, east, &since, &found, "look-again").await;
    assert_eq!(again.divergence, quarantine.divergence);
    east.write_notebook("/Shared/etl/later", "print('later')");
    let more = read_tail(&fleet, east, &since, &found, "look-later").await;
    assert_eq!(more.divergence.assets.len(), quarantine.divergence.assets.len() + 1);
    assert_ne!(more.divergence.document().digest(), document.digest());
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_a_coarse_fence_set_is_no_tail_and_a_limit_that_a_person_set_is() {
    let fleet = fleet(803).await;
    let east = fleet.east();
    let pool = furnish(east).pool;
    fleet.sync().await;
    let since = since(&fleet).await;
    let edit = |limit: i64| {
        east.post(
            "/api/2.0/instance-pools/edit",
            json!({
                "instance_pool_id": pool, "instance_pool_name": "shared-pool", "node_type_id": "i3.xlarge",
                "min_idle_instances": 0, "max_capacity": limit,
            }),
        );
    };
    edit(0);
    let quarantine = read_tail(&fleet, east, &since, &[], "coarse").await;
    assert_eq!(lines(&quarantine), Vec::<String>::new());
    edit(7);
    let quarantine = read_tail(&fleet, east, &since, &[], "edited").await;
    assert_eq!(lines(&quarantine), ["instance_pool shared-pool: Edited /max_capacity"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_the_group_speaks_for_is_looked_at_also_where_it_was_given_another_name() {
    let mut fleet = fleet(804).await;
    let east = fleet.east();
    let finance = east.create_job(job_with_notebook("finance-a", "relative/path"));
    east.create_job(job_with_notebook("sales-a", "relative/path"));
    east.write_notebook("/Shared/finance/a", "1");
    fleet.selection.include =
        vec!["jobs:finance-*".parse().unwrap(), "notebooks:/Shared/finance/**".parse().unwrap()];
    fleet.sync().await;
    let since = since(&fleet).await;
    let east = fleet.east();
    reset_job(east, finance, json!({ "name": "renamed", "tasks": [] }));
    east.create_job(job_with_notebook("sales-b", "relative/path"));
    east.create_job(job_with_notebook("finance-b", "relative/path"));
    // The folder stays when the last notebook in it is gone: nobody deleted it.
    delete_path(east, "/Shared/finance/a");
    let quarantine = read_tail(&fleet, east, &since, &[], "look").await;
    let mut told = lines(&quarantine);
    told.sort();
    assert_eq!(
        told,
        ["job finance-b: Made", "job renamed: Edited /name, /tasks", "notebook /Shared/finance/a: Deleted",]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tail_that_cannot_be_read_to_its_end_is_no_tail_and_keeps_nothing() {
    use twinlake_simulator::{Fault, FaultAct};
    let fleet = fleet(805).await;
    let east = fleet.east();
    furnish(east);
    fleet.sync().await;
    let since = since(&fleet).await;
    east.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/list"));
    let side = Side { place: east.place.clone(), client: east.client.clone() };
    let returned = Returned { side: &side, since: &since, selection: &fleet.selection, fenced: &[] };
    let run = RunId::new("look");
    assert!(divergence(&fleet.store, &fleet.clock, returned, &run, &Silent).await.is_err());
    assert_eq!(fleet.store.latest_snapshot(&east.place).await.unwrap().unwrap(), since);
}

#[tokio::test(start_paused = true)]
async fn a_tail_is_read_where_production_has_moved_on_meanwhile() {
    let fleet = fleet(806).await;
    let (east, west) = (fleet.east(), fleet.west());
    furnish(east);
    fleet.sync().await;
    let kept = since(&fleet).await;
    let mut promote = fleet.route(east, west);
    (promote.role, promote.kept) = (Role::Primary, Some(kept.clone()));
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), promote, std::sync::Arc::new(Silent));
    sync.run(&RunId::new("promote"), &Unguarded, Approval::Routine).await.unwrap();
    west.create_job(job_with_notebook("made at the new primary", "relative/path"));
    east.create_job(job_with_notebook("made at the lost one", "relative/path"));
    let quarantine = read_tail(&fleet, east, &kept, &[], "look").await;
    assert_eq!(lines(&quarantine), ["job made at the lost one: Made"]);
}
