//! What is called otherwise at another site: node types, zones, profiles, URLs, and words inside free text.
//!
//! A mapping is a table whose rows name one value per site, so it works for any number of sites and in both
//! directions. It may be many-to-one (two node types that become one): then the way back is ambiguous, and only the
//! base of the pair can say which it was (P9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, SiteId};

/// Which vocabulary a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingTable {
    /// `i3.xlarge` → `i4i.xlarge`. Whole values.
    NodeTypes,
    /// `us-east-1a` → `us-west-2b`. Whole values.
    Zones,
    /// Instance profile ARNs, whole.
    InstanceProfiles,
    /// Spark versions, whole; mostly the same everywhere.
    SparkVersions,
    /// URLs of storage, by their longest mapped prefix (`location_mappings` in the config).
    Locations,
}

/// What one thing is called at each site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(pub BTreeMap<SiteId, String>);

/// Words to replace inside free text, and the texts in which to do so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StringRow {
    /// What the word is at each site.
    pub row: Row,
    /// The names of the fields it applies to, as kinds name them: `spark_conf`, `parameters`.
    pub within: Vec<String>,
}

/// All mappings of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mappings {
    /// The tables of whole values and prefixes.
    pub tables: BTreeMap<MappingTable, Vec<Row>>,
    /// The words in free text.
    pub strings: Vec<StringRow>,
}

impl MappingTable {
    /// All tables, with their keys in the config.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::NodeTypes, "node_types"),
        (Self::Zones, "zones"),
        (Self::InstanceProfiles, "instance_profiles"),
        (Self::SparkVersions, "spark_versions"),
        (Self::Locations, "location_mappings"),
    ];

    const fn is_by_prefix(self) -> bool {
        matches!(self, Self::Locations)
    }
}

impl Row {
    /// What the thing is called at a site.
    #[must_use]
    pub fn at(&self, site: &SiteId) -> Option<&str> {
        self.0.get(site).map(String::as_str)
    }
}

impl Mappings {
    /// The digest of all tables.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// What a value of `from` is called at `to`. A value that no row names is the same everywhere. Where two rows
    /// give the same value at `from`, the first one counts.
    #[must_use]
    pub fn map(&self, table: MappingTable, value: &str, from: &SiteId, to: &SiteId) -> String {
        let rows = self.tables.get(&table).map_or(&[][..], Vec::as_slice);
        if table.is_by_prefix() {
            let longest = rows
                .iter()
                .filter_map(|row| Some((row.at(from)?, row.at(to)?)))
                .filter(|(prefix, _)| value.starts_with(prefix))
                .reduce(|best, next| if next.0.len() > best.0.len() { next } else { best });
            return match longest {
                Some((prefix, replacement)) => format!("{replacement}{}", &value[prefix.len()..]),
                None => value.to_owned(),
            };
        }
        rows.iter()
            .find(|row| row.at(from) == Some(value))
            .and_then(|row| row.at(to))
            .unwrap_or(value)
            .to_owned()
    }

    /// A free text of `from`, as it reads at `to`. Rows apply in order, each to what stood in the original text, so
    /// that no replacement is replaced again.
    #[must_use]
    pub fn map_text(&self, field: &str, text: &str, from: &SiteId, to: &SiteId) -> String {
        let pairs: Vec<(&str, &str)> = self
            .strings
            .iter()
            .filter(|rule| rule.within.iter().any(|name| name == field))
            .filter_map(|rule| Some((rule.row.at(from)?, rule.row.at(to)?)))
            .filter(|(word, _)| !word.is_empty())
            .collect();
        let mut mapped = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((word, replacement)) = pairs.iter().find(|(word, _)| rest.starts_with(word)) {
                mapped.push_str(replacement);
                rest = &rest[word.len()..];
            } else {
                mapped.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(east: &str, west: &str) -> Row {
        Row([("east".into(), east.to_owned()), ("west".into(), west.to_owned())].into())
    }

    fn mappings() -> Mappings {
        Mappings {
            tables: [
                (
                    MappingTable::NodeTypes,
                    vec![row("i3.xlarge", "i4i.xlarge"), row("i3.2xlarge", "i4i.xlarge")],
                ),
                (
                    MappingTable::Locations,
                    vec![row("s3://lake/", "s3://lake-west/"), row("s3://lake/raw/", "s3://raw-west/")],
                ),
            ]
            .into(),
            strings: vec![StringRow { row: row("east", "west"), within: vec!["parameters".into()] }],
        }
    }

    #[test]
    fn whole_values_are_mapped_whole_and_the_first_row_counts_on_the_way_back() {
        let (east, west) = ("east".into(), "west".into());
        assert_eq!(mappings().map(MappingTable::NodeTypes, "i3.2xlarge", &east, &west), "i4i.xlarge");
        assert_eq!(mappings().map(MappingTable::NodeTypes, "i4i.xlarge", &west, &east), "i3.xlarge");
        assert_eq!(mappings().map(MappingTable::NodeTypes, "i3.xlarge.x", &east, &west), "i3.xlarge.x");
    }

    #[test]
    fn the_longest_prefix_wins() {
        let (east, west) = ("east".into(), "west".into());
        assert_eq!(
            mappings().map(MappingTable::Locations, "s3://lake/raw/x", &east, &west),
            "s3://raw-west/x"
        );
        assert_eq!(mappings().map(MappingTable::Locations, "s3://lake/x", &east, &west), "s3://lake-west/x");
    }

    #[test]
    fn words_are_replaced_only_in_the_fields_that_are_named() {
        let (east, west) = ("east".into(), "west".into());
        assert_eq!(mappings().map_text("parameters", "--region=east", &east, &west), "--region=west");
        assert_eq!(mappings().map_text("spark_conf", "--region=east", &east, &west), "--region=east");
    }
}
