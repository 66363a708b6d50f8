//! Any bytes: an answer, never a panic.

use proptest::prelude::*;

use super::{DESIGN, options, read};
use crate::example::EXAMPLE;
use crate::{load, load_text};

/// Pieces that mean something to YAML or to us.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "\n",
    "- ",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "%",
    "|\n",
    "> ",
    "'",
    "\"",
    "\\",
    "#",
    "? ",
    "\t",
    "---\n",
    "...\n",
    ",",
    "\u{feff}",
    "é",
    "\0",
    "\r",
    "<<: *a\n",
    "~",
    "@",
    "${",
    "${var.company}",
    "${var.",
    "}",
    "$${",
    "dapi0123456789abcdef0123456789abcdef",
    "env:X",
    "5m",
    "5%",
    "east",
    "*:**",
    "include: [\"**\"]\n",
    "variables: {x: \"${var.x}\"}\n",
    "targets: {dev: {default: true}}\n",
    "[!a-z]",
    "{a,{b,c}}",
    "s3://",
    "\u{2028}",
    "99999999999999999999",
];

#[derive(Clone, Debug)]
enum Edit {
    Insert(prop::sample::Index, &'static str),
    Remove(prop::sample::Index, usize),
    Truncate(prop::sample::Index),
    Repeat(prop::sample::Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        3 => (at(), 1..40usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        1 => at().prop_map(Edit::Truncate),
        1 => (at(), 1..60usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for edit in edits {
        let at = |index: &prop::sample::Index| index.index(letters.len() + 1);
        match edit {
            Edit::Insert(index, piece) => {
                let at = at(index);
                letters.splice(at..at, piece.chars());
            }
            Edit::Remove(index, length) => {
                let at = at(index);
                letters.drain(at..(at + length).min(letters.len()));
            }
            Edit::Truncate(index) => letters.truncate(at(index)),
            Edit::Repeat(index, length) => {
                let at = at(index);
                let part = letters[at..(at + length).min(letters.len())].to_vec();
                letters.splice(at..at, part);
            }
        }
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutilated_config_is_refused_with_places_or_taken_and_never_a_panic(
        which in any::<bool>(),
        edits in prop::collection::vec(edit(), 1..8),
    ) {
        let text = edited(if which { DESIGN } else { EXAMPLE }, &edits);
        // The folder is empty, so that an include finds nothing.
        let folder = tempfile::tempdir().unwrap();
        match load_text(folder.path().join("twinlake.yml"), &text, &options()) {
            Ok(config) => prop_assert!(config.warnings.iter().all(|warning| warning.severity == crate::Severity::Warning)),
            Err(problems) => {
                prop_assert!(problems.problems.iter().any(|problem| problem.severity == crate::Severity::Problem));
                let shown = problems.to_string();
                prop_assert!(!shown.contains("please report this"), "{shown}");
                prop_assert!(!shown.contains("dapi0123456789abcdef0123456789abcdef"), "{shown}");
            }
        }
    }

    #[test]
    fn arbitrary_text_is_answered(text in "\\PC{0,200}") {
        let _ = read(&text);
    }
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_line() {
    let folder = super::folder(&[]);
    let path = folder.path().join("twinlake.yml");
    std::fs::write(&path, b"estate: a\nsites: \xff\xfe\n").unwrap();
    let said = super::said_of(load(&path, &options()));
    assert!(said.ends_with("twinlake.yml:2:1: is not UTF-8 text"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_named_with_what_to_do() {
    let problems = load("/nowhere/twinlake.yml", &options()).unwrap_err();
    assert_eq!(problems.to_string(), "/nowhere/twinlake.yml: there is no such file");
    assert_eq!(problems.hint().as_deref(), Some("twinlake init"));
    assert_eq!(problems.class(), twinlake_base::ErrorClass::Invalid);
}
