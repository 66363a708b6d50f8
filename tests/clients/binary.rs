//! The binary as an operator has it, and a simulation that it serves.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::clients::python::succeed;

/// The folder in which this test was built.
pub(super) fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let test = std::env::current_exe().expect("the test's own path");
        // target/release/deps/all-0123456789abcdef
        test.ancestors().nth(2).expect("a profile's folder").to_owned()
    })
}

/// The binary, built from what there is now.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "twinlake"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if target().ends_with("release") {
            build.arg("--release");
        }
        succeed(&mut build);
        target().join("twinlake")
    })
}

/// `twinlake` with these arguments.
pub(super) fn twinlake<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// `twinlake sim`, served as long as this lives.
pub(super) struct Simulation {
    process: Child,
    /// The file with what it printed: addresses, tokens, the control.
    pub(super) account: PathBuf,
    /// A `.databrickscfg` with the profiles `east` and `west`.
    pub(super) profiles: PathBuf,
    /// Where its files are.
    pub(super) folder: tempfile::TempDir,
}

impl Simulation {
    /// An account with the workspaces `east` and `west`, in which what takes minutes takes a second.
    pub(super) fn serve() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (account, profiles) = (folder.path().join("account.json"), folder.path().join("databrickscfg"));
        let mut command = twinlake(["sim", "--quick", "-o", "json", "--write-profiles"]);
        let mut process = command.arg(&profiles).stdout(Stdio::piped()).spawn().expect("twinlake sim");
        let said = read_document(process.stdout.take().expect("its output"));
        std::fs::write(&account, said.to_string()).expect("a file of the account");
        Self { process, account, profiles, folder }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // A test that has failed already must not fail again here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The one JSON document that a process prints before it goes on.
fn read_document(output: impl Read) -> Value {
    let mut text = String::new();
    for line in BufReader::new(output).lines() {
        text.push_str(&line.expect("a line"));
        if let Ok(document) = serde_json::from_str(&text) {
            return document;
        }
    }
    panic!("twinlake sim ended before it had said where it is: {text}");
}
