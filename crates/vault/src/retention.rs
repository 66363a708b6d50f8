//! Which shipped states are cleared away: a pure decision.

/// How many generations of our own are kept at each location.
pub const KEPT: usize = 3;

/// The generations that may go after `shipped` arrived: all but the newest few. Whoever clears one away looks first
/// that it is ours.
pub(crate) fn superfluous(generations: &[u64], shipped: u64) -> Vec<u64> {
    let mut all: Vec<u64> = generations.iter().copied().filter(|generation| *generation < shipped).collect();
    all.sort_unstable();
    let kept_before = KEPT.saturating_sub(1);
    all.truncate(all.len().saturating_sub(kept_before));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_three_stay_and_nothing_newer_than_what_was_shipped_goes() {
        assert_eq!(superfluous(&[], 1), [0; 0]);
        assert_eq!(superfluous(&[1, 2], 3), [0; 0]);
        assert_eq!(superfluous(&[3, 1, 2], 4), [1]);
        assert_eq!(superfluous(&[1, 2, 5, 8], 8), [1]);
        assert_eq!(superfluous(&[1, 2, 3, 9, 10], 4), [1]);
    }
}
