//! P9: there and back changes nothing, and going back carries edits and nothing else.

use proptest::prelude::*;
use serde_json::{Value, json};
use twinlake_model::{MappingTable, Mappings, Row, SiteId, StringRow};

use super::support::{fixtures, kind, portable};
use crate::kinds::KINDS;
use crate::localize::{Dialects, Pair, localize};
use crate::schema::Fragment;

const SITES: &[&str] = &["east", "west", "north"];
const FIELDS: &[&str] = &[
    "spark_conf",
    "spark_env_vars",
    "parameters",
    "tags",
    "policies",
    "cloud_resources",
    "docker_images",
    "repositories",
];

/// Few values, so that dialects overlap, rows lead to one value, and words contain each other.
fn values(table: MappingTable) -> &'static [&'static str] {
    match table {
        MappingTable::Locations => &["s3://a/", "s3://a/b/", "s3://b/", "s3://c/", "s3://c/b/"],
        _ => &["v1", "v2", "v3", "v4", "v5"],
    }
}

const WORDS: &[&str] = &["east", "west", "us-east-1", "us-east", "us-west-1", "us", "e", "-1", "north", "é"];

/// With nothing, too: a word that another site does without.
const WORDS_AND_NOTHING: &[&str] = &["", "east", "west", "us-east-1", "e", "é"];

fn row(values: &'static [&'static str]) -> impl Strategy<Value = Row> {
    prop::collection::vec(prop::option::weighted(0.8, prop::sample::select(values)), SITES.len()).prop_map(
        |cells| {
            let named =
                SITES.iter().zip(cells).filter_map(|(site, value)| Some(((*site).into(), value?.to_owned())));
            Row(named.collect())
        },
    )
}

fn mappings(words: &'static [&'static str]) -> impl Strategy<Value = Mappings> {
    let table = |(table, _): &'static (MappingTable, &'static str)| {
        prop::collection::vec(row(values(*table)), 0..5).prop_map(move |rows| (*table, rows))
    };
    let tables: Vec<_> = MappingTable::ALL.iter().map(table).collect();
    let rule = (row(words), prop::sample::subsequence(FIELDS, 1..FIELDS.len()));
    let strings = prop::collection::vec(rule, 0..6).prop_map(|rules| {
        let rule = |(row, within): (Row, Vec<&str>)| StringRow {
            row,
            within: within.into_iter().map(str::to_owned).collect(),
        };
        rules.into_iter().map(rule).collect()
    });
    (tables, strings).prop_map(|(tables, strings)| Mappings { tables: tables.into_iter().collect(), strings })
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![3 => prop::sample::select(WORDS), 1 => prop::sample::select(&["/", "=", "x", "ü", "2"][..])];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn value(table: MappingTable) -> impl Strategy<Value = String> {
    prop::sample::select(values(table)).prop_map(str::to_owned)
}

/// A URL that no other one of the document is equal to, at any site.
fn url(number: usize) -> impl Strategy<Value = String> {
    value(MappingTable::Locations).prop_map(move |prefix| format!("{prefix}file-{number}"))
}

fn cluster_spec() -> impl Strategy<Value = Value> {
    let node = || value(MappingTable::NodeTypes);
    (
        (node(), prop::collection::vec(node(), 0..4), value(MappingTable::Zones), value(MappingTable::SparkVersions)),
        (prop::collection::btree_map("[a-c]", text(), 0..3), text(), url(0), url(1)),
    )
        .prop_map(|((node, alternates, zone, version), (conf, tag, log, script))| {
            json!({
                "node_type_id": node, "spark_version": version, "num_workers": 2, "unknown": { "node_type_id": "v1" },
                "worker_node_type_flexibility": { "alternate_node_type_ids": alternates },
                "aws_attributes": { "zone_id": zone, "instance_profile_arn": "v1" },
                "spark_conf": conf, "custom_tags": { "where": tag },
                "cluster_log_conf": { "s3": { "destination": log, "region": "us-east-1" } },
                "init_scripts": [{ "workspace": { "destination": "/Shared/east/a.sh" } }, { "s3": { "destination": script } }],
                "policy_id": { "$ref": "cluster_policy/prod@east/us-east-1" },
            })
        })
}

fn library(number: usize) -> impl Strategy<Value = Value> {
    prop_oneof![
        url(number).prop_map(|url| json!({ "jar": url })),
        Just(json!({ "pypi": { "package": format!("p{number}==1") } })),
    ]
}

