//! A virtual environment with the newest SDK, made once, and the scripts that run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::clients::binary::target;

/// What is installed, always the newest.
const PACKAGE: &str = "databricks-sdk";

/// The interpreter of the environment.
fn interpreter() -> &'static Path {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    INTERPRETER.get_or_init(|| {
        let environment = target().join("clients-python");
        let interpreter = environment.join("bin/python");
        if !interpreter.exists() {
            succeed(Command::new("python3").args(["-m", "venv"]).arg(&environment));
        }
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", PACKAGE];
        succeed(Command::new(&interpreter).args(pip));
        interpreter
    })
}

/// Runs a script of this folder, prints what it says, and fails the test if it fails.
pub(super) fn run(script: &str, arguments: &[&Path]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python");
    let mut command = Command::new(interpreter());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("DATABRICKS_CONFIG_FILE");
    command.arg(folder.join(script)).args(arguments);
    let output = succeed(&mut command);
    println!("{script}: {}", String::from_utf8_lossy(&output.stdout).trim());
}

/// Runs a command to its end, and fails the test with all that it said if it fails.
pub(super) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
