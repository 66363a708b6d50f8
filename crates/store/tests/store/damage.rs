//! A state file that is not as it should be is named and left as it is.

use std::path::{Path, PathBuf};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use twinlake_base::ErrorClass;
use twinlake_model::Digest;
use twinlake_store::{Store, StoreError};

use crate::fixtures::*;

/// A closed state file with some content.
async fn a_state_file() -> (TempDir, PathBuf) {
    let (folder, store) = on_disk().await;
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
    }
    store.put_bases(&(0..200).map(base).collect::<Vec<_>>()).await.unwrap();
    drop(store);
    let path = folder.path().join("state.db");
    (folder, path)
}

#[expect(clippy::disallowed_methods, reason = "what people do to a file by hand")]
async fn by_hand(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn sql(path: &Path, statements: &'static str) {
    let mut connection = by_hand(path).await;
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Opens, expects an error, and holds that the file is still the same.
async fn refused(path: &Path) -> StoreError {
    let before = std::fs::read(path).ok();
    let Err(error) = Store::open(path, options()).await else { panic!("{} was opened", path.display()) };
    assert!(std::fs::read(path).ok() == before, "the file was changed after: {error}");
    assert!(error.to_string().contains(&*path.to_string_lossy()), "names the file: {error}");
    assert!(error.hint().is_some(), "says what to do: {error}");
    error
}

#[tokio::test]
async fn a_text_an_empty_file_and_a_folder_are_not_states() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    for content in ["estate: acme\n", "x", ""] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(refused(&path).await, StoreError::Damaged { .. }));
    }
    let inner = folder.path().join("folder");
    std::fs::create_dir(&inner).unwrap();
    assert!(matches!(refused(&inner).await, StoreError::Damaged { .. }));
}

#[tokio::test]
async fn a_truncated_file_is_damaged_at_every_length() {
    let (_folder, path) = a_state_file().await;
    let whole = std::fs::read(&path).unwrap();
    for length in (16..whole.len() - 1).step_by(whole.len() / 17) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, StoreError::Damaged { .. }), "at {length}: {error}");
    }
}

#[tokio::test]
async fn a_page_that_was_overwritten_is_damage_wherever_it_is() {
    const PAGE: usize = 4096;
    let (_folder, path) = a_state_file().await;
    let whole = std::fs::read(&path).unwrap();
    for page in 1..whole.len() / PAGE {
        let mut bytes = whole.clone();
        bytes[page * PAGE..page * PAGE + 64].fill(0xa5);
        std::fs::write(&path, &bytes).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, StoreError::Damaged { .. }), "page {page}: {error}");
        assert_eq!(error.class(), ErrorClass::Invalid);
    }
}

#[tokio::test]
async fn a_log_without_its_file_is_not_a_new_state() {
    let (_folder, path) = a_state_file().await;
    std::fs::rename(&path, path.with_extension("db-wal")).unwrap();
    let error = refused(&path).await;
    assert!(error.to_string().contains("the file itself is gone"), "{error}");
}

#[tokio::test]
async fn what_a_crash_in_the_first_creation_left_is_cleared_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(path.with_extension("db.new"), "half a file").unwrap();
    Store::open(&path, options()).await.unwrap();
    assert!(!path.with_extension("db.new").exists());
}

#[tokio::test]
async fn a_blob_that_was_changed_is_not_handed_out() {
    let (_folder, path) = a_state_file().await;
    let digest = Digest::of(&serde_json::to_vec(&manifest(1)).unwrap());
    for change in [
        "UPDATE blob SET zstd = x'00'",
        "UPDATE blob SET (size, zstd) = (SELECT size, zstd FROM blob AS other WHERE other.digest <> blob.digest)",
    ] {
        sql(&path, change).await;
        let store = Store::open(&path, options()).await.unwrap();
        let error = store.blob(digest).await.unwrap_err();
        assert!(matches!(error, StoreError::DamagedBlob { .. }), "{error}");
        assert!(store.document(digest).await.is_err() && store.documents(&[digest]).await.is_err());
    }
}

