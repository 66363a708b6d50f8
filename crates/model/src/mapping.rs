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
    /// give the same value at `from`, the first one that knows `to` counts.
    #[must_use]
    pub fn map(&self, table: MappingTable, value: &str, from: &SiteId, to: &SiteId) -> String {
        whole(&self.pieces(Vocabulary::Table(table), value, from, to))
    }

    /// A free text of `from`, as it reads at `to`. At each place the longest word counts, and no replacement is
    /// replaced again.
    #[must_use]
    pub fn map_text(&self, field: &str, text: &str, from: &SiteId, to: &SiteId) -> String {
        whole(&self.pieces(Vocabulary::Text(field), text, from, to))
    }

    /// A value of `from`, cut into what is called otherwise at `to` and what is not. The pieces' texts make the value.
    #[must_use]
    pub fn pieces<'a>(
        &'a self,
        vocabulary: Vocabulary<'_>,
        value: &'a str,
        from: &SiteId,
        to: &SiteId,
    ) -> Vec<Piece<'a>> {
        let table = |table| {
            let rows = self.tables.get(&table).map_or(&[][..], Vec::as_slice);
            rows.iter().filter_map(|row| Some((row.at(from)?, row.at(to)?)))
        };
        match vocabulary {
            Vocabulary::Table(by_prefix @ MappingTable::Locations) => location(table(by_prefix), value),
            Vocabulary::Table(by_value) => {
                let named = table(by_value).find(|(here, _)| *here == value);
                vec![Piece { text: value, becomes: named.map(|(_, there)| there) }]
            }
            Vocabulary::Text(field) => {
                let rules = self.strings.iter().filter(|rule| rule.within.iter().any(|name| name == field));
                let words: Vec<(&str, &str)> =
                    rules.filter_map(|rule| Some((rule.row.at(from)?, rule.row.at(to)?))).collect();
                text(&words, value)
            }
        }
    }
}

/// In which words a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary<'a> {
    /// Those of a table.
    Table(MappingTable),
    /// Words inside the free text of this name.
    Text(&'a str),
}

/// A part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// How it reads.
    pub text: &'a str,
    /// How it reads at the other site, if it is called otherwise there.
    pub becomes: Option<&'a str>,
}

impl<'a> Piece<'a> {
    /// How it reads at the other site.
    #[must_use]
    pub fn mapped(&self) -> &'a str {
        self.becomes.unwrap_or(self.text)
    }
}

fn whole(pieces: &[Piece<'_>]) -> String {
    pieces.iter().map(Piece::mapped).collect()
}

/// A URL by its longest mapped prefix. A row that ends with a slash also names the folder itself.
fn location<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>, value: &'a str) -> Vec<Piece<'a>> {
    let plain = vec![Piece { text: value, becomes: None }];
    let prefix = |(here, there): (&'a str, &'a str)| {
        if value.starts_with(here) {
            return Some((here.len(), there));
        }
        let folder = here.strip_suffix('/').filter(|folder| *folder == value)?;
        Some((folder.len(), there.strip_suffix('/').unwrap_or(there)))
    };
    let longest = rows.filter_map(prefix).reduce(|best, next| if next.0 > best.0 { next } else { best });
    let Some((length, there)) = longest.filter(|(length, _)| *length > 0) else { return plain };
    let (head, tail) = value.split_at(length);
    let mut pieces = vec![Piece { text: head, becomes: Some(there) }];
    if !tail.is_empty() {
        pieces.push(Piece { text: tail, becomes: None });
    }
    pieces
}

/// A text by the words in it: at each place the longest, and of equals the first.
fn text<'a>(words: &[(&'a str, &'a str)], value: &'a str) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut plain_from, mut at) = (0, 0);
    while let Some(first) = value[at..].chars().next() {
        let here = words.iter().filter(|(word, _)| !word.is_empty() && value[at..].starts_with(word));
        match here.reduce(|best, next| if next.0.len() > best.0.len() { next } else { best }) {
            Some((word, becomes)) => {
                if plain_from < at {
                    pieces.push(Piece { text: &value[plain_from..at], becomes: None });
                }
                pieces.push(Piece { text: &value[at..at + word.len()], becomes: Some(*becomes) });
                at += word.len();
                plain_from = at;
            }
            None => at += first.len_utf8(),
        }
    }
    if plain_from < at {
        pieces.push(Piece { text: &value[plain_from..at], becomes: None });
    }
    pieces
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
    fn a_row_that_names_a_folder_also_names_it_without_its_slash() {
        let (east, west) = ("east".into(), "west".into());
        assert_eq!(mappings().map(MappingTable::Locations, "s3://lake", &east, &west), "s3://lake-west");
        assert_eq!(mappings().map(MappingTable::Locations, "s3://lakes/x", &east, &west), "s3://lakes/x");
    }

    #[test]
    fn a_row_that_does_not_know_the_site_leaves_the_value_to_one_that_does() {
        let (east, north) = ("east".into(), "north".into());
        let mut mappings = mappings();
        let other =
            Row([("east".into(), "i3.xlarge".to_owned()), ("north".into(), "n2.large".to_owned())].into());
        mappings.tables.entry(MappingTable::NodeTypes).or_default().push(other);
        assert_eq!(mappings.map(MappingTable::NodeTypes, "i3.xlarge", &east, &north), "n2.large");
    }

    #[test]
    fn the_longest_word_wins_and_no_replacement_is_replaced_again() {
        let (east, west) = ("east".into(), "west".into());
        let rule = |here: &str, there: &str| StringRow { row: row(here, there), within: vec!["p".into()] };
        let strings =
            vec![rule("us-east", "us-west"), rule("us-east-1", "us-east-2"), rule("us-east-2", "x")];
        let mappings = Mappings { strings, ..Mappings::default() };
        assert_eq!(mappings.map_text("p", "us-east-1/us-east-3/é", &east, &west), "us-east-2/us-west-3/é");
    }

    #[test]
    fn words_are_replaced_only_in_the_fields_that_are_named() {
        let (east, west) = ("east".into(), "west".into());
        assert_eq!(mappings().map_text("parameters", "--region=east", &east, &west), "--region=west");
        assert_eq!(mappings().map_text("spark_conf", "--region=east", &east, &west), "--region=east");
    }
}
