//! What is wrong with a config: where, what, and what was probably meant.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use twinlake_base::ErrorClass;

use crate::literal_secret;

/// A place in a file. Lines and columns count from 1; line 0 means the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mark {
    /// The file as it was named, or what else was read: `--var region`.
    pub file: Arc<str>,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A place in a file, and the key that stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Spot {
    pub(crate) mark: Mark,
    /// `failover_groups.finance.standbys[0]`. Empty for the whole file.
    pub(crate) key: String,
}

/// Whether a problem stops us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The config is refused.
    Problem,
    /// The config is taken, and probably not what was meant.
    Warning,
}

/// One thing that is wrong. Its text never repeats what looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it stops us.
    pub severity: Severity,
    /// Where.
    #[serde(flatten)]
    pub mark: Mark,
    /// The path of the key: `failover_groups.finance.primary`. Empty where there is none.
    pub key: String,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// What was probably meant, or what to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The other place, where it takes two to be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
}

/// The other place of a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where.
    #[serde(flatten)]
    pub mark: Mark,
    /// What stands there.
    pub note: String,
}

/// Everything that is wrong with a config, in order of file and line. Holds at least one [`Severity::Problem`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// In order of file and line, warnings included.
    pub problems: Vec<Problem>,
}

/// Where the checks write what they find.
#[derive(Debug, Default)]
pub(crate) struct Report(RefCell<Vec<Problem>>);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            _ => write!(f, "{}:{}:{}", self.file, self.line, self.column),
        }
    }
}

impl Spot {
    /// The place of a key below this one.
    pub(crate) fn key_below(&self, name: &str) -> String {
        if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) }
    }
}

impl Problem {
    /// A problem that refuses the config.
    pub(crate) fn at(spot: &Spot, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Problem,
            mark: spot.mark.clone(),
            key: spot.key.clone(),
            message: message.into(),
            suggestion: None,
            related: None,
        }
    }

    /// A warning.
    pub(crate) fn warning(spot: &Spot, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::at(spot, message) }
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<Option<String>>) -> Self {
        self.suggestion = suggestion.into();
        self
    }

    pub(crate) fn related(mut self, mark: &Mark, note: impl Into<String>) -> Self {
        self.related = Some(Related { mark: mark.clone(), note: note.into() });
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.mark)?;
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; {suggestion}")?;
        }
        if let Some(related) = &self.related {
            write!(f, "\n    {}: {}", related.mark, related.note)?;
        }
        Ok(())
    }
}

impl Problems {
    /// How many problems and warnings there are: `3 problems and 1 warning`.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |severity| self.problems.iter().filter(|problem| problem.severity == severity).count();
        let say = |count: usize, word| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        match (count(Severity::Problem), count(Severity::Warning)) {
            (problems, 0) => say(problems, "problem"),
            (0, warnings) => say(warnings, "warning"),
            (problems, warnings) => format!("{} and {}", say(problems, "problem"), say(warnings, "warning")),
        }
    }

    /// A config that is wrong stays wrong until somebody edits it.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::Invalid
    }

    /// The next command to run.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let absent =
            self.problems.iter().any(|problem| problem.message == NO_SUCH_FILE && problem.key.is_empty());
        Some(if absent { "twinlake init" } else { "twinlake check" }.to_owned())
    }
}

/// Said of a file that is not there.
pub(crate) const NO_SUCH_FILE: &str = "there is no such file";

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Report {
    /// Takes a problem, without what its words may have picked up from the file: secrets, and letters that a terminal
    /// would obey.
    pub(crate) fn add(&self, mut problem: Problem) {
        problem.message = harmless(&problem.message);
        problem.key = harmless(&problem.key);
        problem.suggestion = problem.suggestion.as_deref().map(harmless);
        if let Some(related) = &mut problem.related {
            related.note = harmless(&related.note);
        }
        self.0.borrow_mut().push(problem);
    }

    pub(crate) fn problem(&self, spot: &Spot, message: impl Into<String>) {
        self.add(Problem::at(spot, message));
    }

    /// Whether anything so far refuses the config.
    pub(crate) fn refuses(&self) -> bool {
        self.0.borrow().iter().any(|problem| problem.severity == Severity::Problem)
    }

    /// All of it, in order of file and line, each said once. `main` comes before the files that it includes.
    pub(crate) fn finish(self, main: &str) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by(|one, other| {
            let order =
                |problem: &Problem| (&*problem.mark.file != main, problem.mark.clone(), problem.severity);
            order(one).cmp(&order(other)).then_with(|| one.message.cmp(&other.message))
        });
        problems.dedup();
        problems
    }
}

fn harmless(text: &str) -> String {
    let hidden = literal_secret::hide(text);
    if !hidden.contains(char::is_control) {
        return hidden;
    }
    let escape = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    hidden.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(line: usize, key: &str) -> Spot {
        Spot { mark: Mark { file: "twinlake.yml".into(), line, column: 5 }, key: key.to_owned() }
    }

    #[test]
    fn a_problem_prints_where_what_and_what_was_meant() {
        let problem = Problem::at(&spot(12, "failover_groups.finance.primary"), "there is no site \"esat\"")
            .suggest("did you mean \"east\"?".to_owned());
        assert_eq!(
            problem.to_string(),
            "twinlake.yml:12:5: failover_groups.finance.primary: there is no site \"esat\"; did you mean \"east\"?"
        );
    }

    #[test]
    fn problems_come_in_order_of_line_and_each_once_with_the_main_file_first() {
        let report = Report::default();
        let other = Spot { mark: Mark { file: "a.yml".into(), line: 1, column: 1 }, key: String::new() };
        report.problem(&other, "d");
        report.problem(&spot(9, ""), "b");
        report.add(Problem::warning(&spot(2, "x"), "a"));
        report.problem(&spot(9, ""), "b");
        let problems = Problems { problems: report.finish("twinlake.yml") };
        assert_eq!(
            problems.to_string(),
            "twinlake.yml:2:5: warning: x: a\ntwinlake.yml:9:5: b\na.yml:1:1: d"
        );
        assert_eq!(problems.summary(), "2 problems and 1 warning");
    }

    #[test]
    fn what_a_file_holds_cannot_steer_a_terminal_or_leak_a_secret() {
        let report = Report::default();
        report.problem(&spot(1, "a\u{1b}[2Jb\nc"), "found dapi0123456789abcdef");
        let problems = Problems { problems: report.finish("") };
        assert_eq!(problems.to_string(), "twinlake.yml:1:5: a\\u{1b}[2Jb\\nc: found (secret)");
    }

    #[test]
    fn problems_serialise_flat_with_their_place() {
        let problem = Problem::at(&spot(3, "estate"), "is missing").related(&spot(1, "").mark, "here");
        assert_eq!(
            serde_json::to_value(Problems { problems: vec![problem] }).unwrap(),
            serde_json::json!({ "problems": [{
                "severity": "problem", "file": "twinlake.yml", "line": 3, "column": 5, "key": "estate",
                "message": "is missing",
                "related": { "file": "twinlake.yml", "line": 1, "column": 5, "note": "here" },
            }] })
        );
    }
}
