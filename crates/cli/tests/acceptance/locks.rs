//! Two controllers at once.

use std::process::{Command, Stdio};

use crate::bench::Bench;

#[test]
fn a_state_that_another_process_works_with_is_refused_with_its_name() {
    let bench = Bench::simulated(&["--size", "60", "--latency-ms", "100"]);
    let mut sync = bench.command(&["sync"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !bench.file(".twinlake/state.db").exists() {
        std::thread::yield_now();
    }
    let refused = bench.run(&["status"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains(&format!("is locked by process {}", sync.id())), "{told}");
    assert!(told.contains("hint: wait until it has ended"), "{told}");
    let ended = Command::new("kill").args(["-INT", &sync.id().to_string()]).status().unwrap();
    assert!(ended.success());
    sync.wait().unwrap();
    assert_eq!(bench.run(&["status"]).status.code(), Some(0));
}