fn task(number: usize) -> impl Strategy<Value = Value> {
    let numbered = move |text: String, item: usize| format!("{text}#{number}.{item}");
    (
        prop::option::of(cluster_spec()),
        prop::collection::vec(text(), 0..4),
        prop::collection::btree_map("[a-c]", text(), 0..3),
        (0..4_usize).prop_flat_map(|count| (0..count).map(library).collect::<Vec<_>>()),
    )
        .prop_map(move |(cluster, parameters, named, libraries)| {
            let listed: Vec<String> =
                parameters.into_iter().enumerate().map(|(item, text)| numbered(text, item)).collect();
            let mut task = json!({
                "task_key": format!("task-{number}"), "libraries": libraries,
                "spark_python_task": { "python_file": "/Shared/us-east-1/x.py", "parameters": listed },
                "for_each_task": { "inputs": "[]", "task": { "task_key": "inner", "notebook_task": { "base_parameters": named } } },
                "existing_cluster_id": { "$ref": "cluster/prod@east/us-east-1" },
            });
            if let Some(cluster) = cluster {
                task["new_cluster"] = cluster;
            }
            task
        })
}

fn job() -> impl Strategy<Value = Value> {
    let tasks = (1..5_usize).prop_flat_map(|count| (0..count).map(task).collect::<Vec<_>>());
    (tasks, cluster_spec(), text(), url(9)).prop_map(|(tasks, shared, parameter, landing)| {
        json!({
            "name": "us-east-1", "tasks": tasks, "tags": { "where": parameter },
            "job_clusters": [{ "job_cluster_key": "main", "new_cluster": shared }],
            "parameters": [{ "name": "where", "default": parameter }],
            "trigger": { "file_arrival": { "url": landing } },
        })
    })
}

fn policy() -> impl Strategy<Value = Value> {
    let node = || value(MappingTable::NodeTypes);
    (prop::collection::vec(node(), 0..4), node(), text(), text(), value(MappingTable::Zones)).prop_map(
        |(nodes, node, conf, pattern, zone)| {
            json!({
                "name": "east",
                "definition": { "$text": {
                    "node_type_id": { "type": "allowlist", "values": nodes, "defaultValue": node },
                    "aws_attributes.zone_id": { "type": "fixed", "value": zone },
                    "spark_version": { "type": "regex", "pattern": pattern },
                    "spark_conf.where": { "type": "fixed", "value": conf },
                    "instance_pool_id": { "type": "fixed", "value": { "$ref": "instance_pool/prod@east/us-east-1" } },
                } },
                "policy_family_definition_overrides": "not JSON us-east-1 {",
            })
        },
    )
}

fn pool() -> impl Strategy<Value = Value> {
    let version = || value(MappingTable::SparkVersions);
    (value(MappingTable::NodeTypes), prop::collection::vec(version(), 0..4), text()).prop_map(
        |(node, versions, image)| {
            json!({
                "instance_pool_name": "east", "node_type_id": node, "preloaded_spark_versions": versions,
                "preloaded_docker_images": [{ "url": image, "basic_auth": { "username": "east" } }],
            })
        },
    )
}

/// A kind and one of its portable documents.
fn document() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        3 => job().prop_map(|document| ("job", document)),
        1 => cluster_spec().prop_map(|document| ("cluster", document)),
        1 => policy().prop_map(|document| ("cluster_policy", document)),
        1 => pool().prop_map(|document| ("instance_pool", document)),
    ]
}

/// A way from one site to another.
fn way() -> impl Strategy<Value = (SiteId, SiteId)> {
    prop::sample::subsequence(SITES, 2).prop_shuffle().prop_map(|sites| (sites[0].into(), sites[1].into()))
}

struct World<'a> {
    fragment: &'static Fragment,
    mappings: &'a Mappings,
}

impl World<'_> {
    /// `document`, taken from one site to another; `base` is the pair as of old, here first.
    fn take(&self, document: &Value, from: &SiteId, to: &SiteId, base: Option<(&Value, &Value)>) -> Value {
        let pair = base.map(|(from, to)| Pair { from, to });
        localize(self.fragment, document, Dialects { from, to, mappings: self.mappings }, pair)
    }
}