#[tokio::test]
async fn a_value_that_we_would_not_have_written_is_damage() {
    let (_folder, path) = a_state_file().await;
    sql(&path, "UPDATE base SET sent = '{'; UPDATE pair SET asset = 'job-1'").await;
    let store = Store::open(&path, options()).await.unwrap();
    for error in
        [store.bases(&east(), &west()).await.unwrap_err(), store.id_map(&"prod".into()).await.unwrap_err()]
    {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_newer_an_altered_and_a_foreign_file_are_told_apart() {
    let (_folder, path) = a_state_file().await;
    sql(&path, "INSERT INTO migration VALUES (99, 'later', x'00', '')").await;
    assert!(matches!(refused(&path).await, StoreError::Newer { found: 99, .. }));
    sql(
        &path,
        "DELETE FROM migration WHERE number = 99; UPDATE migration SET digest = x'00' WHERE number = 1",
    )
    .await;
    assert!(matches!(refused(&path).await, StoreError::Damaged { .. }));
    let other = path.with_file_name("other.db");
    sql(&other, "CREATE TABLE notes (text TEXT)").await;
    assert!(matches!(refused(&other).await, StoreError::Foreign { .. }));
}

/// A file as the first version of the program made it.
async fn a_file_of_the_first_schema(path: &Path) {
    const FIRST: &str = include_str!("../../migrations/0001_state.sql");
    sql(path, FIRST).await;
    let mut connection = by_hand(path).await;
    let digest = Digest::of(FIRST.as_bytes());
    sqlx::raw_sql(
        "PRAGMA application_id = 1415007307; INSERT INTO meta VALUES ('estate', 'acme');
         CREATE TABLE migration
         (number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL, applied_at TEXT NOT NULL) STRICT;",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::query("INSERT INTO migration VALUES (1, 'state', ?, '')")
        .bind(digest.as_bytes().as_slice())
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_file_of_an_earlier_schema_is_brought_up_to_date_by_a_writer_and_named_to_a_reader() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    a_file_of_the_first_schema(&path).await;
    let Err(error) = Store::open_to_read(&path, options()).await else { panic!("opened") };
    assert!(matches!(error, StoreError::Older { found: 1, .. }), "{error}");
    let store = Store::open(&path, options()).await.unwrap();
    assert_eq!(store.meta("estate").await.unwrap().as_deref(), Some("acme"));
    twinlake_workflow::conformance::holds(store.clone()).await;
    Store::open_to_read(&path, options()).await.unwrap();
}

#[tokio::test]
async fn verdicts_that_were_kept_by_direction_are_their_groups_own_from_now_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    a_file_of_the_first_schema(&path).await;
    sql(
        &path,
        "INSERT INTO place VALUES (1, 'prod', 'east'), (2, 'prod', 'west');
         INSERT INTO cycle VALUES (1, 'run-1', 'finance', 1, 2, '', '', 1, '{}'),
                                  (2, 'run-2', 'sales', 1, 2, '', '', 1, '{}');
         INSERT INTO outcomes VALUES (1, 2, 2, 2, x'28b52ffd20021100005b5d')",
    )
    .await;
    let store = Store::open(&path, options()).await.unwrap();
    assert!(store.outcomes(&finance(), &east(), &west()).await.unwrap().is_empty());
    assert_eq!(store.outcomes(&"sales".into(), &east(), &west()).await.unwrap(), []);
    drop(store);
    let mut connection = by_hand(&path).await;
    let groups: Vec<String> =
        sqlx::query_scalar("SELECT group_name FROM outcomes").fetch_all(&mut connection).await.unwrap();
    assert_eq!(groups, ["sales"]);
}

#[tokio::test]
async fn bytes_that_are_no_whole_state_make_no_draft_and_leave_nothing_behind() {
    let (folder, store) = on_disk().await;
    store.put_blob(&[7; 100_000]).await.unwrap();
    let whole = store.export().await.unwrap().bytes;
    let path = folder.path().join("elsewhere.db");
    let mut flipped = whole.clone();
    flipped[4096] ^= 0x40;
    for bytes in [&b""[..], b"no database", &whole[..whole.len() / 2], &whole[..whole.len() - 4096], &flipped]
    {
        let Err(error) = Store::draft(&path, bytes, options()).await else { panic!("taken for whole") };
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
    let files = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| name.starts_with("state.db")), "{names:?}");
}

#[tokio::test]
async fn a_draft_replaces_nothing_that_came_to_stand_in_its_place() {
    let (folder, store) = on_disk().await;
    let bytes = store.export().await.unwrap().bytes;
    let draft = Store::draft(folder.path().join("state.db"), &bytes, options()).await;
    assert!(matches!(draft, Err(StoreError::Exists { .. })));
    let path = folder.path().join("later.db");
    let draft = Store::draft(&path, &bytes, options()).await.unwrap();
    std::fs::write(&path, "theirs").unwrap();
    assert!(matches!(draft.finish().await, Err(StoreError::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("later.db-wal"), "of a state that is gone").unwrap();
    let error = Store::draft(&path, &bytes, options()).await.err().unwrap();
    assert!(error.to_string().contains("later.db-wal"), "{error}");
}

#[tokio::test]
async fn whoever_only_looks_sees_what_a_working_controller_writes_and_changes_nothing() {
    let (folder, store) = on_disk().await;
    let path = folder.path().join("state.db");
    let reader = Store::open_to_read(&path, options()).await.unwrap();
    assert!(matches!(reader.put_meta("estate", "acme").await, Err(StoreError::ReadOnly { .. })));
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
        assert_eq!(everything_in(&reader).await, everything_in(&store).await);
    }
    drop(store);
    assert_eq!(reader.meta("estate").await.unwrap().as_deref(), Some("acme"));
    Store::open(&path, options()).await.unwrap();
}

#[tokio::test]
async fn whoever_only_looks_makes_no_state() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    let Err(error) = Store::open_to_read(&path, options()).await else { panic!("opened") };
    assert!(matches!(error, StoreError::NoFile { .. }) && error.hint().is_some());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_missing_folder_is_not_made() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("no/state.db");
    let Err(error) = Store::open(&path, options()).await else { panic!("opened") };
    assert!(matches!(error, StoreError::NoFolder { .. }));
    assert!(error.hint().unwrap().contains("mkdir -p"));
    assert!(!folder.path().join("no").exists());
}

#[tokio::test]
async fn a_read_only_file_is_named_before_the_first_write() {
    let (_folder, path) = a_state_file().await;
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    assert!(matches!(refused(&path).await, StoreError::ReadOnly { .. }));
}

#[tokio::test]
async fn a_second_controller_is_refused_with_the_first_ones_name() {
    let (folder, store) = on_disk().await;
    let path = folder.path().join("state.db");
    let Err(error) = Store::open(&path, options()).await else { panic!("two controllers share a file") };
    assert!(matches!(error, StoreError::Locked { .. }));
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(error.hint().is_some());
    let clone = store.clone();
    drop(store);
    assert!(Store::open(&path, options()).await.is_err(), "a clone still holds it");
    drop(clone);
    Store::open(&path, options()).await.unwrap();
}

#[tokio::test]
async fn somebody_who_writes_to_the_file_by_hand_is_a_lock_and_not_a_wait() {
    let (folder, store) = on_disk().await;
    let path = folder.path().join("state.db");
    let mut connection = by_hand(&path).await;
    let transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.put_meta("estate", "acme").await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    transaction.rollback().await.unwrap();
    store.put_meta("estate", "acme").await.unwrap();
}

#[tokio::test]
async fn every_way_to_bend_the_audit_shows_and_none_is_repaired() {
    for (bend, row, why) in [
        ("UPDATE audit SET actor = 'nobody' WHERE number = 2", 2, "was changed"),
        ("UPDATE audit SET detail = '{}' WHERE number = 3", 3, "was changed"),
        ("DELETE FROM audit WHERE number = 2", 3, "missing"),
        ("DELETE FROM audit WHERE number = 5", 4, "end of the chain"),
        ("DELETE FROM audit", 0, "end of the chain"),
        (
            "UPDATE audit SET previous = x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff' WHERE number = 4",
            4,
            "forks",
        ),
    ] {
        let (folder, store) = on_disk().await;
        for _ in 0..5 {
            store.append_audit(&audit_entry("sync.applied")).await.unwrap();
        }
        drop(store);
        let path = folder.path().join("state.db");
        sql(&path, bend).await;
        let store = Store::open(&path, options()).await.unwrap();
        let broken = store.verify_audit().await.unwrap().broken.unwrap_or_else(|| panic!("unseen: {bend}"));
        assert_eq!(broken.number, row, "{bend}: {}", broken.why);
        assert!(broken.why.contains(why), "{bend}: {}", broken.why);
        store.append_audit(&audit_entry("sync.applied")).await.unwrap();
        assert!(store.verify_audit().await.unwrap().broken.is_some(), "healed by an append: {bend}");
    }
}
