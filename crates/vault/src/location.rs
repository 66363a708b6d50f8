//! Where state is kept.

use twinlake_objects::Objects;

/// A store that state is shipped to: a site's `state` URL, or the witness.
#[derive(Clone)]
pub struct Location {
    /// What people call it: the site's name, or `witness`. Unique among those that are used together.
    pub name: String,
    /// The store. One request must be given enough time to carry a whole state.
    pub objects: Objects,
}

impl Location {
    /// A location.
    #[must_use]
    pub fn new(name: impl Into<String>, objects: Objects) -> Self {
        Self { name: name.into(), objects }
    }
}
