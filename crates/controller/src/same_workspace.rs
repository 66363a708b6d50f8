//! No two places may be one workspace: a standby that is its own primary would be put to sleep. Pure.

use std::collections::BTreeMap;

use twinlake_model::Place;

/// Two places that are one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Twins {
    /// The one.
    pub(crate) one: Place,
    /// The other.
    pub(crate) other: Place,
    /// Their one id.
    pub(crate) workspace_id: String,
}

/// The first two places at different sites that have the same workspace id.
#[must_use]
pub(crate) fn twins<'p>(ids: impl IntoIterator<Item = (&'p Place, &'p str)>) -> Option<Twins> {
    let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
    for (place, id) in ids {
        match seen.insert(id, place) {
            Some(earlier) if earlier.site != place.site => {
                let workspace_id = id.to_owned();
                return Some(Twins { one: earlier.clone(), other: place.clone(), workspace_id });
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_that_is_the_primary_is_found_whatever_its_host_is_called() {
        let [east, west, test]: [Place; 3] =
            ["prod@east", "prod@west", "test@west"].map(|place| place.parse().unwrap());
        assert_eq!(twins([(&east, "1"), (&west, "2"), (&test, "2")]), None);
        let found = twins([(&east, "1"), (&west, "1")]).unwrap();
        assert_eq!((found.one, found.other), (east, west));
    }
}
