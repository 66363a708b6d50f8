//! Random histories: what is illegal never loads, and whatever is legal is gone on with.
