//! Why a step's function failed.

use std::fmt::Write as _;

use twinlake_base::ErrorClass;

/// A failure in the words of the step, with the decision that it asks for. Ends up in the log: no secrets, ever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct StepError {
    /// What happened, to what.
    pub what: String,
    /// What it means: whether another attempt can help.
    pub class: ErrorClass,
    /// The next command to run.
    pub hint: Option<String>,
}

impl StepError {
    /// A failure without a hint.
    #[must_use]
    pub fn new(class: ErrorClass, what: impl Into<String>) -> Self {
        Self { what: what.into(), class, hint: None }
    }

    /// A failure whose text is an error and everything beneath it.
    #[must_use]
    pub fn caused_by(class: ErrorClass, error: &dyn std::error::Error) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many errors print their cause themselves.
            if !what.contains(&text) {
                let _ = write!(what, ": {text}");
            }
            source = cause.source();
        }
        Self::new(class, what)
    }

    /// With the next command to run.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}
