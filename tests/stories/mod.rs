//! Estates and bad days that operators know, each told from the first request to the quiet sync after it.

mod activities;
mod coarse_fence;
mod divergence;
mod dormancy;
mod drift;
mod equality;
mod faults;
mod first_sync;
pub(crate) mod house;
mod identity;
mod limits;
mod many;
mod mappings;
mod odd;
mod pages;
mod regions;
mod reverse;
mod roles;
mod specimens;
mod tombstones;
mod unreadable;
