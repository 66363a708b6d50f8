//! What is called otherwise at the other site.

use serde_json::{Value, json};
use twinlake_model::{MappingTable, Row, StringRow};
use twinlake_tests::{Fleet, Site};

use super::house::{assert_everything_is_told, create_cluster, create_policy, create_pool, fleet, notable};

fn row(east: &str, west: &str) -> Row {
    Row([("east".into(), east.to_owned()), ("west".into(), west.to_owned())].into())
}

fn map(fleet: &mut Fleet, table: MappingTable, rows: &[(&str, &str)]) {
    fleet.mappings.tables.insert(table, rows.iter().map(|(east, west)| row(east, west)).collect());
}

fn words(fleet: &mut Fleet, within: &[&str], east: &str, west: &str) {
    let within = within.iter().map(|field| (*field).to_owned()).collect();
    fleet.mappings.strings.push(StringRow { row: row(east, west), within });
}

/// The spec of the cluster of this name.
fn spec(site: &Site, name: &str) -> Value {
    let all = site.list("/api/2.1/clusters/list?page_size=100", "clusters");
    let row = all.iter().find(|row| row["cluster_name"] == name).unwrap();
    site.get(&format!("/api/2.1/clusters/get?cluster_id={}", row["cluster_id"].as_str().unwrap()))["spec"]
        .clone()
}

