//! The state arrives everywhere it can, and nothing of anybody else's is cleared away.

use twinlake_base::{Gate, GateDecision};
use twinlake_objects::Objects;
use twinlake_store::Store;
use twinlake_vault::{Arrival, Finding, Key, Location, Shipment, Vault, VaultError};

use crate::fixtures::*;

fn generation(shipment: &Shipment) -> u64 {
    match &shipment.arrival {
        Arrival::Shipped { generation, .. } => *generation,
        other => panic!("{other:?}"),
    }
}

async fn names_at(location: &Location) -> Vec<String> {
    location.objects.list("state").await.unwrap().into_iter().map(|object| object.name).collect()
}

#[tokio::test]
async fn the_last_three_generations_stay_at_every_location() {
    let (store, vault) = (state().await, vault());
    let locations = [location("east"), location("west"), location("witness")];
    for number in 1..=5 {
        work(&store, number).await;
        let shipments = vault.ship(&store, &locations).await.unwrap();
        assert_eq!(shipments.iter().map(generation).collect::<Vec<_>>(), [number; 3]);
        assert!(shipments.iter().all(|shipment| shipment.findings.is_empty()), "{shipments:?}");
    }
    for location in &locations {
        assert_eq!(names_at(location).await, ["state/00000003", "state/00000004", "state/00000005"]);
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_by_this_process_or_the_next() {
    let (store, vault, west) = (state().await, vault(), location("west"));
    work(&store, 1).await;
    vault.ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let before = west.objects.counts();
    let again = vault.ship(&store, std::slice::from_ref(&west)).await.unwrap();
    assert!(matches!(again[0].arrival, Arrival::Unchanged { generation: 1 }));
    assert_eq!(west.objects.counts(), before, "no request at all");
    let next = Vault::new(key(), clock(), "the next process");
    let again = next.ship(&store, std::slice::from_ref(&west)).await.unwrap();
    assert!(matches!(again[0].arrival, Arrival::Unchanged { generation: 1 }));
    assert_eq!(west.objects.counts().puts, before.puts);
    work(&store, 2).await;
    assert_eq!(generation(&vault.ship(&store, std::slice::from_ref(&west)).await.unwrap()[0]), 2);
}

#[tokio::test]
async fn a_location_that_fails_holds_up_no_other_and_catches_up_later() {
    let (store, vault) = (state().await, vault());
    work(&store, 1).await;
    let west = location("west");
    let shipments = vault.ship(&store, &[lost("east"), west.clone()]).await.unwrap();
    assert_eq!(shipments[0].location, "east");
    let Arrival::Failed(error) = &shipments[0].arrival else { panic!("{:?}", shipments[0]) };
    assert!(error.hint().is_some());
    assert_eq!(generation(&shipments[1]), 1);
    let shipments = vault.ship(&store, &[location("east"), west]).await.unwrap();
    assert_eq!(generation(&shipments[0]), 1);
    assert!(matches!(shipments[1].arrival, Arrival::Unchanged { .. }));
}

#[tokio::test]
async fn another_controllers_work_is_told_each_time_and_never_cleared_away() {
    let west = location("west");
    let (theirs, ours) = (state().await, state().await);
    for number in 1..=4 {
        work(&theirs, number).await;
    }
    vault().ship(&theirs, std::slice::from_ref(&west)).await.unwrap();
    work(&ours, 100).await;
    let vault = vault();
    let first = vault.ship(&ours, std::slice::from_ref(&west)).await.unwrap();
    assert_eq!(first[0].findings, [Finding::Ahead { generation: 1, rows: 4, ours: 1 }]);
    for number in 101..=110 {
        work(&ours, number).await;
        let shipments = vault.ship(&ours, std::slice::from_ref(&west)).await.unwrap();
        if number >= 104 {
            assert_eq!(shipments[0].findings, [Finding::Forked { generation: 1, row: 4 }]);
            assert!(shipments[0].findings[0].is_fork());
        }
    }
    let names = names_at(&west).await;
    assert_eq!(names, ["state/00000001", "state/00000010", "state/00000011", "state/00000012"]);
}

#[tokio::test]
async fn a_generation_that_does_not_say_what_it_is_is_told_and_does_not_stop_the_next() {
    let (store, west) = (state().await, location("west"));
    west.objects.put_if_absent("state/00000007", "half of somethi").await.unwrap();
    west.objects.put_if_absent("state/notes.txt", "not ours").await.unwrap();
    work(&store, 1).await;
    let shipments = vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    assert_eq!(generation(&shipments[0]), 8);
    assert!(matches!(&shipments[0].findings[..], [Finding::Unreadable { generation: 7, .. }]));
    assert_eq!(names_at(&west).await.len(), 3);
}

#[tokio::test]
async fn whoever_ships_at_the_same_moment_takes_another_generation() {
    let west = location("west");
    let mut shippers = Vec::new();
    for number in 0..6 {
        let store = state().await;
        work(&store, number).await;
        let west = west.clone();
        shippers.push(tokio::spawn(async move {
            generation(&vault().ship(&store, std::slice::from_ref(&west)).await.unwrap()[0])
        }));
    }
    let mut generations = Vec::new();
    for shipper in shippers {
        generations.push(shipper.await.unwrap());
    }
    generations.sort_unstable();
    assert_eq!(generations, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_and_nothing_is_there_twice() {
    for passage in 1..=6 {
        let (store, west) = (state().await, location("west"));
        work(&store, 1).await;
        let keeper = At::passage(passage, GateDecision::Lose);
        let shipments = vault().ship(&store, &[gated(&west, &keeper.gate())]).await.unwrap();
        assert!(keeper.was_reached() || passage > 4, "passage {passage}");
        match &shipments[0].arrival {
            // The listing had no answer: nothing was sent.
            Arrival::Failed(error) => {
                assert!(matches!(error, VaultError::Objects(_)) && passage <= 2, "{error}")
            }
            arrival => assert!(matches!(arrival, Arrival::Shipped { generation: 1, .. }), "{arrival:?}"),
        }
        assert!(names_at(&west).await.len() <= 1);
    }
}

#[tokio::test]
async fn nothing_that_the_state_says_is_legible_and_the_age_format_stands_after_one_line() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    let west = Location::new("west", Objects::open(&url, through(Gate::open())).unwrap());
    let store: Store = state().await;
    store.put_meta("estate", "acme-lakehouse").await.unwrap();
    let (_, recipient) = Key::generate();
    let public = Key::new(&[recipient], None).unwrap();
    Vault::new(public, clock(), "ana on laptop-7").ship(&store, &[west]).await.unwrap();
    let bytes = std::fs::read(folder.path().join("state/00000001")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for word in ["acme", "SQLite", "ana", "laptop"] {
        assert!(!text.contains(word), "{word}");
    }
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    assert!(bytes[line + 1..].starts_with(b"age-encryption.org/v1\n"));
}
