//! `include:` other files, merged into the one that names them.
//!
//! Paths and globs are relative to the file that names them; a file that is named twice is read once. Maps merge; any
//! other key that two files set is a problem, because nobody could say which one counts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fields::{Item, Reading};
use crate::literal_secret;
use crate::node::{Map, Node, Value, join};
use crate::problem::{Mark, NO_SUCH_FILE, Problem, Report, Spot};
use crate::yaml;

/// How deep `**` looks for files.
const MAX_FOLDERS: usize = 16;
/// How many files one config may have.
const MAX_FILES: usize = 1_000;

/// Reads a file and all that it includes, merged. None when any of them could not be read: the rest would then seem to
/// lack what stands there.
pub(crate) fn read(path: &Path, report: &Report) -> Option<(Node, Vec<PathBuf>)> {
    let mut reader = Reader { report, seen: BTreeSet::new(), files: Vec::new(), complete: true };
    let root = reader.file(path, None)?;
    reader.complete.then_some((root, reader.files))
}

/// Reads one file's text, with what it includes relative to `path`.
pub(crate) fn read_text(path: &Path, text: &str, report: &Report) -> Option<(Node, Vec<PathBuf>)> {
    let mut reader = Reader { report, seen: BTreeSet::new(), files: Vec::new(), complete: true };
    let root = reader.text(path, text)?;
    reader.complete.then_some((root, reader.files))
}

struct Reader<'r> {
    report: &'r Report,
    seen: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    complete: bool,
}

impl Reader<'_> {
    /// Reads a file; `from` is where it was named.
    fn file(&mut self, path: &Path, from: Option<&Spot>) -> Option<Node> {
        let whole = Spot { mark: mark_of(path), key: String::new() };
        let spot = from.unwrap_or(&whole);
        let about = |text: &str| match from {
            Some(_) => format!("{}: {text}", path.display()),
            None => text.to_owned(),
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let absent = error.kind() == std::io::ErrorKind::NotFound;
                let message =
                    if absent { about(NO_SUCH_FILE) } else { about(&format!("cannot be read: {error}")) };
                self.report.problem(spot, message);
                self.complete = false;
                return None;
            }
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => self.text(path, text),
            Err(error) => {
                let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                let mark = Mark { line, column: 1, ..mark_of(path) };
                self.report.problem(&Spot { mark, key: String::new() }, "is not UTF-8 text");
                self.complete = false;
                None
            }
        }
    }

    fn text(&mut self, path: &Path, text: &str) -> Option<Node> {
        self.seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        self.files.push(path.to_owned());
        let name: Arc<str> = path.display().to_string().into();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = yaml::parse(&name, text, self.report);
        refuse_secrets(&name, text, root.as_ref(), self.report);
        let Some(mut root) = root else {
            self.complete = false;
            return None;
        };
        for included in self.included(path, &mut root) {
            let (spot, file) = included;
            if let Some(node) = self.file(&file, Some(&spot)) {
                merge(&mut root, node, "", self.report);
            }
        }
        Some(root)
    }

    /// Takes `include` out of a file, and answers the files that it names and that were not read yet.
    fn included(&mut self, path: &Path, root: &mut Node) -> Vec<(Spot, PathBuf)> {
        let Value::Map(map) = &mut root.value else { return Vec::new() };
        let Some(entry) = map.take("include") else { return Vec::new() };
        let only = Node { mark: entry.mark.clone(), value: Value::Map(Map(vec![entry])) };
        let Some(fields) = Item::root(&only, Reading { report: self.report, partial: true }).fields() else {
            return Vec::new();
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut found = Vec::new();
        for pattern in fields.get("include").map_or_else(Vec::new, |item| item.texts()) {
            if pattern.value.contains("${") {
                self.report.problem(&pattern.spot, "cannot use a variable: files are read before variables");
                continue;
            }
            for file in self.matches(folder, &pattern.value, &pattern.spot) {
                let identity = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
                if self.seen.len() >= MAX_FILES {
                    self.report.problem(&pattern.spot, format!("would be more than {MAX_FILES} files"));
                    return found;
                }
                if self.seen.insert(identity) {
                    found.push((pattern.spot.clone(), file));
                }
            }
        }
        found
    }

    /// The files that a pattern names, in order of name.
    fn matches(&self, folder: &Path, pattern: &str, spot: &Spot) -> Vec<PathBuf> {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let is_glob = |part: &&str| part.contains(['*', '?', '[', '{']);
        let Some(first) = parts.iter().position(is_glob) else {
            return vec![folder.join(pattern)];
        };
        if let Err(error) = fast_glob::validate(pattern) {
            self.report.problem(spot, format!("{pattern:?} is not a glob: {error}"));
            return Vec::new();
        }
        let root = if pattern.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() };
        let start = parts[..first].iter().fold(root, |path, part| path.join(part));
        let rest = &parts[first..];
        let depth = if rest.contains(&"**") { MAX_FOLDERS } else { rest.len() };
        let mut found = Vec::new();
        walk(&start, "", depth, &mut |relative| {
            if fast_glob::glob_match(rest.join("/"), relative) {
                found.push(start.join(relative));
            }
        });
        found.sort();
        if found.is_empty() {
            self.report.add(Problem::warning(spot, format!("{pattern:?} matches no file")));
        }
        found
    }
}

