//! What can go wrong around the simulation. What it answers to clients is not an error here.

use std::path::PathBuf;

use twinlake_base::ErrorClass;

/// An error of the simulator itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No workspace has this name.
    #[error("there is no simulated workspace '{name}'; there are: {known}")]
    UnknownWorkspace {
        /// What was asked for.
        name: String,
        /// What there is, separated by commas.
        known: String,
    },
    /// No workspace lies in this region.
    #[error("no simulated workspace lies in region '{region}'")]
    UnknownRegion {
        /// What was asked for.
        region: String,
    },
    /// The name is taken.
    #[error("there is a simulated workspace '{name}' already")]
    DuplicateWorkspace {
        /// The name.
        name: String,
    },
    /// The account runs on the machine's clock.
    #[error("the simulated account runs on the machine's clock, which cannot be moved")]
    ClockIsReal,
    /// What was asked of the control cannot be done.
    #[error("the simulated account refused this: {why}")]
    Refused {
        /// The reason.
        why: String,
    },
    /// A port could not be had.
    #[error("listening on 127.0.0.1:{port} for the simulated workspace '{name}'")]
    Listen {
        /// For which workspace, or `control`.
        name: String,
        /// The port; 0 for any.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The state file could not be read or written.
    #[error("reading or writing the simulated account's state in {path}")]
    StateFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The state file is not one of ours, or damaged.
    #[error("{path} does not hold the state of a simulated account")]
    DamagedState {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Error {
    /// The decision that it asks for.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::UnknownWorkspace { .. } | Self::UnknownRegion { .. } => ErrorClass::Missing,
            Self::DuplicateWorkspace { .. } => ErrorClass::Conflict,
            Self::ClockIsReal | Self::Refused { .. } | Self::DamagedState { .. } => ErrorClass::Invalid,
            Self::Listen { .. } | Self::StateFile { .. } => ErrorClass::Retryable,
        }
    }

    /// What to do about it, if there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { port, .. } if *port != 0 => {
                Some("choose another port, or 0 for any free one".to_owned())
            }
            Self::DamagedState { path, .. } => {
                Some(format!("move {} away to begin with an empty account", path.display()))
            }
            Self::ClockIsReal => Some("start the simulation with a simulated clock".to_owned()),
            _ => None,
        }
    }
}
