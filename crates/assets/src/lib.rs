//! The kinds of asset: one file per kind, one visible table.
