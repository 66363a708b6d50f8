//! twinlake.yml: what was typed, and what it means.
