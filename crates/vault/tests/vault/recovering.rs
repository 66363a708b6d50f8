//! On a bare machine.

use tempfile::TempDir;
use twinlake_base::ErrorClass;
use twinlake_store::StoreError;
use twinlake_vault::{Choice, Key, Location, RecoverOptions, Remark, Vault, VaultError, recover};
use twinlake_workflow::{Log, Seq};

use crate::fixtures::*;

async fn refused(locations: &[Location]) -> VaultError {
    let folder = TempDir::new().unwrap();
    let error = recover(locations, &key(), &folder.path().join("state.db"), options()).await.unwrap_err();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    error
}

fn chosen(location: &str, generation: Option<u64>) -> RecoverOptions {
    RecoverOptions { choice: Some(Choice { location: location.into(), generation }), ..options() }
}

#[tokio::test]
async fn the_state_with_the_longest_audit_of_all_locations_stands_again_as_it_was() {
    let (store, vault) = (state().await, vault());
    let (east, west, witness) = (location("east"), location("west"), location("witness"));
    work(&store, 1).await;
    vault.ship(&store, &[east.clone(), west.clone(), witness.clone()]).await.unwrap();
    work(&store, 2).await;
    vault.ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let (_folder, found, told) = recovered(&[east, lost("north"), west, witness]).await.unwrap();
    assert_eq!(contents(&found).await, contents(&store).await);
    assert_eq!((told.location.as_str(), told.generation, told.audit_rows), ("west", 2, 2));
    assert_eq!(told.shipped_by, "ana on laptop-7");
    assert!(matches!(&told.remarks[..], [Remark::Unreachable { location, .. }] if location == "north"));
}

#[tokio::test]
async fn runs_that_went_on_after_the_last_shipment_are_taken_over() {
    let (store, vault, west, witness) = (state().await, vault(), location("west"), location("witness"));
    let ahead = twinlake_vault::AheadLog::new(log(&west), store.clone());
    for number in 0..3 {
        ahead.append("failover-1", Seq(number), &event(number)).await.unwrap();
    }
    vault.ship(&store, &[west.clone(), witness.clone()]).await.unwrap();
    ahead.append("failover-1", Seq(3), &event(3)).await.unwrap();
    ahead.append("failover-2", Seq(0), &event(0)).await.unwrap();
    let (_folder, found, told) = recovered(&[witness, west]).await.unwrap();
    assert_eq!(contents(&found).await, contents(&store).await);
    let taken: Vec<_> =
        told.runs.iter().map(|run| (run.run.as_str(), run.events, run.location.as_str())).collect();
    assert_eq!(taken, [("failover-1", 1, "west"), ("failover-2", 1, "west")]);
    assert_eq!(told.remarks, []);
}

#[tokio::test]
async fn a_run_that_is_not_what_the_state_has_of_it_is_named_and_the_states_is_kept() {
    let (store, west) = (state().await, location("west"));
    store.append("run", Seq(0), &event(1)).await.unwrap();
    log(&west).append("run", Seq(0), &event(2)).await.unwrap();
    log(&west).append("run", Seq(1), &event(2)).await.unwrap();
    log(&west).append("other", Seq(0), &event(2)).await.unwrap();
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let (_folder, found, told) = recovered(&[west]).await.unwrap();
    assert!(matches!(&told.remarks[..], [Remark::Run { run, .. }] if run == "run"), "{:?}", told.remarks);
    assert_eq!(Log::read(&found, "run").await.unwrap().len(), 1);
    assert_eq!(told.runs.len(), 1);
}

#[tokio::test]
async fn two_controllers_that_worked_apart_are_both_named_and_people_choose() {
    let (store, east, west) = (state().await, location("east"), location("west"));
    work(&store, 1).await;
    vault().ship(&store, &[east.clone(), west.clone()]).await.unwrap();
    let (_folder, apart, _) = recovered(std::slice::from_ref(&east)).await.unwrap();
    work(&store, 2).await;
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    for number in [20, 21] {
        work(&apart, number).await;
    }
    vault().ship(&apart, std::slice::from_ref(&east)).await.unwrap();
    let locations = [west, east];
    let error = refused(&locations).await;
    let VaultError::Forked { one, other, row } = &error else { panic!("{error}") };
    assert_eq!((one.location.as_str(), other.location.as_str(), *row), ("east", "west", 2));
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(error.hint().unwrap().contains("--from east") && error.hint().unwrap().contains("--from west"));
    let folder = TempDir::new().unwrap();
    for (name, expected, remark) in [("west", "2", "LeftOut"), ("east", "21", "Forked")] {
        let into = folder.path().join(name);
        let told = recover(&locations, &key(), &into, chosen(name, None)).await.unwrap();
        let found =
            twinlake_store::Store::open(&into, state_options(&twinlake_base::Gate::open())).await.unwrap();
        assert_eq!(found.meta("last").await.unwrap().as_deref(), Some(expected));
        assert!(format!("{:?}", told.remarks).contains(remark), "{:?}", told.remarks);
    }
}

