//! What there is to recover from: every generation of every location that answers, and which of them is the newest.

use futures::future::join_all;

use crate::error::Standing;
use crate::header::Header;
use crate::recover::{Choice, Remark};
use crate::shelf::{Shelf, is_crash};
use crate::{Location, VaultError};

/// A generation at a location.
pub(crate) struct Candidate<'a> {
    pub(crate) location: &'a Location,
    pub(crate) header: Header,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found<'a> {
    /// The newest first.
    pub(crate) candidates: Vec<Candidate<'a>>,
    /// The locations that answered.
    pub(crate) looked: Vec<&'a Location>,
    /// What did not, and what does not say what it is.
    pub(crate) remarks: Vec<Remark>,
    /// Why the first of those that do not say what they are does not.
    pub(crate) unreadable: Option<VaultError>,
}

/// What one location has.
#[derive(Default)]
struct Holding<'a> {
    candidates: Vec<Candidate<'a>>,
    unreadable: Vec<(u64, VaultError)>,
}

/// Looks at every location.
pub(crate) async fn search(locations: &[Location]) -> Result<Found<'_>, VaultError> {
    let mut found = Found::default();
    for (location, answer) in locations.iter().zip(join_all(locations.iter().map(look_at)).await) {
        match answer {
            Ok(holding) => {
                found.looked.push(location);
                found.candidates.extend(holding.candidates);
                for (generation, error) in holding.unreadable {
                    let (location, why) = (location.name.clone(), error.to_string());
                    found.remarks.push(Remark::PassedOver { location, generation, why });
                    found.unreadable.get_or_insert(error);
                }
            }
            Err(error) if is_crash(&error) => return Err(error),
            Err(error) => found
                .remarks
                .push(Remark::Unreachable { location: location.name.clone(), why: error.to_string() }),
        }
    }
    found.candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.age()));
    Ok(found)
}

async fn look_at(location: &Location) -> Result<Holding<'_>, VaultError> {
    let shelf = Shelf(location);
    let mut holding = Holding::default();
    for generation in shelf.generations().await? {
        match shelf.header(generation).await {
            Ok(Some(header)) => holding.candidates.push(Candidate { location, header }),
            Ok(None) => {}
            Err(error @ (VaultError::Damaged { .. } | VaultError::Newer { .. })) => {
                holding.unreadable.push((generation, error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(holding)
}

impl Candidate<'_> {
    /// What makes one newer than another: a longer audit; where that is equal, a later date.
    fn age(&self) -> (u64, twinlake_base::Timestamp, u64) {
        (self.header.facts.audit_rows, self.header.facts.at, self.header.generation)
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing {
            location: self.location.name.clone(),
            generation: self.header.generation,
            audit_rows: self.header.facts.audit_rows,
            at: self.header.facts.at,
        }
    }

    /// Whether people have chosen this one, or nobody has chosen.
    pub(crate) fn is_chosen(&self, choice: Option<&Choice>) -> bool {
        choice.is_none_or(|choice| {
            choice.location == self.location.name
                && choice.generation.is_none_or(|generation| generation == self.header.generation)
        })
    }
}
