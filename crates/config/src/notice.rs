//! What the config says and this version does not act on, and what it leaves out at a price. Both are said, so that
//! nobody relies on what is not there.

use std::fmt;

use serde::Serialize;

use crate::fields::At;
use crate::problem::{Mark, Spot};
use crate::raw::{RawConfig, RawGroup, RawSelection};

/// A key that is read, kept, and not acted on yet; or one that is missing, with what is lost without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Where it stands, or should.
    #[serde(flatten)]
    pub mark: Mark,
    /// Its path: `failover_groups.finance.catalogs`.
    pub key: String,
    /// What happens instead, or is lost.
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

const NO_STATE_KEY: &str = "is missing, so the state is shipped nowhere: whoever loses this machine loses what is known of \
     copies and runs, and a run that was under way cannot go on elsewhere";

/// Everything that is said and not acted on, and everything that a failover would miss.
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
    for (site, groups) in standbys_without_state(raw) {
        let spot = Spot { key: site.spot.key_below("state"), ..site.spot.clone() };
        let message = format!(
            "is missing, so a run of {groups} leaves nothing at {:?}: whoever loses this machine in the middle of one \
             cannot go on with it there",
            site.value
        );
        say(&spot, &message);
    }
    if let Some(estate) = raw.estate.as_ref().filter(|_| raw.state_key.is_none()) {
        say(&Spot { key: "state_key".to_owned(), ..estate.spot.clone() }, NO_STATE_KEY);
    }
    notices.sort_by(|one, other| one.mark.cmp(&other.mark));
    notices
}

/// The standbys that keep no state, and the groups that would move there: `"finance" and "sales"`.
fn standbys_without_state(raw: &RawConfig) -> impl Iterator<Item = (&At<String>, String)> {
    raw.sites.iter().filter(|site| site.state.is_none()).filter_map(|site| {
        let comes_here =
            |group: &&RawGroup| group.standbys.iter().any(|standby| standby.value == site.id.value);
        let groups: Vec<String> =
            raw.groups.iter().filter(comes_here).map(|group| format!("{:?}", group.name.value)).collect();
        (!groups.is_empty()).then(|| (&site.id, groups.join(" and ")))
    })
}

fn first(selection: &RawSelection) -> Option<&Spot> {
    let include = selection.include.as_ref()?;
    include.first().map(|selector| &selector.spot)
}
