//! The controller is expendable (P16): its runs go on from where the standby keeps them, its state from where it was shipped to.

use std::path::Path;
use std::time::Duration;

use twinlake_controller::{
    Consent, Ended, House, Recovery, Stop, Wish, begin, propose, recover_state, resume, runs,
};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, ONE_GROUP, nobody};
use twinlake_vault::Key;

use super::there_and_back::waking;
use crate::stories::house::furnish;

/// With a key to encrypt state with. The identity is in the environment of every process.
async fn deployment(seed: u64, witness: Option<&Path>) -> Deployment {
    let (identity, recipient) = Key::generate();
    let key = format!("\nstate_key: {{ recipients: [{recipient}], identity: env:STATE_IDENTITY }}\n");
    let mut config = format!("{ONE_GROUP}{key}");
    if let Some(witness) = witness {
        config = config.replace("s3://acme-witness/twinlake", &format!("file://{}", witness.display()));
    }
    let mut deployment = Deployment::of(seed, 2, &config).await;
    deployment.secrets.push(("STATE_IDENTITY".to_owned(), identity.expose().clone()));
    deployment
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_dies_with_its_machine_mid_failover_is_recovered_elsewhere_and_the_run_goes_on() {
    let deployment = deployment(11, None).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish(east);
    let before = waking(east);
    let report = deployment.sync().await;
    assert!(report.is_complete(), "{report:#?}");
    let places: Vec<&str> =
        report.shipped.iter().filter(|one| one.is_there).map(|one| one.place.as_str()).collect();
    assert_eq!(places, ["east", "west", "witness"]);
    deployment.lose("east", Outage::cut_off(Appearance::BlackHole));

    // It is killed two virtual seconds into the promotion: the future is dropped, and the machine is gone.
    let house = deployment.open().await;
    let wish = Wish { runbook: "forced_failover".to_owned(), ..Wish::default() };
    let proposal = propose(&house, &wish).await.unwrap();
    let consent = Consent { by: "anna".to_owned(), yes: true, ..Consent::default() };
    let (stop, clock) = (Stop::new(), deployment.clock.clone());
    tokio::select! {
        moved = begin(&house, &wish, &proposal, &consent, &stop, nobody()) => panic!("it was too quick: {moved:#?}"),
        () = clock.sleep(Duration::from_millis(15_200)) => {}
    }
    drop(house);

    // A bare machine: only the config, the environment, and what lies at the places that answer.
    let folder = tempfile::tempdir().unwrap();
    let mut config = deployment.parsed();
    config.local_state = folder.path().join("state.db");
    let setup = deployment.setup("ben");
    let recovered = recover_state(&config, &setup, &Recovery::default()).await.unwrap();
    assert_eq!(recovered.runs.len(), 1, "the run that went on after the state was shipped: {recovered:#?}");
    let house = House::open(config, setup).await.unwrap();
    let known = runs(&house, None).await.unwrap();
    assert!(known.len() == 1 && known[0].state == "going", "{known:#?}");
    let moved = resume(&house, "last", "ben", &Stop::new(), nobody()).await.unwrap();
    assert_eq!(moved.ended, Ended::Incomplete, "without the old primary's fence: {:#?}", moved.report);
    assert_eq!(waking(west), before);
}

#[tokio::test(start_paused = true)]
async fn without_the_witness_standbys_are_kept_in_step_and_nobody_is_promoted_unless_two_people_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let (witness, away) = (folder.path().join("witness"), folder.path().join("away"));
    std::fs::create_dir(&witness).unwrap();
    let deployment = deployment(12, Some(&witness)).await;
    let (east, west) = (deployment.site("east").clone(), deployment.site("west").clone());
    furnish(&east);
    let before = waking(&east);
    assert!(deployment.sync().await.is_complete());
    std::fs::rename(&witness, &away).unwrap();

    east.write_notebook("/Shared/etl/later", "print('later')");
    let report = deployment.sync().await;
    assert!(report.legs.iter().all(|leg| leg.complete), "{report:#?}");
    assert!(
        report.notes.iter().any(|note| note.contains("the witness does not answer")),
        "{:?}",
        report.notes
    );
    let _ = west.export("/Shared/etl/later", "SOURCE");
    deployment.lose("east", Outage::cut_off(Appearance::BlackHole));
    let house = deployment.open().await;
    let wish = Wish { runbook: "forced_failover".to_owned(), ..Wish::default() };
    let error = propose(&house, &wish).await.unwrap_err();
    assert!(error.is_refusal() && error.hint().unwrap().contains("--without-witness"), "{error}");
    drop(house);

    let wish = Wish { without_witness: ["anna".to_owned(), "ben".to_owned()].into(), ..wish };
    let moved = deployment.run_as_wished(wish).await;
    assert_eq!(moved.ended, Ended::Incomplete, "{:#?}", moved.report);
    assert_eq!(waking(&west), before);

    // The witness is back, and learns of the epoch that began without it.
    std::fs::rename(&away, &witness).unwrap();
    let report = deployment.sync().await;
    assert!(report.failed.is_empty(), "{report:#?}");
    let house = deployment.open().await;
    let status = twinlake_controller::status(&house, None).await.unwrap();
    assert_eq!((status.groups[0].primary.as_str(), status.groups[0].epoch.0), ("west", 3));
}
