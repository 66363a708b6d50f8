//! The nouns of Twinlake: sites, assets, plans, verdicts. No I/O, no async, no clock.
