//! The witness must lie outside every site, because it decides when a site is lost.

use crate::StorageUrl;
use crate::checked::site::storage_url;
use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::raw::{RawConfig, RawSite};

/// Checks where the witness lies: in no bucket that a site keeps its state or its tables in.
pub(crate) fn check(raw: &RawConfig, report: &Report) -> Option<StorageUrl> {
    let typed = raw.witness.as_ref()?;
    let url = storage_url(typed, report)?;
    for site in &raw.sites {
        // A site with a problem of its own still keeps its state where it says.
        let state = site.state.as_ref().and_then(|typed| StorageUrl::parse(&typed.value).ok());
        if state.is_some_and(|state| state.shares_fate_with(&url)) {
            refuse(typed, site, "its state", site.state.as_ref(), report);
        }
    }
    let tables = raw.groups.iter().flat_map(|group| &group.tables);
    let locations =
        tables.filter(|table| table.key.value == "location_mappings").flat_map(|table| &table.rows);
    for (id, location) in locations.flat_map(|row| &row.cells) {
        let inside = StorageUrl::parse(&location.value).is_ok_and(|other| other.shares_fate_with(&url));
        if let Some(site) = raw.sites.iter().find(|site| inside && site.id.value == id.value) {
            refuse(typed, site, "its tables", Some(location), report);
        }
    }
    Some(url)
}

fn refuse(typed: &At<String>, site: &RawSite, what: &str, other: Option<&At<String>>, report: &Report) {
    let id = &site.id.value;
    let problem = Problem::at(
        &typed.spot,
        format!("lies where site {id:?} keeps {what}; a witness must lie outside every site"),
    );
    report.add(match other {
        Some(other) => problem.related(&other.spot.mark, format!("site {id:?} keeps {what} here")),
        None => problem,
    });
}
