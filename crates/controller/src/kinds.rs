//! The kinds of asset that are carried, as a table for people.

use serde::Serialize;
use serde_json::Value;
use twinlake_assets::{AssetKind, KeyRule, RunState, Sleeps, kinds};
use twinlake_model::{Action, AssetId, Change, Document, Key, Place, Posture, Purpose, Version};

/// One kind, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KindRow {
    /// Its name, as in identities: `cluster_policy`.
    pub kind: &'static str,
    /// Its plural, as in selectors: `cluster_policies`.
    pub plural: &'static str,
    /// How copies find each other: `path`, `unique name` or `id map`.
    pub found_by: &'static str,
    /// Whether bytes are carried beside the document.
    pub has_content: bool,
    /// The fields that make it sleep on a standby.
    pub sleeps_by: Vec<String>,
    /// The requests that stop it right after its create, where fields are not enough.
    pub stopped_by: Vec<String>,
    /// What does not travel.
    pub leaves_behind: &'static [&'static str],
    /// Where its API is documented.
    pub documentation: &'static str,
}

/// All kinds, in the order of the table.
#[must_use]
pub fn kinds_table() -> Vec<KindRow> {
    kinds::KINDS.iter().map(|kind| row(*kind)).collect()
}

/// The plural names of all kinds, for selectors.
#[must_use]
pub fn plural_names() -> Vec<String> {
    kinds::schemas().map(|schema| schema.plural.to_owned()).collect()
}

/// The plural of a kind's name; the name itself where the kind is not kept.
#[must_use]
pub(crate) fn plural(kind: &str) -> &str {
    kinds::find(kind).map_or(kind, |kind| kind.schema().plural)
}

fn row(kind: &'static dyn AssetKind) -> KindRow {
    let schema = kind.schema();
    KindRow {
        kind: schema.name,
        plural: schema.plural,
        found_by: match schema.key {
            KeyRule::Path => "path",
            KeyRule::UniqueName(_) => "unique name",
            KeyRule::Name(_) => "id map",
        },
        has_content: kind.has_content(),
        sleeps_by: schema.sleeps.iter().map(asleep).collect(),
        stopped_by: stopping(kind),
        leaves_behind: schema.leaves_behind,
        documentation: schema.documentation,
    }
}

/// The requests that put it to sleep right after its create, where no field of the create does.
fn stopping(kind: &dyn AssetKind) -> Vec<String> {
    let awake = Posture::from_iter([(RunState::WORD.to_owned(), Value::Bool(true))]);
    let spec = Value::Object(serde_json::Map::new());
    let digest = Document::new(&spec).digest();
    let version = |posture| Version { spec: digest, posture, content: None };
    let anywhere = Place::new("set".into(), "site".into());
    let change = Change {
        asset: AssetId::new(kind.schema().name.into(), anywhere, "id".into()),
        key: Key::new(""),
        action: Action::Create,
        remote: None,
        source: version(awake.clone()),
        desired: version(kind.asleep(&awake)),
        observed: None,
        rewrites: true,
        content_mark: None,
        fields: Vec::new(),
        drift: Vec::new(),
        partial: Vec::new(),
        not_kept: Vec::new(),
        needs: Vec::new(),
        after: Vec::new(),
        requests: Vec::new(),
    };
    let calls = kind.calls(&change, &spec).into_iter();
    calls.filter(|call| call.purpose == Purpose::Posture).map(|call| call.to_string()).collect()
}

/// `schedule/pause_status = PAUSED`.
fn asleep(field: &Sleeps) -> String {
    let value = field.asleep.value();
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{} = {value}", field.at.0.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_how_it_is_found_and_jobs_say_how_they_sleep() {
        let table = kinds_table();
        let job = table.iter().find(|row| row.kind == "job").unwrap();
        assert_eq!(job.found_by, "id map");
        assert!(job.sleeps_by.contains(&"max_concurrent_runs = 0".to_owned()), "{:?}", job.sleeps_by);
        let cluster = table.iter().find(|row| row.kind == "cluster").unwrap();
        assert_eq!(cluster.stopped_by.len(), 2, "terminated and pinned: {:?}", cluster.stopped_by);
        assert!(job.stopped_by.is_empty(), "{:?}", job.stopped_by);
        assert_eq!((plural("job"), plural("dashboard")), ("jobs", "dashboard"));
    }
}
