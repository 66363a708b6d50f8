//! The kinds of asset: one file per kind, one visible table.
//!
//! | to learn | open |
//! |---|---|
//! | which kinds there are | [`kinds`] |
//! | what a kind must say of itself | [`AssetKind`], and its data: [`Schema`] |
//! | what may be running that is no asset | [`activities`], [`Activity`] |
//! | what a plain REST collection needs | [`RestKind`]: a constant |
//! | how a service's document becomes portable | [`symbolize`] |
//! | how it becomes what it must be at another site | [`localize`] |
//! | how a change's call becomes a request | [`resolve`] |
//! | what becomes of secrets | `secret` |
//!
//! A document goes through three forms. *Raw*: as the service shows it. *Portable*: what the service owns is gone,
//! posture and identity tag are set apart, ids are symbols. *Localized*: the portable document in another site's
//! dialect. Only [`resolve`] turns symbols into ids, in the request that is about to be sent.
//!
//! This crate decides nothing about *when*: it knows what kinds are, not what changed.

pub mod activities;
mod activity;
mod beside;
mod edit;
mod error;
pub mod fragments;
mod kind;
pub mod kinds;
pub mod localize;
mod portrait;
mod posture;
pub mod resolve;
mod rest;
mod schema;
mod secret;
pub mod symbolize;
mod tag;

pub use activity::{Activity, History, Running, Use};
pub use beside::ITEM_KEYS;
pub use error::Error;
pub use kind::{AssetKind, Body, Listed, Listing, Scope};
pub use portrait::Portrait;
pub use rest::{Address, RestKind, RunState, WritePath};
pub use schema::{
    By, Constant, Embed, Fenced, Field, Fragment, IdShape, KeyRule, Missing, Ration, Reference, Schema,
    Sleeps, TagForm, Tags,
};
pub use tag::{TAG_KEY, has_room};
