//! The people of the estate: their home folders must stand before anything is put into them.

use super::{Gardener, words};
use crate::error::Error;
use crate::services::tree;

/// The user name of one of the retailer's people.
pub(super) fn user_name(person: &str) -> String {
    format!("{person}@acme.example")
}

pub(super) fn seed(gardener: &mut Gardener<'_>) -> Result<(), Error> {
    for person in words::PEOPLE {
        tree::add_user(&mut gardener.account.stage(gardener.at, "seed"), &user_name(person));
    }
    Ok(())
}
