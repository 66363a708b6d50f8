//! Jobs, but for their runs.

use serde_json::{Value, json};
use twinlake_simulator::Settings;

use crate::lab::{EAST, HOME, Lab, SPARK, refused};

const CREATE: &str = "/api/2.2/jobs/create";

async fn get(lab: &Lab, id: i64) -> Value {
    lab.read(&format!("/api/2.2/jobs/get?job_id={id}")).await
}

fn many_tasks(count: usize) -> Value {
    (0..count)
        .map(|number| json!({"task_key": format!("t{number}"), "notebook_task": {"notebook_path": "/x"}}))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_echo_carries_the_services_defaults() {
    let lab = Lab::new();
    let id = lab
        .job("j", json!({"schedule": {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}}))
        .await;
    let job = get(&lab, id).await;
    let settings = &job["settings"];
    assert_eq!(settings["format"], "MULTI_TASK");
    assert_eq!(settings["max_concurrent_runs"], 1);
    assert_eq!(settings["timeout_seconds"], 0);
    assert_eq!(settings["email_notifications"], json!({}));
    assert_eq!(settings["webhook_notifications"], json!({}));
    assert_eq!(settings["schedule"]["pause_status"], "UNPAUSED");
    assert_eq!(settings["tasks"][0]["run_if"], "ALL_SUCCESS");
    assert_eq!(job["run_as_user_name"], "admin@acme.example");
    assert!(job["job_id"].is_i64() && job["created_time"].is_i64());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_a_wrong_parameter() {
    let lab = Lab::new();
    let (status, document) = lab.get("/api/2.2/jobs/get?job_id=7").await;
    assert_eq!((status, document["message"].as_str().unwrap()), (400, "Job 7 does not exist."));
    for target in ["update", "reset", "delete", "run-now"] {
        let answer =
            lab.post(&format!("/api/2.2/jobs/{target}"), json!({"job_id": 7, "new_settings": {}})).await;
        assert_eq!(refused(answer), (400, "INVALID_PARAMETER_VALUE".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn references_to_compute_must_stand_and_a_notebook_need_not() {
    let lab = Lab::new();
    let with = |task: Value| {
        let mut task = task;
        task["task_key"] = json!("one");
        if !task.as_object().unwrap().keys().any(|key| key.ends_with("_task")) {
            task["notebook_task"] = json!({"notebook_path": "/not/there"});
        }
        json!({"name": "j", "tasks": [task]})
    };
    lab.write(CREATE, with(json!({}))).await;
    let cluster = json!({"spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1});
    let changed = |key: &str, value: &str| {
        let mut cluster = cluster.clone();
        cluster[key] = json!(value);
        json!({"new_cluster": cluster})
    };
    for wrong in [
        json!({"existing_cluster_id": "none"}),
        json!({"job_cluster_key": "none"}),
        json!({"sql_task": {"warehouse_id": "none", "query": {"query_id": "q"}}}),
        json!({"run_job_task": {"job_id": 7}}),
        changed("policy_id", "none"),
        changed("node_type_id", "Standard_DS3_v2"),
        changed("spark_version", "0.1"),
        json!({"for_each_task": {"inputs": "[1]", "task": {"task_key": "x", "existing_cluster_id": "none", "notebook_task": {"notebook_path": "/x"}}}}),
    ] {
        assert_eq!(
            refused(lab.post(CREATE, with(wrong.clone())).await).1,
            "INVALID_PARAMETER_VALUE",
            "{wrong}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_are_refused() {
    let lab = Lab::new();
    let tags: serde_json::Map<String, Value> =
        (0..26).map(|number| (format!("t{number}"), json!("x"))).collect();
    let schedule = |expression: &str, zone: &str| json!({"schedule": {"quartz_cron_expression": expression, "timezone_id": zone}});
    let task = json!({"task_key": "a", "notebook_task": {"notebook_path": "/x"}});
    let depending = |on: &str| json!({"task_key": "a", "notebook_task": {"notebook_path": "/x"}, "depends_on": [{"task_key": on}]});
    for wrong in [
        json!({"tags": tags}),
        json!({"max_concurrent_runs": 1001}),
        schedule("0 0 0 * * *", "UTC"),
        schedule("0 0 6 * * ?", "Mars/Olympus"),
        json!({"schedule": {"quartz_cron_expression": "0 0 6 * * ?", "timezone_id": "UTC"}, "continuous": {}}),
        json!({"continuous": {}, "max_concurrent_runs": 2}),
        json!({"tasks": [task, task]}),
        json!({"tasks": [{"task_key": "a"}]}),
        json!({"tasks": [depending("b")]}),
        json!({"tasks": [depending("a")]}),
        json!({"tasks": many_tasks(1001)}),
    ] {
        assert_eq!(refused(lab.post(CREATE, wrong.clone()).await).1, "INVALID_PARAMETER_VALUE", "{wrong}");
    }
    lab.simulator.change_settings(|settings| settings.max_jobs = 0);
    assert_eq!(refused(lab.post(CREATE, json!({"name": "j"})).await).1, "QUOTA_EXCEEDED");
}

#[tokio::test(start_paused = true)]
async fn large_arrays_come_by_the_hundred_in_2_2_and_not_at_all_in_2_1() {
    let lab = Lab::new();
    let parameters: Value =
        (0..230).map(|number| json!({"name": format!("p{number}"), "default": ""})).collect();
    let body = json!({"name": "big", "tasks": many_tasks(150), "parameters": parameters});
    let id = lab.write(CREATE, body.clone()).await["job_id"].as_i64().unwrap();
    let (mut token, mut tasks, mut parameters, mut pages) = (String::new(), 0, 0, 0);
    loop {
        let page = lab.read(&format!("/api/2.2/jobs/get?job_id={id}&page_token={token}")).await;
        assert_eq!(page["settings"]["name"], "big");
        tasks += page["settings"]["tasks"].as_array().unwrap().len();
        parameters += page["settings"]["parameters"].as_array().unwrap().len();
        pages += 1;
        match page.get("next_page_token") {
            Some(next) => token = next.as_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!((tasks, parameters, pages), (150, 230, 3));
    let old = lab.read(&format!("/api/2.1/jobs/get?job_id={id}")).await;
    assert_eq!(old["settings"]["tasks"].as_array().unwrap().len(), 100);
    assert_eq!(old.get("next_page_token"), None);
    assert_eq!(refused(lab.post("/api/2.1/jobs/create", body).await).1, "INVALID_PARAMETER_VALUE");
    let listed = lab.read("/api/2.2/jobs/list?expand_tasks=true").await;
    assert_eq!(
        (&listed["jobs"][0]["has_more"], listed["jobs"][0]["settings"]["tasks"].as_array().unwrap().len()),
        (&json!(true), 100)
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_is_newest_first_paged_and_found_by_name() {
    let lab = Lab::new();
    for number in 0..5 {
        lab.job(if number % 2 == 0 { "Same" } else { "other" }, json!({"description": number.to_string()}))
            .await;
    }
    let walk = async |query: &str| {
        let (mut found, mut token) = (String::new(), String::new());
        loop {
            let page = lab.read(&format!("/api/2.2/jobs/list?limit=2&{query}&page_token={token}")).await;
            for job in page["jobs"].as_array().into_iter().flatten() {
                assert_eq!(job["settings"].get("tasks"), None);
                found.push_str(job["settings"]["description"].as_str().unwrap());
            }
            match page.get("next_page_token") {
                Some(next) => token = next.as_str().unwrap().to_owned(),
                None => return found,
            }
        }
    };
    assert_eq!(walk("").await, "43210");
    assert_eq!(walk("name=sAME").await, "420");
    for limit in [0, 101] {
        assert_eq!(
            refused(lab.get(&format!("/api/2.2/jobs/list?limit={limit}")).await).1,
            "INVALID_PARAMETER_VALUE"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_that_come_and_go_between_pages_neither_repeat_nor_hide_others() {
    let lab = Lab::new();
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(lab.job(&number.to_string(), json!({})).await);
    }
    let first = lab.read("/api/2.2/jobs/list?limit=3").await;
    lab.job("new", json!({})).await;
    lab.write("/api/2.2/jobs/delete", json!({"job_id": ids[5]})).await;
    let token = first["next_page_token"].as_str().unwrap();
    let second = lab.read(&format!("/api/2.2/jobs/list?limit=3&page_token={token}")).await;
    let names: Vec<&str> = second["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["settings"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["2", "1", "0"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_can_be_empty_and_carry_a_token() {
    let lab = Lab::with(Settings { empty_page_before_last: true, ..Settings::default() });
    for number in 0..3 {
        lab.job(&number.to_string(), json!({})).await;
    }
    let (mut sizes, mut token) = (Vec::new(), String::new());
    loop {
        let page = lab.read(&format!("/api/2.2/jobs/list?limit=2&page_token={token}")).await;
        sizes.push(page["jobs"].as_array().map_or(0, Vec::len));
        match page.get("next_page_token") {
            Some(next) => token = next.as_str().unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_replaces_and_an_update_merges_by_key() {
    let lab = Lab::new();
    let id = lab.job("j", json!({"tags": {"a": "b"}, "description": "d"})).await;
    let task = |key: &str, path: &str| json!({"task_key": key, "notebook_task": {"notebook_path": path}});
    let update = json!({"job_id": id, "new_settings": {"tasks": [task("two", "/2"), task("one", "/1")]}, "fields_to_remove": ["tags"]});
    lab.write("/api/2.2/jobs/update", update).await;
    let settings = get(&lab, id).await["settings"].clone();
    assert_eq!((settings.get("tags"), &settings["description"]), (None, &json!("d")));
    assert_eq!(settings["tasks"][0]["notebook_task"]["notebook_path"], "/1");
    assert_eq!(settings["tasks"][1]["task_key"], "two");
    lab.write("/api/2.2/jobs/update", json!({"job_id": id, "fields_to_remove": ["tasks/one"]})).await;
    assert_eq!(get(&lab, id).await["settings"]["tasks"].as_array().unwrap().len(), 1);
    let wrong = json!({"job_id": id, "fields_to_remove": ["schedule/pause_status"]});
    assert_eq!(refused(lab.post("/api/2.2/jobs/update", wrong).await).1, "INVALID_PARAMETER_VALUE");
    lab.write("/api/2.2/jobs/reset", json!({"job_id": id, "new_settings": {"name": "k"}})).await;
    let settings = get(&lab, id).await["settings"].clone();
    assert_eq!(
        (settings.get("tasks"), settings.get("description"), &settings["name"]),
        (None, None, &json!("k"))
    );
}

#[tokio::test(start_paused = true)]
async fn two_jobs_may_run_each_other() {
    let lab = Lab::new();
    let first = lab.job("a", json!({})).await;
    let call = |job: i64| json!([{"task_key": "one", "run_job_task": {"job_id": job}}]);
    let second = lab.job("b", json!({"tasks": call(first)})).await;
    lab.write("/api/2.2/jobs/update", json!({"job_id": first, "new_settings": {"tasks": call(second)}}))
        .await;
    lab.write("/api/2.2/jobs/run-now", json!({"job_id": first})).await;
    lab.days(1);
    let ended = lab.runs_of(first).await;
    assert!(ended.iter().all(|run| run["state"]["life_cycle_state"] != "RUNNING"), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn ids_differ_between_workspaces_and_fit_a_double() {
    let lab = Lab::new();
    let body = json!({"name": "j"});
    let east = lab.write(CREATE, body.clone()).await["job_id"].as_i64().unwrap();
    let (_, west) = lab.answer(crate::lab::WEST, http::Method::POST, CREATE, Some(body)).await;
    assert_ne!(Some(east), west["job_id"].as_i64());
    assert!(east < 1 << 53);
    assert!(lab.simulator.workspace(EAST).unwrap().id < 1 << 53);
    assert!(HOME.len() > 1);
}
