//! Whether a step can be undone: what an operator is told before approving a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A step's promise about going back, with the sentence that is shown before approval.
///
/// The engine undoes nothing by itself: a run goes forward or stops resumable. The sentence says what a person, or
/// another runbook, would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// It can be undone at any time. How.
    Reversible(&'static str),
    /// It can be undone until something is written at the place that it opens. How, and what it takes afterwards.
    UntilFirstWrite(&'static str),
    /// A point of no return. Why not, and what handles it.
    Forward(&'static str),
}

/// The three classes, without their sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoClass {
    /// At any time.
    Reversible,
    /// Until something is written at the place that the step opens.
    UntilFirstWrite,
    /// Never.
    Forward,
}

impl Undo {
    /// Which of the three.
    #[must_use]
    pub const fn class(self) -> UndoClass {
        match self {
            Self::Reversible(_) => UndoClass::Reversible,
            Self::UntilFirstWrite(_) => UndoClass::UntilFirstWrite,
            Self::Forward(_) => UndoClass::Forward,
        }
    }

    /// The sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Reversible(sentence) | Self::UntilFirstWrite(sentence) | Self::Forward(sentence) => {
                sentence
            }
        }
    }
}

impl fmt::Display for UndoClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reversible => "reversible",
            Self::UntilFirstWrite => "until the first write",
            Self::Forward => "point of no return",
        })
    }
}
