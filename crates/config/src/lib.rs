//! `twinlake.yml`: what was typed, and what it means.
//!
//! ```text
//! files ── yaml ──> tree ── include ──> one tree ── targets, variables ──> what counts
//!                                                                            │
//!                 Config <── checked ── RawConfig <── raw ───────────────────┘
//! ```
//!
//! - [`load`] gives a [`Config`], or [`Problems`]: all of them at once, each with file, line, column, key, what is wrong
//!   and what was probably meant. It never panics, whatever the bytes.
//! - A [`Config`] holds no secret, only [references](SecretRef) to secrets.
//! - What is accepted and not acted on in this version is said by [`Config::notices`].
//! - [`example`] writes first configs.
//!
//! It reads files and nothing else: no environment of its own, no network, no check that a profile exists.

mod checked;
mod duration;
mod error;
pub mod example;
mod fields;
mod include;
mod literal_secret;
mod load;
mod node;
mod notice;
mod percent;
mod problem;
mod raw;
mod secret_ref;
mod storage_url;
mod suggest;
mod targets;
#[cfg(test)]
mod tests;
mod variables;
mod yaml;

pub use checked::group::{Contact, MIN_SCHEDULE};
pub use checked::site::{Cloud, Site, WorkspaceRef};
pub use checked::state_key::StateKey;
pub use checked::{Config, DEFAULT_LOCAL_STATE};
pub use error::SecretError;
pub use load::{LoadOptions, load, load_text, parse_var};
pub use notice::Notice;
pub use problem::{Mark, Problem, Problems, Related, Severity};
pub use secret_ref::SecretRef;
pub use storage_url::StorageUrl;
pub use variables::VARIABLE_PREFIX;
