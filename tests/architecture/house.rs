//! The workspace as cargo sees it, and its files as they lie on disk. Read once for all tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package of tests lies in the workspace").to_owned()
}

/// A file of the repository as text.
pub(crate) fn text(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of ours, by path from the root.
pub(crate) fn rust_files() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "benches"] {
        walk(&root().join(folder), &mut found);
    }
    found.sort();
    assert!(found.len() > 100, "only {} files were found: is this the whole house?", found.len());
    found
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root()).expect("a path below the root");
            found.push(relative.to_str().expect("a path in UTF-8").replace('\\', "/"));
        }
    }
}

/// Whether a file is there for tests or measurements alone: by its folder, or because its parent declares it so.
pub(crate) fn is_for_tests(path: &str) -> bool {
    if path.split('/').any(|part| ["tests", "tests.rs", "benches", "examples"].contains(&part)) {
        return true;
    }
    let path = Path::new(path);
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem().and_then(|stem| stem.to_str())) else {
        return false;
    };
    let mut parents = vec![folder.join("lib.rs"), folder.join("mod.rs"), folder.join("main.rs")];
    parents.push(folder.with_extension("rs"));
    parents
        .iter()
        .filter_map(|parent| std::fs::read_to_string(root().join(parent)).ok())
        .any(|text| text.contains(&format!("#[cfg(test)]\nmod {stem};")))
}

/// What a file does, as opposed to what it says or tests: no comments, no test modules, nothing in a file of tests.
pub(crate) fn deeds(path: &str) -> String {
    if is_for_tests(path) {
        return String::new();
    }
    let text = text(path);
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// One package that cargo knows, ours or not.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Ids of what it depends on, other than for its own tests.
    pub(crate) uses: Vec<String>,
    /// The same by name, as its manifest says.
    pub(crate) declared: BTreeSet<String>,
    /// Whether it is one of ours.
    pub(crate) is_ours: bool,
}

/// All packages by id, on all platforms.
pub(crate) static PACKAGES: LazyLock<BTreeMap<String, Package>> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {complaint}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON from cargo metadata");
    packages(&metadata)
});

fn packages(metadata: &Value) -> BTreeMap<String, Package> {
    let word = |value: &Value| value.as_str().expect("a text in cargo's metadata").to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(word).collect();
    let is_for_tests = |kind: &Value| kind["kind"] == "dev";
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let real = list(&node["deps"])
            .into_iter()
            .filter(|used| !list(&used["dep_kinds"]).iter().all(is_for_tests))
            .map(|used| word(&used["pkg"]));
        uses.insert(word(&node["id"]), real.collect());
    }
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let id = word(&package["id"]);
            let declared = list(&package["dependencies"]);
            let declared = declared.iter().filter(|used| !is_for_tests(used)).map(|used| word(&used["name"]));
            let known = Package {
                name: word(&package["name"]),
                version: word(&package["version"]),
                license: package["license"].as_str().map(str::to_owned),
                uses: uses.remove(&id).unwrap_or_default(),
                declared: declared.collect(),
                is_ours: members.contains(&id),
            };
            (id, known)
        })
        .collect()
}

/// The package of ours of this name.
pub(crate) fn ours(name: &str) -> &'static Package {
    let found = PACKAGES.values().find(|package| package.is_ours && package.name == name);
    found.unwrap_or_else(|| panic!("no package of ours is called {name}"))
}

/// Everything that `name` is built with on any platform, itself included, but for its tests.
pub(crate) fn built_with(name: &str) -> Vec<&'static Package> {
    let (start, _) = PACKAGES
        .iter()
        .find(|(_, package)| package.is_ours && package.name == name)
        .unwrap_or_else(|| panic!("no package of ours is called {name}"));
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        for used in &PACKAGES[id].uses {
            let (used, _) = PACKAGES.get_key_value(used).expect("a package that cargo resolved");
            if seen.insert(used) {
                open.push(used);
            }
        }
    }
    seen.into_iter().map(|id| &PACKAGES[id]).collect()
}
