//! Where a test works: a folder of its own, a simulated account of its own, and the binary.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const TWINLAKE: &str = env!("CARGO_BIN_EXE_twinlake");

/// A folder with profiles, a config and a running simulation. All of it ends with this value.
pub(crate) struct Bench {
    folder: TempDir,
    simulation: Option<(Child, Value)>,
}

impl Bench {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), simulation: None }
    }

    /// A folder with `twinlake.yml` and the profiles `cfg`, for a simulated account that is started with these arguments.
    pub(crate) fn simulated(arguments: &[&str]) -> Self {
        let mut bench = Self::empty();
        let mut child = bench
            .command(&["sim", "-o", "json", "--write-profiles", "cfg", "--write-config", "twinlake.yml"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut document = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            document.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let account: Value = serde_json::from_str(&document).expect("what `sim -o json` prints");
        bench.simulation = Some((child, account));
        bench
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// What `sim -o json` printed.
    pub(crate) fn account(&self) -> &Value {
        &self.simulation.as_ref().expect("a simulation").1
    }

    /// Where the control listens.
    pub(crate) fn control(&self) -> String {
        self.account()["control"].as_str().unwrap().to_owned()
    }

    /// The binary with these arguments, in the folder, with its profiles and nothing else of the machine's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(TWINLAKE);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("USER", "tester")
            .env("DATABRICKS_CONFIG_FILE", self.file("cfg"));
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the binary to its end, which must be a success, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["-o", "json"]].concat());
        let shown = format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{shown}");
        serde_json::from_slice(&output.stdout).expect(&shown)
    }

    /// What happened at a workspace, beginning with this number.
    pub(crate) fn effects(&self, workspace: &str, after: u64) -> Vec<Value> {
        let after = after.to_string();
        let control = self.control();
        let found = self.json(&[
            "sim",
            "effects",
            "--workspace",
            workspace,
            "--after",
            &after,
            "--control",
            &control,
        ]);
        found["effects"].as_array().unwrap().clone()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.simulation {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
