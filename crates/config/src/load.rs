//! From a path to a config: read and include, choose a target, put variables in place, read, check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use twinlake_base::Env;

use crate::checked;
use crate::fields::{Item, Reading};
use crate::node::{Entry, Map, Node, Value};
use crate::problem::{Problem, Problems, Report, Severity};
use crate::raw::RawConfig;
use crate::targets::Target;
use crate::variables::Variables;
use crate::{Config, include, targets, variables};

/// What a config is read with.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The overlay to choose (`--target`).
    pub target: Option<String>,
    /// The variables' values from the command line (`--var x=y`), by name.
    pub vars: BTreeMap<String, String>,
    /// The environment, for `TWINLAKE_VAR_x`.
    pub env: Env,
    /// The plural names of all kinds, for selectors. Empty: any name will do.
    pub known_kinds: Vec<String>,
    /// The names of the phases that runs have, for hooks. Empty: any name will do.
    pub known_phases: Vec<String>,
}

/// Reads and checks a config file with everything that it includes.
///
/// # Errors
/// All problems at once, warnings among them. A config with warnings alone is taken, and carries them.
pub fn load(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Config, Problems> {
    let path = path.as_ref();
    let report = Report::default();
    let read = include::read(path, &report);
    finish(path, read, options, report)
}

/// The same for a text that is in no file yet. Paths in it start where `path` lies.
///
/// # Errors
/// As [`load`].
pub fn load_text(path: impl AsRef<Path>, text: &str, options: &LoadOptions) -> Result<Config, Problems> {
    let path = path.as_ref();
    let report = Report::default();
    let read = include::read_text(path, text, &report);
    finish(path, read, options, report)
}

/// Reads `x=y`, as after `--var`.
///
/// # Errors
/// A sentence, when there is no name before a `=`.
pub fn parse_var(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        // What was typed may be a secret in the wrong place, so it is not repeated.
        _ => Err("a variable is given as name=value".to_owned()),
    }
}

fn finish(
    path: &Path,
    read: Option<(Node, Vec<PathBuf>)>,
    options: &LoadOptions,
    report: Report,
) -> Result<Config, Problems> {
    let config = read.and_then(|(root, files)| {
        let config = meaning(path, root, options, &report)?;
        Some(Config { files, ..config })
    });
    if config.is_none() && !report.refuses() {
        let spot = variables::outside(&path.display().to_string());
        report.problem(&spot, "could not be understood, and we cannot say why; please report this");
    }
    let problems = report.finish(&path.display().to_string());
    let refused = problems.iter().any(|problem| problem.severity == Severity::Problem);
    match config {
        Some(config) if !refused => Ok(Config { warnings: problems, ..config }),
        _ => Err(Problems { problems }),
    }
}

fn meaning(path: &Path, mut root: Node, options: &LoadOptions, report: &Report) -> Option<Config> {
    let (declared, overlays) = match &mut root.value {
        Value::Map(map) => (map.take("variables"), map.take("targets")),
        _ => (None, None),
    };
    let targets = targets::read(overlays.as_ref(), report);
    let chosen = targets::choose(&targets, options.target.as_deref(), report);
    let variables = values(declared, chosen, options, report);
    for target in
        targets.iter().filter(|target| chosen.is_none_or(|chosen| chosen.name.value != target.name.value))
    {
        read_partly(target, &variables, report);
    }
    if let Some(target) = chosen {
        targets::lay_over(&mut root, target.overlay.clone());
    }
    variables.substitute(&mut root, "", report);
    let raw = RawConfig::read(&Item::root(&root, Reading { report, partial: false }));
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = checked::check(&raw, folder, options, report)?;
    Some(Config { target: chosen.map(|target| target.name.value.clone()), ..config })
}

fn values(
    declared: Option<Entry>,
    chosen: Option<&Target>,
    options: &LoadOptions,
    report: &Report,
) -> Variables {
    let of_target = chosen.map(|target| target.variables.clone()).unwrap_or_default();
    let mark = declared.as_ref().map(|entry| entry.mark.clone());
    let mark = mark.unwrap_or_else(|| variables::outside("").mark);
    let only = Node { mark, value: Value::Map(Map(declared.into_iter().collect())) };
    let fields = Item::root(&only, Reading { report, partial: true }).fields();
    let item = fields.as_ref().and_then(|fields| fields.get("variables"));
    Variables::resolve(item, &of_target, &options.vars, &options.env, report)
}

/// Reads an overlay that was not chosen, for unknown keys and wrong types. Its keys are named below the target.
fn read_partly(target: &Target, variables: &Variables, report: &Report) {
    let aside = Report::default();
    let mut overlay = target.overlay.clone();
    variables.substitute(&mut overlay, "", &aside);
    let _ = RawConfig::read(&Item::root(&overlay, Reading { report: &aside, partial: true }));
    for problem in aside.finish("") {
        let key = target.name.spot.key_below(&problem.key);
        report.add(Problem { key, ..problem });
    }
}
