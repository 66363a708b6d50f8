//! A plan that deletes too large a share waits for somebody who agrees to exactly that plan.

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn a_deletion_that_is_too_large_waits_for_an_approval_of_that_very_plan() {
    let bench = Bench::simulated(&[]);
    let config = bench.file("twinlake.yml");
    let text = std::fs::read_to_string(&config).unwrap();
    let guards = "    guards: { deletion_grace: 0s, max_deletions: 5% }\n    share:";
    std::fs::write(&config, text.replace("    share:", guards)).unwrap();
    let jobs: Vec<Value> = (0..6).map(|number| create_job(&bench, &format!("job {number}"))).collect();
    assert_eq!(bench.json(&["sync"])["legs"][0]["complete"], true);

    jobs.iter().take(5).for_each(|job| delete_job(&bench, job));
    let held = bench.run(&["sync"]);
    let told = String::from_utf8_lossy(&held.stdout).into_owned();
    assert_eq!(held.status.code(), Some(3), "{told}{}", String::from_utf8_lossy(&held.stderr));
    let command = told.split("carry it out: twinlake sync --approve ").nth(1).expect(&told);
    let digest = command.split_whitespace().next().unwrap();
    assert_eq!(
        bench.json(&["plan"])["legs"][0]["digest"],
        digest,
        "the plan has the digest that sync printed"
    );
    assert_eq!(copies(&bench), 6, "nothing was deleted yet");

    let other = bench.run(&["sync", "--approve", "0123456789ab"]);
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert_eq!(other.status.code(), Some(3), "{told}");
    assert!(
        told.contains("refused: no plan has the digest 0123456789ab; the plan for prod@west is "),
        "{told}"
    );
    assert!(told.contains("hint: twinlake plan"), "{told}");

    let done = bench.json(&["sync", "--approve", digest]);
    assert_eq!(done["legs"][0]["complete"], true, "{done:#}");
    assert_eq!(copies(&bench), 1);
}

fn act(bench: &Bench, workspace: &str, method: &str, path: &str, body: &str) -> Value {
    let control = bench.control();
    let mut arguments = vec!["sim", "act", method, path];
    arguments.extend((!body.is_empty()).then_some(body));
    arguments.extend(["--workspace", workspace, "--control", &control]);
    bench.json(&arguments)["body"].clone()
}

fn create_job(bench: &Bench, name: &str) -> Value {
    let body = format!("{{\"name\":\"{name}\"}}");
    act(bench, "east", "POST", "/api/2.2/jobs/create", &body)["job_id"].clone()
}

fn delete_job(bench: &Bench, job: &Value) {
    act(bench, "east", "POST", "/api/2.2/jobs/delete", &format!("{{\"job_id\":{job}}}"));
}

fn copies(bench: &Bench) -> usize {
    act(bench, "west", "GET", "/api/2.2/jobs/list?limit=100", "")["jobs"].as_array().map_or(0, Vec::len)
}