#[tokio::test]
async fn people_may_take_an_earlier_generation_and_are_told_what_there_is() {
    let (store, vault, west) = (state().await, vault(), location("west"));
    for number in 1..=3 {
        work(&store, number).await;
        vault.ship(&store, std::slice::from_ref(&west)).await.unwrap();
    }
    let folder = TempDir::new().unwrap();
    let locations = [west];
    let told = recover(&locations, &key(), &folder.path().join("a"), chosen("west", Some(2))).await.unwrap();
    assert_eq!((told.generation, told.audit_rows), (2, 2));
    let wrong =
        recover(&locations, &key(), &folder.path().join("b"), chosen("west", Some(9))).await.unwrap_err();
    assert!(matches!(wrong, VaultError::NoSuchChoice { .. }));
    assert!(wrong.to_string().contains("generation 3 at west"), "{wrong}");
}

#[tokio::test]
async fn an_existing_state_is_never_touched() {
    let (store, west) = (state().await, location("west"));
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let folder = TempDir::new().unwrap();
    let into = folder.path().join("state.db");
    std::fs::write(&into, "whatever it is").unwrap();
    let error = recover(&[west], &key(), &into, options()).await.unwrap_err();
    assert!(matches!(error, VaultError::Store(StoreError::Exists { .. })), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(std::fs::read(&into).unwrap(), b"whatever it is");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_state_that_is_cut_or_changed_anywhere_is_named_with_the_next_command() {
    let (store, west) = (state().await, location("west"));
    work(&store, 1).await;
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let name = "state/00000001";
    let whole = west.objects.get(name).await.unwrap().unwrap().to_vec();
    let mut broken = Vec::new();
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        broken.push(whole[..at].to_vec());
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        broken.push(flipped);
    }
    broken.push(whole[..whole.len() - 1].to_vec());
    broken.push([&whole[..], b"x"].concat());
    for bytes in broken.into_iter().filter(|bytes| !bytes.is_empty()) {
        west.objects.delete(name).await.unwrap();
        west.objects.put_if_absent(name, bytes).await.unwrap();
        let error = refused(std::slice::from_ref(&west)).await;
        assert!(matches!(error, VaultError::Damaged { .. } | VaultError::Newer { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn where_the_newest_is_damaged_an_earlier_one_is_taken_and_it_is_said() {
    let (store, vault, east, west) = (state().await, vault(), location("east"), location("west"));
    work(&store, 1).await;
    vault.ship(&store, &[east.clone(), west.clone()]).await.unwrap();
    work(&store, 2).await;
    vault.ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let name = "state/00000002";
    let whole = west.objects.get(name).await.unwrap().unwrap().to_vec();
    west.objects.delete(name).await.unwrap();
    west.objects.put_if_absent(name, whole[..whole.len() / 2].to_vec()).await.unwrap();
    let (_folder, _, told) = recovered(&[east, west]).await.unwrap();
    assert_eq!(told.audit_rows, 1);
    let remarks = told.remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(remarks.contains(name) && remarks.contains("had gone further"), "{remarks}");
}

#[tokio::test]
async fn another_key_opens_nothing_and_says_so() {
    let (store, west) = (state().await, location("west"));
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let folder = TempDir::new().unwrap();
    let into = folder.path().join("state.db");
    let locations = [west];
    let error = recover(&locations, &another_key(), &into, options()).await.unwrap_err();
    assert!(matches!(&error, VaultError::WrongKey { object, .. } if object == "state/00000001"), "{error}");
    assert!(error.hint().unwrap().contains("state_key.identity"));
    let (_, recipient) = Key::generate();
    let public = Key::new(&[recipient], None).unwrap();
    let error = recover(&locations, &public, &into, options()).await.unwrap_err();
    assert!(matches!(error, VaultError::NoIdentity));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_anywhere_says_where_it_looked_and_whom_it_did_not_reach() {
    let error = refused(&[location("west"), lost("east")]).await;
    let VaultError::Nothing { looked, unreachable } = &error else { panic!("{error}") };
    assert_eq!((looked.len(), unreachable.len()), (1, 1));
    assert!(
        error.to_string().contains("west") && error.to_string().contains("east was not reached"),
        "{error}"
    );
}

#[tokio::test]
async fn a_recovered_state_ships_on_where_the_lost_one_ended() {
    let (store, west) = (state().await, location("west"));
    work(&store, 1).await;
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let (_folder, found, _) = recovered(std::slice::from_ref(&west)).await.unwrap();
    work(&found, 2).await;
    let shipments =
        Vault::new(key(), clock(), "the next").ship(&found, std::slice::from_ref(&west)).await.unwrap();
    assert!(shipments[0].findings.is_empty(), "{shipments:?}");
    let (_folder, again, told) = recovered(&[west]).await.unwrap();
    assert_eq!((told.generation, told.shipped_by.as_str()), (2, "the next"));
    assert_eq!(contents(&again).await, contents(&found).await);
}
