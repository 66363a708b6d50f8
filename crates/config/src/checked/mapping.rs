//! What is called otherwise at another site.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinlake_model::{MappingTable, Mappings, Row, SiteId, StringRow};

use crate::checked::name;
use crate::fields::At;
use crate::problem::{Problem, Report, Spot};
use crate::raw::{RawGroup, RawRow, RawTable};

/// What the rows of a group are checked against.
pub(crate) struct Sites<'a> {
    /// Every site of the estate.
    pub(crate) all: Vec<&'a str>,
    /// The group's own, primary first.
    pub(crate) group: Vec<&'a str>,
}

impl Sites<'_> {
    /// The site that documents come from.
    fn source(&self) -> Option<&str> {
        self.group.first().copied()
    }
}

/// Checks every mapping of a group.
pub(crate) fn check(raw: &RawGroup, sites: &Sites<'_>, report: &Report) -> Mappings {
    let mut tables = BTreeMap::new();
    for table in &raw.tables {
        let Some((kind, _)) = MappingTable::ALL.iter().find(|(_, key)| *key == table.key.value) else {
            continue;
        };
        check_table(*kind, table, sites, report);
        tables.insert(*kind, table.rows.iter().map(row).collect());
    }
    check_strings(&raw.strings, sites, report);
    let strings = raw.strings.iter().map(|raw| StringRow {
        row: row(raw),
        within: raw.within.iter().map(|name| name.value.clone()).collect(),
    });
    Mappings { tables, strings: strings.collect() }
}

fn row(raw: &RawRow) -> Row {
    Row(raw
        .cells
        .iter()
        .map(|(site, value)| (SiteId::new(site.value.as_str()), value.value.clone()))
        .collect())
}

fn check_table(kind: MappingTable, table: &RawTable, sites: &Sites<'_>, report: &Report) {
    for row in &table.rows {
        check_row(row, sites, report);
        if kind == MappingTable::Locations {
            check_locations(row, report);
        }
    }
    refuse_idle(&table.key.spot, &table.rows, report);
    refuse_ambiguous(&table.rows, sites, |_, _| true, report);
}

fn check_strings(rows: &[RawRow], sites: &Sites<'_>, report: &Report) {
    for row in rows {
        check_row(row, sites, report);
    }
    if let Some(first) = rows.first() {
        let key = first.spot.key.trim_end_matches("[0]").to_owned();
        refuse_idle(&Spot { key, ..first.spot.clone() }, rows, report);
    }
    let same_field = |one: &RawRow, other: &RawRow| {
        one.within.iter().any(|name| other.within.iter().any(|field| field.value == name.value))
    };
    refuse_ambiguous(rows, sites, same_field, report);
}

/// A row names sites that there are, and at least two of the group's.
fn check_row(row: &RawRow, sites: &Sites<'_>, report: &Report) {
    let mut unknown = false;
    for (site, _) in row.cells.iter().filter(|(site, _)| !sites.all.contains(&site.value.as_str())) {
        name::refuse_unknown("site", site, sites.all.iter().copied(), report);
        unknown = true;
    }
    let ours = row.cells.iter().filter(|(site, _)| sites.group.contains(&site.value.as_str())).count();
    if ours < 2 && row.is_whole && !unknown && sites.group.len() > 1 {
        let say = match row.cells.len() {
            0 => "maps nothing: it is empty".to_owned(),
            1 => "maps nothing: it names one site only".to_owned(),
            _ => format!(
                "maps nothing: it names fewer than two of this group's sites, {}",
                sites.group.join(", ")
            ),
        };
        report.problem(&row.spot, say);
    }
}

/// Reports a table in which every row says the same at each site. Single rows of that sort may stand beside others: they
/// keep a value from being mapped by a shorter prefix.
fn refuse_idle(spot: &Spot, rows: &[RawRow], report: &Report) {
    let same = |row: &RawRow| {
        // A row with a cell that could not be read may say anything.
        let values: BTreeSet<&str> = row.cells.iter().map(|(_, value)| value.value.as_str()).collect();
        row.is_whole && row.cells.len() > 1 && values.len() == 1
    };
    if !rows.is_empty() && rows.iter().all(same) {
        report.problem(spot, "maps nothing: every row says the same at each of its sites");
    }
}

/// Reports a value of the primary that two rows map, toward different values at some other site. The way back may be
/// many-to-one; the way there may not.
fn refuse_ambiguous(
    rows: &[RawRow],
    sites: &Sites<'_>,
    same_vocabulary: impl Fn(&RawRow, &RawRow) -> bool,
    report: &Report,
) {
    let Some(source) = sites.source() else { return };
    let mut seen: HashMap<&str, Vec<&RawRow>> = HashMap::new();
    for row in rows {
        let Some(value) = cell(row, source) else { continue };
        let earlier = seen.entry(value.value.as_str()).or_default();
        let rival = earlier.iter().find(|other| {
            let differs = row.cells.iter().any(|(site, target)| {
                site.value != source
                    && cell(other, &site.value).is_some_and(|their| their.value != target.value)
            });
            differs && same_vocabulary(row, other)
        });
        if let Some(first) = rival.and_then(|rival| cell(rival, source)) {
            report.add(
                Problem::at(
                    &value.spot,
                    format!("maps {:?} of {source:?} a second time, to something else", value.value),
                )
                .related(&first.spot.mark, "it is first mapped here"),
            );
        }
        earlier.push(row);
    }
}

fn cell<'r>(row: &'r RawRow, site: &str) -> Option<&'r At<String>> {
    row.cells.iter().find(|(name, _)| name.value == site).map(|(_, value)| value)
}

/// Locations are replaced by prefix, so a slash that only one site has would tear paths apart.
fn check_locations(row: &RawRow, report: &Report) {
    for (_, value) in &row.cells {
        if !value.value.contains(":/") && !value.value.starts_with('/') {
            report
                .problem(&value.spot, format!("{:?} is not a URL such as s3://bucket/folder/", value.value));
        }
    }
    let with_slash = |value: &At<String>| value.value.ends_with('/');
    let count = row.cells.iter().filter(|(_, value)| with_slash(value)).count();
    if count > 0 && count < row.cells.len() {
        report.problem(
            &row.spot,
            "ends with a slash at one site and not at another; the paths below would not fit",
        );
    } else if count == 0 && !row.cells.is_empty() {
        report.add(
            Problem::warning(&row.spot, "ends without a slash, so it also matches its longer neighbours")
                .suggest("end each URL with a slash".to_owned()),
        );
    }
}
