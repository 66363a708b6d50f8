//! Parts of documents that several kinds embed, written once.

mod cluster_spec;
mod environment;
mod library;
mod policy_definition;
mod task;
mod trigger;

pub use cluster_spec::CLUSTER_SPEC;
pub use environment::ENVIRONMENT;
pub use library::LIBRARY;
pub use policy_definition::POLICY_DEFINITION;
pub use task::TASK;
pub use trigger::{SQL_CONDITION, TRIGGER};
