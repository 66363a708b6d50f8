//! What the store promises, held over every backend, through crashes, damage and size.

#![cfg(test)]

mod conformance;
mod crashes;
mod damage;
mod fixtures;
mod size;
