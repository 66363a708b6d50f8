//! The only builder of object stores.
