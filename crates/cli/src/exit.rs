//! Exit codes: what a script learns from a command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done and complete.
    Done,
    /// It failed.
    Failed,
    /// Done, but not everything. For `plan --detailed-exitcode`: there are changes.
    Incomplete,
    /// A rule of ours said no: a lease, an approval, a guard.
    Refused,
    /// The command line makes no sense (`EX_USAGE` of sysexits.h).
    Usage,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Incomplete => 2,
            Self::Refused => 3,
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
