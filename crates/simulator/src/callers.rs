//! Callers from outside: somebody's Airflow, a person at the browser. They act on schedules of their own, through the
//! same services as everybody, as long as the region lets them in.

use http::Method;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::Account;
use crate::agenda::Event;
use crate::call::Request;
use crate::error::Error;
use crate::quartz::Quartz;
use crate::router;
use crate::services::{runs, triggers};

/// A caller from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// Who; effects carry it as their actor.
    pub name: String,
    /// At which workspace.
    pub workspace: String,
    /// When, as a Quartz expression in UTC.
    pub schedule: String,
    /// What.
    pub action: CallerAction,
    /// How many more times; for ever if missing.
    #[serde(default)]
    pub times: Option<u64>,
}

/// What a caller does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CallerAction {
    /// Runs the oldest job of this name.
    RunNow {
        /// The job's name.
        job_name: String,
    },
    /// Sends any request.
    Request {
        /// `POST`.
        method: String,
        /// Path and query.
        path: String,
        /// The JSON body.
        #[serde(default)]
        body: Option<Value>,
    },
    /// Runs a notebook from another one, as `dbutils.notebook.run` does: at the workspace, whether outsiders get in or not.
    RunNotebook {
        /// The notebook's path.
        path: String,
        /// On which cluster, if on one.
        #[serde(default)]
        cluster_id: Option<String>,
    },
    /// Puts files where triggers may watch.
    FilesArrive {
        /// The URL that they arrive under.
        url: String,
    },
    /// Writes to a table that triggers may watch.
    TableUpdated {
        /// The table's full name.
        name: String,
    },
}

/// Sends a caller on its way. Returns its number.
pub(crate) fn add(account: &mut Account, caller: Caller) -> Result<u64, Error> {
    let at = account.place(&caller.workspace)?;
    Quartz::parse(&caller.schedule).map_err(|why| Error::Refused { why })?;
    let number = account.number();
    enter(account, at, number, &caller);
    account.world.callers.insert(number, caller);
    Ok(number)
}

fn enter(account: &mut Account, at: usize, number: u64, caller: &Caller) {
    let next = Quartz::parse(&caller.schedule)
        .ok()
        .and_then(|quartz| quartz.next_after(account.world.now_ms, &TimeZone::UTC));
    if let Some(due_ms) = next {
        account.world.agenda.enter(due_ms, at, Event::CallerActs { caller: number });
    }
}

/// A caller's time has come.
pub(crate) fn act(account: &mut Account, number: u64) {
    let Some(mut caller) = account.world.callers.remove(&number) else { return };
    let Ok(at) = account.place(&caller.workspace) else { return };
    if let Some(times) = &mut caller.times {
        if *times == 0 {
            return;
        }
        *times -= 1;
    }
    match &caller.action {
        // Where life has stopped nothing is done, and nothing is made up for later.
        _ if account.outage(at).is_some_and(|outage| outage.life_stops) => {}
        CallerAction::RunNow { job_name } => {
            let named = |name: &Value| name.as_str() == Some(job_name);
            let jobs = &account.world.workspaces[at].jobs;
            let job = jobs.iter().find(|job| job.settings.get("name").is_some_and(named)).map(|job| job.id);
            if let Some(job_id) = job {
                send(
                    account,
                    at,
                    &caller.name,
                    Request::of(Method::POST, "/api/2.2/jobs/run-now", Some(json!({"job_id": job_id}))),
                );
            }
        }
        CallerAction::Request { method, path, body } => {
            if let Ok(method) = method.to_uppercase().parse() {
                send(account, at, &caller.name, Request::of(method, path, body.clone()));
            }
        }
        CallerAction::RunNotebook { path, cluster_id } => {
            runs::run_notebook(&mut account.stage(at, &caller.name), path, cluster_id.as_deref());
        }
        CallerAction::FilesArrive { url } => {
            triggers::files_arrive(&mut account.stage(at, &caller.name), url);
        }
        CallerAction::TableUpdated { name } => {
            triggers::table_updated(&mut account.stage(at, &caller.name), name);
        }
    }
    enter(account, at, number, &caller);
    account.world.callers.insert(number, caller);
}

fn send(account: &mut Account, at: usize, name: &str, request: Request) {
    let Some((route, captured)) = router::route(&request.method, &request.path) else { return };
    if account.outage(at).is_some_and(|outage| !outage.lets_through(route.service, route.writes())) {
        return;
    }
    // What it is answered is the caller's affair.
    let mut stage = account.stage(at, name);
    let _ = route.answer(&mut crate::call::Call { stage: &mut stage, request: &request, captured });
}
