//! Stories of this crate that are about more than one file.