/// Calls `visit` with each file below a folder. Linked folders are not entered, and what cannot be listed has no files.
fn walk(folder: &Path, relative: &str, depth: usize, visit: &mut dyn FnMut(&str)) {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(here.join(relative)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else { continue };
        let below = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
        if kind.is_dir() {
            if depth > 1 && !name.starts_with('.') {
                walk(folder, &below, depth - 1, visit);
            }
        } else {
            visit(&below);
        }
    }
}

/// Adds what a file says to what is known. Maps merge, lists and values do not.
fn merge(into: &mut Node, from: Node, path: &str, report: &Report) {
    let from = match (&mut into.value, from) {
        (Value::Map(mine), Node { value: Value::Map(theirs), .. }) => {
            for entry in theirs.0 {
                let below = join(path, &entry.key);
                match mine.get_mut(&entry.key) {
                    None => mine.0.push(entry),
                    Some(first) if matches!(first.value.value, Value::Null) => *first = entry,
                    Some(_) if matches!(entry.value.value, Value::Null) => {}
                    Some(first) => {
                        let both = matches!(
                            (&first.value.value, &entry.value.value),
                            (Value::Map(_), Value::Map(_))
                        );
                        if both {
                            merge(&mut first.value, entry.value, &below, report);
                        } else {
                            let spot = Spot { mark: entry.mark, key: below };
                            let problem = Problem::at(&spot, "is set twice");
                            report.add(problem.related(&first.mark, "it is first set here"));
                        }
                    }
                }
            }
            return;
        }
        (_, from) => from,
    };
    // The including file's own shape is reported when it is read.
    if !matches!(from.value, Value::Map(_)) {
        let spot = Spot { mark: from.mark.clone(), key: path.to_owned() };
        report.problem(&spot, format!("must be a map of keys, and is {}", from.describe()));
    }
}

/// Reports what looks like a secret anywhere in a file, comments included.
fn refuse_secrets(file: &Arc<str>, text: &str, root: Option<&Node>, report: &Report) {
    for (index, line) in text.lines().enumerate() {
        let mut start = 0;
        while let Some(range) = literal_secret::find(&line[start..]) {
            let column = line[..start + range.start].chars().count() + 1;
            let mark = Mark { file: file.clone(), line: index + 1, column };
            let mut key = String::new();
            if let Some(root) = root {
                root.walk("", &mut |path, node| {
                    if node.mark.line == mark.line && node.mark.column <= column {
                        path.clone_into(&mut key);
                    }
                });
            }
            report.add(
                Problem::at(&Spot { mark, key }, "looks like a secret, and a config is no place for one")
                    .suggest("write a reference such as env:NAME or file:/path".to_owned()),
            );
            start += range.end;
        }
    }
}

fn mark_of(path: &Path) -> Mark {
    Mark { file: path.display().to_string().into(), line: 0, column: 0 }
}
