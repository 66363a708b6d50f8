//! Parts of documents that several kinds embed, written once.

mod cluster_spec;
mod library;
mod policy_definition;
mod task;

pub use cluster_spec::CLUSTER_SPEC;
pub use library::LIBRARY;
pub use policy_definition::POLICY_DEFINITION;
pub use task::TASK;
