//! A report as JSON: its fields, under their own names.

use serde_json::Value;

use super::RunReport;

impl RunReport {
    /// As JSON. Stable: fields are added, never renamed.
    #[must_use]
    pub fn json(&self) -> Value {
        // Every map of a report has text for keys and every number is finite, so this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}
