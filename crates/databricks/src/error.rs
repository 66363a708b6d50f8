//! What can go wrong, named for the decision that the caller has to take.
//!
//! Texts that came from outside are scrubbed before they get here: no token, no `Authorization` value.

use std::time::Duration;

use twinlake_base::ErrorClass;

use crate::ProfileMistake;

/// An error of this crate. `request` is always method, path and host (`POST /api/2.2/jobs/create on adb-1.azuredatabricks.net`).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The API answered with an error of its own. Decide by [`Error::class`], which trusts `code` before `status`.
    #[error("{request} was answered with {status}{}: {message}", spaced(.code))]
    Api {
        /// What was asked.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The API's `error_code` (`SCIM_409` for SCIM); empty when the answer carried none.
        code: String,
        /// The API's message, scrubbed.
        message: String,
        /// What the error means; see [`Error::class`].
        class: ErrorClass,
    },
    /// The request certainly had no effect, and there is no budget to try again.
    #[error("{request} could not be sent: {reason}")]
    NotSent {
        /// What was asked.
        request: String,
        /// What went wrong.
        reason: String,
    },
    /// A read that no answer came to.
    #[error("{request} was not answered: {reason}")]
    NoAnswer {
        /// What was asked.
        request: String,
        /// What went wrong.
        reason: String,
    },
    /// A write whose outcome is unknown. It must be settled by reading, never by sending it again.
    #[error("{request} may or may not have taken effect: {reason}")]
    MaybeSent {
        /// What was asked.
        request: String,
        /// What went wrong.
        reason: String,
    },
    /// Something other than the API answered: a login page, a redirect, a proxy's page.
    #[error("{request} was answered with {status} and a web page, which is not an API answer{}", spaced(.location))]
    LoginPage {
        /// What was asked.
        request: String,
        /// The HTTP status.
        status: u16,
        /// Where a redirect pointed to (`→ https://…`, without its query); empty when there was none.
        location: String,
        /// Whether the request, a write, may have taken effect behind the page.
        maybe_sent: bool,
    },
    /// The answer is not what the API promises.
    #[error("{request} was answered with something unexpected: {reason}")]
    Malformed {
        /// What was asked.
        request: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The call's budget of time or attempts is spent.
    #[error("{request} was given up after {attempts} attempts in {} s: {last}", .elapsed.as_secs())]
    BudgetSpent {
        /// What was asked.
        request: String,
        /// How often it was sent.
        attempts: u32,
        /// How long that took.
        elapsed: Duration,
        /// Whether one of the attempts may have taken effect (only for writes that said they are repeatable).
        maybe_sent: bool,
        /// What the last attempt came to.
        #[source]
        last: Box<Error>,
    },
    /// The permit does not hold until the request's deadline. Nothing was sent by this attempt.
    #[error("{request} was not sent: {reason}")]
    PermitRefused {
        /// What was asked.
        request: String,
        /// Why the permit does not hold.
        reason: String,
        /// The permit's own advice.
        hint: Option<String>,
        /// Whether an earlier attempt may have taken effect (only for writes that said they are repeatable).
        maybe_sent: bool,
    },
    /// A test stopped the process at this request. Final.
    #[error("{request}: the process was stopped here by a test")]
    Crashed {
        /// What was asked.
        request: String,
    },
    /// The caller asked for something that cannot be a request.
    #[error("{request} cannot be sent: {reason}")]
    Unsendable {
        /// What was asked.
        request: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A profile, or the environment, does not say how to reach a host.
    #[error(transparent)]
    Profile(#[from] ProfileMistake),
    /// The table of limits is broken.
    #[error("limits.toml: {reason}")]
    Limits {
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client cannot be set up on this machine.
    #[error("cannot set up HTTP: {reason}")]
    Setup {
        /// What went wrong.
        reason: String,
    },
}

fn spaced(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {text}") }
}

impl Error {
    /// What the error asks the caller to decide.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Api { class, .. } => *class,
            Self::NotSent { .. } | Self::NoAnswer { .. } => ErrorClass::Retryable,
            // Read again, then decide: exactly what an unknown outcome asks for.
            Self::MaybeSent { .. } => ErrorClass::Conflict,
            Self::LoginPage { .. } => ErrorClass::Denied,
            Self::BudgetSpent { maybe_sent: true, .. } => ErrorClass::Conflict,
            Self::BudgetSpent { last, .. } => last.class(),
            Self::PermitRefused { .. } => ErrorClass::Refused,
            Self::Profile(_) | Self::Setup { .. } => ErrorClass::Invalid,
            Self::Malformed { .. } | Self::Crashed { .. } | Self::Unsendable { .. } | Self::Limits { .. } => {
                ErrorClass::Bug
            }
        }
    }

    /// The next command to run, when there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            // A token that is not valid is a 403 here as often as a 401.
            Self::Api { class: ErrorClass::Denied, status, message, .. }
                if *status == 401 || message.to_ascii_lowercase().contains("token") =>
            {
                Some("renew the token in the profile, then run `twinlake check`".to_owned())
            }
            Self::Api { class: ErrorClass::Denied, .. } => {
                Some("grant the identity of the profile what it lacks, then run `twinlake check`".to_owned())
            }
            Self::LoginPage { .. } => Some(
                "check the profile's host, token and network path (private link, IP access list, proxy), then run `twinlake check`"
                    .to_owned(),
            ),
            Self::NotSent { .. } | Self::NoAnswer { .. } => {
                Some("check the profile's host and the network path to it, then run `twinlake check`".to_owned())
            }
            Self::MaybeSent { .. } | Self::BudgetSpent { maybe_sent: true, .. } => {
                Some("run the same command again: it reads what happened before it acts".to_owned())
            }
            Self::BudgetSpent { last, .. } => last.hint(),
            Self::PermitRefused { hint, .. } => hint.clone(),
            Self::Profile(mistake) => Some(mistake.next.clone()),
            _ => None,
        }
    }

    /// Whether the write that ended like this may have taken effect, so that its outcome must be settled by reading.
    #[must_use]
    pub fn may_have_acted(&self) -> bool {
        matches!(
            self,
            Self::MaybeSent { .. }
                | Self::LoginPage { maybe_sent: true, .. }
                | Self::BudgetSpent { maybe_sent: true, .. }
                | Self::PermitRefused { maybe_sent: true, .. }
        )
    }

    /// The API's `error_code`, if that is what ended the call.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Api { code, .. } if !code.is_empty() => Some(code),
            Self::BudgetSpent { last, .. } => last.code(),
            _ => None,
        }
    }
}
