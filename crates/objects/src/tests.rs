//! Every kind of store passes the one suite; what is particular to a kind is here.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use twinlake_base::{Clock, ErrorClass, Gate, GateDecision, Gatekeeper, Passage, Side};

use crate::{Objects, ObjectsError, ObjectsOptions, Put, conformance};

fn options() -> ObjectsOptions {
    ObjectsOptions::new(Clock::system(), Gate::open())
}

fn folder() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    (folder, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_promises() {
    conformance::holds(Objects::open("memory:", options()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_promises() {
    let (_folder, url) = folder();
    conformance::holds(Objects::open(&url, options()).unwrap()).await;
}

#[tokio::test]
async fn two_handles_on_one_folder_see_each_other_and_two_memories_do_not() {
    let (_folder, url) = folder();
    let open = |url: &str| Objects::open(url, options()).unwrap();
    assert_eq!(open(&url).put_if_absent("x", "1").await.unwrap(), Put::Created);
    assert_eq!(open(&url).put_if_absent("x", "1").await.unwrap(), Put::Exists);
    for _ in 0..2 {
        assert_eq!(open("memory:").put_if_absent("x", "1").await.unwrap(), Put::Created);
    }
}

#[tokio::test]
async fn a_missing_folder_is_made_only_if_asked() {
    let (folder, url) = folder();
    let url = format!("{url}/inner/witness");
    let error = Objects::open(&url, options()).err().unwrap();
    assert!(matches!(error, ObjectsError::NoFolder { .. }), "{error}");
    assert!(error.hint().unwrap().contains("mkdir -p"));
    assert!(!folder.path().join("inner").exists());
    Objects::open(&url, ObjectsOptions { create: true, ..options() }).unwrap();
    assert!(folder.path().join("inner/witness").is_dir());
}

#[tokio::test]
async fn a_folder_that_vanishes_is_not_made_anew_by_a_write() {
    let (folder, url) = folder();
    let objects = Objects::open(&url, options()).unwrap();
    folder.close().unwrap();
    assert!(matches!(objects.put_if_absent("x", "1").await, Err(ObjectsError::NoFolder { .. })));
    assert!(matches!(objects.list("x").await, Err(ObjectsError::NoFolder { .. })));
    assert!(!std::path::Path::new(url.strip_prefix("file://").unwrap()).exists());
}

#[test]
fn a_cloud_store_is_not_built_in_and_says_so() {
    let error = Objects::open("s3://acme/twinlake", options()).err().unwrap();
    assert_eq!(error.class(), ErrorClass::Invalid);
    assert_eq!(error.to_string(), "s3://acme/twinlake: this build has no cloud stores yet");
    assert!(error.hint().is_some());
}

/// Never answers.
struct BlackHole;

impl Gatekeeper for BlackHole {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        match passage.side {
            Side::Before => GateDecision::Delay(Duration::from_secs(3600)),
            Side::After => GateDecision::Pass,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_ends_at_its_time_limit() {
    let limit = Duration::from_secs(5);
    let gate = Gate::kept_by(Arc::new(BlackHole));
    let objects = Objects::in_memory(ObjectsOptions { request: limit, gate, ..options() });
    let started = tokio::time::Instant::now();
    assert!(matches!(objects.put_if_absent("x", "1").await, Ok(Put::Unknown { .. })));
    assert!(matches!(objects.get("x").await, Err(ObjectsError::TimedOut { .. })));
    assert_eq!(started.elapsed(), 2 * limit);
}
