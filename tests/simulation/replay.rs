//! The same seed gives the same requests in the same order, and the same effects, to the byte.

use std::fmt::Write;

use super::dials::{Dials, in_virtual_time};
use super::history::History;

/// Everything of a history that could differ.
fn transcript(seed: u64) -> String {
    let history = in_virtual_time(History::of(seed));
    let mut text = history.trace.join("\n");
    for passage in &history.passages {
        let _ = writeln!(text, "{passage}");
    }
    for effect in history.fleet.effects() {
        let _ = writeln!(text, "{effect:?}");
    }
    text
}

#[test]
fn a_seed_replays_to_the_byte() {
    let seeds = Dials::read().seed.map_or(1..9, |seed| seed..seed + 1);
    for seed in seeds {
        let (one, other) = (transcript(seed), transcript(seed));
        if one != other {
            let differs = one.lines().zip(other.lines()).enumerate().find(|(_, (one, other))| one != other);
            panic!("seed {seed} did not replay: {differs:#?}");
        }
    }
}
