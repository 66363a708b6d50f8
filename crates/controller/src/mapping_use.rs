//! Which rows of a group's mappings stand for something in the estate. Pure.
//!
//! A row that maps nothing is mostly a slip of the pen: the value it should have mapped goes to the standby unchanged.
//! A row counts as used when any text of any document contains its value, which errs on the side of silence.

use serde_json::Value;
use twinlake_model::{MappingTable, Mappings, SiteId};

/// The rows that nothing was found for yet.
#[derive(Clone, Debug)]
pub(crate) struct UnusedRows(Vec<UnusedRow>);

/// A row of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnusedRow {
    /// Its key in the config: `node_types`.
    pub(crate) table: &'static str,
    /// What it maps at the source.
    pub(crate) value: String,
}

impl UnusedRows {
    /// All rows that name a value at this site.
    pub(crate) fn of(mappings: &Mappings, site: &SiteId) -> Self {
        let key = |table| {
            MappingTable::ALL.iter().find(|(known, _)| *known == table).map_or("mappings", |row| row.1)
        };
        let whole = mappings.tables.iter().flat_map(|(table, rows)| {
            rows.iter().filter_map(|row| Some((key(*table), row.at(site)?.to_owned())))
        });
        let words =
            mappings.strings.iter().filter_map(|rule| Some(("strings", rule.row.at(site)?.to_owned())));
        let rows = whole.chain(words).filter(|(_, value)| !value.is_empty());
        Self(rows.map(|(table, value)| UnusedRow { table, value }).collect())
    }

    /// Strikes out the rows that a document has a use for.
    pub(crate) fn see(&mut self, document: &Value) {
        if self.0.is_empty() {
            return;
        }
        match document {
            Value::String(text) => self.0.retain(|row| !text.contains(&row.value)),
            Value::Array(items) => items.iter().for_each(|item| self.see(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.see(field)),
            _ => {}
        }
    }

    /// What is left.
    pub(crate) fn rows(&self) -> &[UnusedRow] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use twinlake_model::{Row, StringRow};

    use super::*;

    #[test]
    fn a_row_whose_value_stands_nowhere_is_left_over() {
        let row = |east: &str| {
            let cells = [("east", east), ("west", "there")];
            Row(cells.map(|(site, value)| (SiteId::from(site), value.to_owned())).into())
        };
        let mappings = Mappings {
            tables: BTreeMap::from([
                (MappingTable::NodeTypes, vec![row("i3.xlarge"), row("i3.2xlarge")]),
                (MappingTable::Locations, vec![row("s3://lake/")]),
            ]),
            strings: vec![StringRow { row: row("us-east-1"), within: vec!["spark_conf".to_owned()] }],
        };
        let mut unused = UnusedRows::of(&mappings, &"east".into());
        unused.see(&json!({ "node_type_id": "i3.xlarge", "libraries": [{ "jar": "s3://lake/a.jar" }] }));
        let left: Vec<_> = unused.rows().iter().map(|row| (row.table, row.value.as_str())).collect();
        assert_eq!(left, [("node_types", "i3.2xlarge"), ("strings", "us-east-1")]);
    }
}