/// Clusters of three node types, a policy that fixes one, a job with words in its parameters.
fn furnish(site: &Site) {
    let zone = |zone: &str| json!({"zone_id": zone, "instance_profile_arn": "arn:aws:iam::1:instance-profile/etl-east"});
    create_cluster(site, "small", json!({"node_type_id": "i3.xlarge", "aws_attributes": zone("us-east-1a")}));
    create_cluster(
        site,
        "large",
        json!({"node_type_id": "i3.2xlarge", "aws_attributes": zone("us-east-1b")}),
    );
    create_cluster(
        site,
        "other",
        json!({"node_type_id": "m5.xlarge", "spark_conf": {"spark.region": "us-east-1", "spark.path": "s3://lake-east/x"}}),
    );
    create_policy(site, "fixed", r#"{"node_type_id": {"type": "fixed", "value": "i3.2xlarge"}}"#);
    create_pool(site, "pool", json!({"node_type_id": "i3.xlarge", "max_capacity": 3}));
    site.create_job(json!({"name": "job", "parameters": [{"name": "region", "default": "--region=us-east-1"}],
        "tasks": [{"task_key": "main", "spark_jar_task": {"main_class_name": "x", "parameters": ["us-east-1", "plain"]},
            "libraries": [{"jar": "s3://lake-east/jars/x.jar"}],
            "new_cluster": {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.2xlarge", "num_workers": 1}}]}));
}

fn map_everything(fleet: &mut Fleet) {
    map(fleet, MappingTable::NodeTypes, &[("i3.xlarge", "i4i.xlarge"), ("i3.2xlarge", "i4i.xlarge")]);
    map(fleet, MappingTable::Zones, &[("us-east-1a", "us-west-2a"), ("us-east-1b", "us-west-2b")]);
    map(
        fleet,
        MappingTable::InstanceProfiles,
        &[("arn:aws:iam::1:instance-profile/etl-east", "arn:aws:iam::1:instance-profile/etl-west")],
    );
    map(fleet, MappingTable::Locations, &[("s3://lake-east/", "s3://lake-west/")]);
    words(fleet, &["spark_conf", "parameters"], "us-east-1", "us-west-2");
}

#[tokio::test(start_paused = true)]
async fn every_word_that_the_config_names_is_the_other_sites_at_the_other_site() {
    let mut fleet = fleet(601).await;
    furnish(fleet.east());
    map_everything(&mut fleet);
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_everything_is_told(&report, fleet.east());
    let west = fleet.west();
    assert_eq!(spec(west, "small")["node_type_id"], "i4i.xlarge");
    assert_eq!(spec(west, "large")["node_type_id"], "i4i.xlarge");
    assert_eq!(
        spec(west, "large")["aws_attributes"],
        json!({"zone_id": "us-west-2b", "instance_profile_arn": "arn:aws:iam::1:instance-profile/etl-west"})
    );
    assert_eq!(spec(west, "other")["node_type_id"], "m5.xlarge");
    assert_eq!(spec(west, "other")["spark_conf"]["spark.region"], "us-west-2");
    let policy = west
        .list("/api/2.0/policies/clusters/list", "policies")
        .into_iter()
        .find(|policy| policy["name"] == "fixed")
        .unwrap();
    let definition: Value = serde_json::from_str(policy["definition"].as_str().unwrap()).unwrap();
    assert_eq!(definition["node_type_id"]["value"], "i4i.xlarge");
    let job = &west.jobs()[0];
    assert_eq!(job["parameters"][0]["default"], "--region=us-west-2");
    assert_eq!(job["tasks"][0]["spark_jar_task"]["parameters"], json!(["us-west-2", "plain"]));
    assert_eq!(job["tasks"][0]["libraries"][0]["jar"], "s3://lake-west/jars/x.jar");
    assert_eq!(job["tasks"][0]["new_cluster"]["node_type_id"], "i4i.xlarge");
    assert_eq!(fleet.sync().await.writes, 0);
}

#[tokio::test(start_paused = true)]
async fn another_mapping_rewrites_exactly_what_it_affects() {
    let mut fleet = fleet(602).await;
    furnish(fleet.east());
    fleet.sync().await;
    fleet.jump(super::house::HOUR);
    let types = |fleet: &Fleet| {
        ["small", "large", "other"].map(|name| spec(fleet.west(), name)["node_type_id"].clone())
    };
    assert_eq!(types(&fleet), ["i3.xlarge", "i3.2xlarge", "m5.xlarge"]);

    // A row is added: two clusters and the job's cluster, the policy, and no other thing. The pool's node type is fixed.
    map(&mut fleet, MappingTable::NodeTypes, &[("i3.xlarge", "i4i.xlarge")]);
    let report = fleet.sync().await;
    assert_eq!(
        (report.writes, types(&fleet)),
        (1, ["i4i.xlarge", "i3.2xlarge", "m5.xlarge"].map(Value::from)),
        "{:#?}",
        notable(&report)
    );
    assert_eq!(notable(&report), ["instance_pool pool: partial(/node_type_id: fixed when it was created)"]);
    assert_eq!(fleet.sync().await.writes, 0);

    // Another one, many-to-one.
    map(&mut fleet, MappingTable::NodeTypes, &[("i3.xlarge", "i4i.xlarge"), ("i3.2xlarge", "i4i.xlarge")]);
    let report = fleet.sync().await;
    assert_eq!(
        (report.writes, types(&fleet)),
        (3, ["i4i.xlarge", "i4i.xlarge", "m5.xlarge"].map(Value::from)),
        "{:#?}",
        notable(&report)
    );
    assert_eq!(fleet.sync().await.writes, 0);

    // A row that maps something else changes nothing.
    map(&mut fleet, MappingTable::Zones, &[("us-east-1f", "us-west-2f")]);
    assert_eq!(fleet.sync().await.writes, 0);

    // One is changed, and one is taken away.
    map(&mut fleet, MappingTable::NodeTypes, &[("i3.xlarge", "i4i.2xlarge")]);
    let report = fleet.sync().await;
    assert_eq!(
        (report.writes, types(&fleet)),
        (4, ["i4i.2xlarge", "i3.2xlarge", "m5.xlarge"].map(Value::from)),
        "{:#?}",
        notable(&report)
    );
    assert_eq!(report.tally().get("drifted"), None);
    assert_eq!(fleet.sync().await.writes, 0);
}
