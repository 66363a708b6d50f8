//! Randomness that a seed replays.
//!
//! Used for jitter, for ids and for simulated faults. Not for keys: nothing here is cryptographic.

use std::sync::{Arc, Mutex, PoisonError};

/// The one source of randomness. Cheap to clone; clones draw from the same sequence.
#[derive(Clone, Debug)]
pub struct Entropy(Arc<Mutex<fastrand::Rng>>);

impl Entropy {
    /// Different in every process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the home of randomness")]
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::new())))
    }

    /// The same sequence for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// Any number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.draw(|rng| rng.u64(..))
    }

    /// A number below `bound`; 0 when `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw(|rng| rng.u64(..bound)) }
    }

    /// A fraction in `0.0..1.0`.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.draw(fastrand::Rng::f64)
    }

    /// `length` lowercase hexadecimal digits.
    #[must_use]
    pub fn hex(&self, length: usize) -> String {
        self.draw(|rng| (0..length).map(|_| char::from_digit(rng.u32(..16), 16).unwrap_or('0')).collect())
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays() {
        let (one, two) = (Entropy::seeded(7), Entropy::seeded(7));
        let draw = |entropy: &Entropy| (entropy.number(), entropy.hex(8), entropy.below(10));
        assert_eq!(draw(&one), draw(&two));
        assert_ne!(draw(&one), draw(&Entropy::seeded(8)));
    }
}
