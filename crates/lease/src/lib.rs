//! The witness, and the lease that permits writes.
