//! What the config says and this version does not act on. It is kept, and said, so that nobody relies on it.

use std::fmt;

use serde::Serialize;

use crate::problem::{Mark, Spot};
use crate::raw::{RawConfig, RawGroup, RawSelection};

/// A key that is read, kept, and not acted on yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Where it stands.
    #[serde(flatten)]
    pub mark: Mark,
    /// Its path: `failover_groups.finance.catalogs`.
    pub key: String,
    /// What happens instead.
    pub message: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.mark, self.key, self.message)
    }
}

/// A key of a group: where it stands in a group that sets it, and what happens instead.
struct NotYet {
    set_at: fn(&RawGroup) -> Option<&Spot>,
    says: &'static str,
}

/// The keys of a group that wait for their version. Whoever builds one takes its row away.
const OF_A_GROUP: &[NotYet] = &[
    NotYet {
        set_at: |group| group.catalogs.first().map(|catalog| &catalog.spot),
        says: "kept, but this version carries no catalogs and no tables",
    },
    NotYet {
        set_at: |group| group.warm.as_ref().and_then(first),
        says: "kept, but this version lets nothing run on a standby",
    },
    NotYet {
        set_at: |group| group.waves.iter().find_map(first),
        says: "kept, but this version wakes nothing, so there is no order to wake in",
    },
    NotYet {
        set_at: |group| group.contacts.iter().find_map(|contact| contact.to.as_ref()).map(|to| &to.spot),
        says: "kept, but this version notifies nobody",
    },
];

const OF_STATE: &str = "kept, but this version keeps its state in local_state alone";
const OF_WITNESS: &str =
    "kept, but this version keeps its leases in a folder (file:///…) or beside local_state";

/// Everything that is said and not acted on.
pub(crate) fn gather(raw: &RawConfig) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut say = |spot: &Spot, says: &str| {
        notices.push(Notice { mark: spot.mark.clone(), key: spot.key.clone(), message: says.to_owned() });
    };
    for state in raw.sites.iter().filter_map(|site| site.state.as_ref()) {
        say(&state.spot, OF_STATE);
    }
    if let Some(witness) = raw.witness.as_ref().filter(|witness| !witness.value.starts_with("file:")) {
        say(&witness.spot, OF_WITNESS);
    }
    for group in &raw.groups {
        for row in OF_A_GROUP {
            if let Some(spot) = (row.set_at)(group) {
                // The first item stands for the whole list.
                let list =
                    Spot { key: spot.key.split("[0]").next().unwrap_or_default().to_owned(), ..spot.clone() };
                say(&list, row.says);
            }
        }
    }
    notices.sort_by(|one, other| one.mark.cmp(&other.mark));
    notices
}

fn first(selection: &RawSelection) -> Option<&Spot> {
    let include = selection.include.as_ref()?;
    include.first().map(|selector| &selector.spot)
}
