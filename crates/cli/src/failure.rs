//! How an error is told: what happened, to what, and the next command to run.

use std::fmt;

use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_config::Problems;
use twinlake_controller::ControllerError;

use crate::exit::Exit;
use crate::face::{Face, say};

/// The command line makes no sense.
#[derive(Debug)]
pub(crate) struct Usage {
    /// What is wrong with it.
    pub(crate) problem: String,
    /// What to type instead.
    pub(crate) hint: String,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Usage {}

/// What an error means at the terminal.
struct Meaning {
    exit: Exit,
    hint: Option<String>,
}

fn meaning(error: &anyhow::Error) -> Meaning {
    if let Some(usage) = error.downcast_ref::<Usage>() {
        return Meaning { exit: Exit::Usage, hint: Some(usage.hint.clone()) };
    }
    if let Some(error) = error.downcast_ref::<ControllerError>() {
        let exit = if error.is_refusal() { Exit::Refused } else { Exit::Failed };
        return Meaning { exit, hint: error.hint() };
    }
    if let Some(problems) = error.downcast_ref::<Problems>() {
        return Meaning { exit: Exit::Failed, hint: problems.hint() };
    }
    if let Some(error) = error.downcast_ref::<twinlake_simulator::Error>() {
        let exit = if error.class() == ErrorClass::Refused { Exit::Refused } else { Exit::Failed };
        return Meaning { exit, hint: error.hint() };
    }
    Meaning { exit: Exit::Failed, hint: None }
}

/// Tells an error, and says how the process ends.
pub(crate) fn tell(error: &anyhow::Error, face: &Face) -> Exit {
    let Meaning { exit, hint } = meaning(error);
    let problems = error.downcast_ref::<Problems>();
    if face.is_json() {
        let document = json!({ "error": {
            "message": one_line(error),
            "hint": hint,
            "exit": exit.number(),
            "problems": problems.map_or(Value::Null, |problems| json!(problems.problems)),
        }});
        say(&format!("{document:#}\n"));
    }
    let paint = face.paint_aside();
    let word = if exit == Exit::Refused { "refused" } else { "error" };
    match problems {
        Some(problems) if problems.problems.len() > 1 => {
            face.aside(&problems.to_string());
            face.aside(&format!("{} {}", paint.bad("error:"), problems.summary()));
        }
        _ => face.aside(&format!("{} {}", paint.bad(format!("{word}:")), one_line(error))),
    }
    if let Some(hint) = hint {
        face.aside(&format!("{} {hint}", paint.strong("hint:")));
    }
    exit
}

/// The chain of causes. Errors that quote their cause are not followed by it once more.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("the disk is full").context("writing a.yml: the disk is full");
        assert_eq!(one_line(&error), "writing a.yml: the disk is full");
        let error = Err::<(), _>(anyhow::anyhow!("no such port")).context("serving").unwrap_err();
        assert_eq!(one_line(&error), "serving: no such port");
    }

    #[test]
    fn a_safety_rule_that_says_no_is_told_apart_from_a_failure() {
        let refused = ControllerError::NotThatPlan { approved: "abc".into(), standing: Vec::new() };
        assert_eq!(meaning(&refused.into()).exit, Exit::Refused);
        let missing = ControllerError::UnknownGroup { name: "x".into(), known: Vec::new() };
        assert_eq!(meaning(&missing.into()).exit, Exit::Failed);
        let usage = Usage { problem: "no".into(), hint: "yes".into() };
        assert_eq!(meaning(&usage.into()).exit, Exit::Usage);
    }
}