/// What somebody does to a document, whatever its dialect.
#[derive(Clone, Debug)]
enum Edit {
    ReverseTasks,
    DropFirstTask,
    AddTask(usize),
    AddLibrary(usize),
    DropLibrary,
    ReverseLibraries,
    AddParameter(usize),
    AppendToTexts,
    PrependToTexts,
    NewNodeType,
    AddAlternate(usize),
    RenameJob,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        Just(Edit::ReverseTasks),
        Just(Edit::DropFirstTask),
        (0..4_usize).prop_map(Edit::AddTask),
        (0..4_usize).prop_map(Edit::AddLibrary),
        Just(Edit::DropLibrary),
        Just(Edit::ReverseLibraries),
        (0..4_usize).prop_map(Edit::AddParameter),
        Just(Edit::AppendToTexts),
        Just(Edit::PrependToTexts),
        Just(Edit::NewNodeType),
        (0..4_usize).prop_map(Edit::AddAlternate),
        Just(Edit::RenameJob),
    ]
}

impl Edit {
    /// Does it. What is written is in no dialect, so it reads the same at each site.
    fn apply(&self, job: &mut Value) {
        let insert = |list: &mut Value, at: usize, item: Value| {
            let items = list.as_array_mut().unwrap();
            items.insert(at.min(items.len()), item);
        };
        let at_texts = |job: &mut Value, change: &dyn Fn(&str) -> String| {
            let rewrite = |value: &mut Value| *value = change(value.as_str().unwrap()).into();
            job["tasks"].as_array_mut().unwrap().iter_mut().for_each(|task| {
                let conf = task.pointer_mut("/new_cluster/spark_conf").and_then(Value::as_object_mut);
                conf.into_iter().for_each(|conf| conf.values_mut().for_each(rewrite));
                let named = task.pointer_mut("/for_each_task/task/notebook_task/base_parameters");
                named
                    .and_then(Value::as_object_mut)
                    .into_iter()
                    .for_each(|all| all.values_mut().for_each(rewrite));
            });
            job["parameters"].as_array_mut().unwrap().iter_mut().for_each(|one| rewrite(&mut one["default"]));
        };
        match self {
            Self::ReverseTasks => job["tasks"].as_array_mut().unwrap().reverse(),
            Self::DropFirstTask => drop(job["tasks"].as_array_mut().unwrap().drain(..1)),
            Self::AddTask(at) => {
                let task = json!({ "task_key": "§", "new_cluster": { "node_type_id": "§" }, "libraries": [{ "jar": "§" }] });
                insert(&mut job["tasks"], *at, task);
            }
            Self::AddLibrary(at) => {
                job["tasks"].as_array_mut().unwrap().iter_mut().for_each(|task| {
                    insert(&mut task["libraries"], *at, json!({ "whl": "§://§" }));
                });
            }
            Self::DropLibrary => job["tasks"].as_array_mut().unwrap().iter_mut().for_each(|task| {
                drop(task["libraries"].as_array_mut().unwrap().pop());
            }),
            Self::ReverseLibraries => job["tasks"].as_array_mut().unwrap().iter_mut().for_each(|task| {
                task["libraries"].as_array_mut().unwrap().reverse();
            }),
            Self::AddParameter(at) => job["tasks"].as_array_mut().unwrap().iter_mut().for_each(|task| {
                if let Some(list) = task.pointer_mut("/spark_python_task/parameters") {
                    insert(list, *at, "§".into());
                }
            }),
            Self::AppendToTexts => at_texts(job, &|text| format!("{text}§")),
            Self::PrependToTexts => at_texts(job, &|text| format!("§{text}")),
            Self::NewNodeType => job["job_clusters"][0]["new_cluster"]["node_type_id"] = "§".into(),
            Self::AddAlternate(at) => {
                let alternates =
                    "/job_clusters/0/new_cluster/worker_node_type_flexibility/alternate_node_type_ids";
                insert(job.pointer_mut(alternates).unwrap(), *at, "§".into());
            }
            Self::RenameJob => job["name"] = "us-west-1 §".into(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn there_and_back_is_what_it_was(
        (name, document) in document(), mappings in prop_oneof![mappings(WORDS), mappings(WORDS_AND_NOTHING)],
        (here, there) in way(), (_, third) in way(),
    ) {
        let world = World { fragment: &kind(name).schema().fragment, mappings: &mappings };
        let sent = world.take(&document, &here, &there, None);
        prop_assert_eq!(&world.take(&sent, &there, &here, Some((&sent, &document))), &document);
        prop_assert_eq!(&world.take(&document, &here, &there, Some((&document, &sent))), &sent);
        let on = world.take(&sent, &there, &third, None);
        prop_assert_eq!(&world.take(&on, &third, &there, Some((&on, &sent))), &sent);
    }

    #[test]
    fn going_back_carries_what_was_edited_and_nothing_else(
        job in job(), mappings in mappings(WORDS), (here, there) in way(), edits in prop::collection::vec(edit(), 1..5),
    ) {
        let world = World { fragment: &kind("job").schema().fragment, mappings: &mappings };
        let sent = world.take(&job, &here, &there, None);
        let (mut edited, mut expected) = (sent.clone(), job.clone());
        let appends = edits.iter().any(|edit| matches!(edit, Edit::AppendToTexts));
        for edit in &edits {
            // What lies between two edits of one text is edited, too: it is looked up in the tables.
            if appends && matches!(edit, Edit::PrependToTexts) {
                continue;
            }
            if matches!(edit, Edit::DropFirstTask) && edited["tasks"].as_array().unwrap().is_empty() {
                continue;
            }
            edit.apply(&mut edited);
            edit.apply(&mut expected);
        }
        prop_assert_eq!(&world.take(&edited, &there, &here, Some((&sent, &job))), &expected);
    }

    #[test]
    fn a_symbol_is_the_same_at_every_site((name, document) in document(), mappings in mappings(WORDS), (here, there) in way()) {
        let world = World { fragment: &kind(name).schema().fragment, mappings: &mappings };
        let sent = world.take(&document, &here, &there, None);
        prop_assert_eq!(twinlake_model::references_in(&sent), twinlake_model::references_in(&document));
    }
}

fn many_to_one() -> Mappings {
    let row = |east: &str, west: &str| {
        Row([("east".into(), east.to_owned()), ("west".into(), west.to_owned())].into())
    };
    let everywhere: Vec<String> = FIELDS.iter().map(|name| (*name).to_owned()).collect();
    Mappings {
        tables: [
            (
                MappingTable::NodeTypes,
                vec![
                    row("i3.xlarge", "i4i.xlarge"),
                    row("i3.2xlarge", "i4i.xlarge"),
                    row("i3en.xlarge", "i4i.xlarge"),
                ],
            ),
            (MappingTable::Zones, vec![row("us-east-1a", "us-west-2a"), row("us-east-1b", "us-west-2a")]),
            (MappingTable::Locations, vec![row("s3://acme-lake-east/", "s3://acme-lake-west/")]),
        ]
        .into(),
        strings: vec![
            StringRow { row: row("us-east-1", "us-west-2"), within: everywhere.clone() },
            StringRow { row: row("east", "west"), within: everywhere },
        ],
    }
}

#[test]
fn full_documents_of_every_kind_come_back_as_they_were() {
    let (east, west) = ("east".into(), "west".into());
    for kind in KINDS {
        let name = kind.schema().name;
        let mappings = many_to_one();
        let world = World { fragment: &kind.schema().fragment, mappings: &mappings };
        for raw in fixtures(name) {
            let original = portable(name, raw).spec;
            let sent = world.take(&original, &east, &west, None);
            assert_eq!(world.take(&sent, &west, &east, Some((&sent, &original))), original, "{name}");
        }
    }
}

#[test]
fn an_edit_at_the_other_site_leaves_every_node_type_what_it_was() {
    let (east, west) = ("east".into(), "west".into());
    let mappings = many_to_one();
    let world = World { fragment: &kind("job").schema().fragment, mappings: &mappings };
    let original = portable("job", fixtures("job")[0].clone()).spec;
    let sent = world.take(&original, &east, &west, None);
    let drivers = sent["job_clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| &cluster["new_cluster"]["driver_node_type_id"]);
    assert!(drivers.into_iter().any(|driver| driver == "i4i.xlarge"));
    let mut edited = sent.clone();
    edited["timeout_seconds"] = 60.into();
    edited["tasks"].as_array_mut().unwrap().reverse();
    let mut expected = original.clone();
    expected["timeout_seconds"] = 60.into();
    expected["tasks"].as_array_mut().unwrap().reverse();
    assert_eq!(world.take(&edited, &west, &east, Some((&sent, &original))), expected);
}

#[test]
fn a_table_that_changed_is_followed_and_the_base_is_not() {
    let (east, west) = ("east".into(), "west".into());
    let fragment = &kind("cluster").schema().fragment;
    let (before, sent) = (json!({ "node_type_id": "i3.xlarge" }), json!({ "node_type_id": "old.xlarge" }));
    let mappings = many_to_one();
    let world = World { fragment, mappings: &mappings };
    let now = world.take(&before, &east, &west, Some((&before, &sent)));
    assert_eq!(now, json!({ "node_type_id": "i4i.xlarge" }));
}
