//! What the vault promises: on memory and folders, through crashes, lost answers, damage, forks and lost locations.

#![cfg(test)]

mod appending;
mod contracts;
mod crashes;
mod fixtures;
mod recovering;
mod shipping;
mod size;
