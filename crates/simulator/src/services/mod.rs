//! The services, one file each.

pub(crate) mod cluster_api;
pub(crate) mod cluster_spec;
pub(crate) mod clusters;
pub(crate) mod content;
pub(crate) mod job_settings;
pub(crate) mod jobs;
pub(crate) mod libraries;
pub(crate) mod me;
pub(crate) mod node_types;
pub(crate) mod policies;
pub(crate) mod policy_families;
pub(crate) mod pools;
pub(crate) mod run_api;
pub(crate) mod run_store;
pub(crate) mod run_view;
pub(crate) mod runs;
pub(crate) mod task_compute;
pub(crate) mod tasks;
pub(crate) mod tree;
pub(crate) mod triggers;
pub(crate) mod warehouse_config;
pub(crate) mod warehouses;
pub(crate) mod wellknown;
