//! Calling what the operator named: a program, or a POST.

use std::process::Stdio;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;
use twinlake_base::{Env, Secret};
use twinlake_config::SecretRef;
use twinlake_databricks::Undelivered;
use twinlake_model::safety::{Hook, HookCall, Setting, When};

use crate::House;

/// When a hook is called, and in which run. It is told to the hook: as variables `TWINLAKE_…`, or as JSON.
pub(crate) struct Occasion<'a> {
    pub(crate) run: &'a str,
    pub(crate) runbook: &'a str,
    pub(crate) group: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) when: &'a When,
}

impl Occasion<'_> {
    fn told(&self) -> [(&'static str, String); 6] {
        [
            ("run", self.run.to_owned()),
            ("runbook", self.runbook.to_owned()),
            ("group", self.group.to_owned()),
            ("from", self.from.to_owned()),
            ("to", self.to.to_owned()),
            ("when", self.when.to_string()),
        ]
    }
}

/// Calls a hook once. A program succeeds with exit code 0, a request with a status below 300.
///
/// # Errors
/// Why it did not succeed, for the operator; never a secret.
pub(crate) async fn call(house: &House, hook: &Hook, occasion: &Occasion<'_>) -> Result<(), String> {
    let calling = async {
        match &hook.call {
            HookCall::Run(argv) => run(argv, occasion).await,
            HookCall::Webhook { url, headers, secret } => {
                let env = &house.setup.env;
                let body: serde_json::Map<String, serde_json::Value> = occasion
                    .told()
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), json!(value)))
                    .collect();
                let mut request = Request::builder()
                    .method(Method::POST)
                    .uri(text(url, env)?.expose().as_str())
                    .header("content-type", "application/json");
                for (name, value) in headers {
                    request = request.header(name.as_str(), text(value, env)?.expose());
                }
                if let Some(secret) = secret {
                    let token = resolve(secret, env)?;
                    request = request.header("authorization", format!("Bearer {}", token.expose()));
                }
                let body = Bytes::from(serde_json::Value::Object(body).to_string());
                let request =
                    request.body(body).map_err(|_| "its address or a header cannot be sent".to_owned())?;
                let deadline = house.setup.clock.instant() + hook.timeout;
                match house.reach.send(request, deadline).await {
                    Ok(answer) if answer.status().as_u16() < 300 => Ok(()),
                    Ok(answer) => Err(format!("it answered with status {}", answer.status().as_u16())),
                    Err(Undelivered::NotSent { .. }) => Err("it cannot be reached".to_owned()),
                    Err(Undelivered::MaybeSent { .. }) => Err("it did not answer".to_owned()),
                }
            }
        }
    };
    tokio::select! {
        called = calling => called,
        () = house.setup.clock.sleep(hook.timeout) => Err(format!("it took longer than {} s", hook.timeout.as_secs())),
    }
}

/// Runs a program without a shell. It is killed when it is not waited for any more.
async fn run(argv: &[String], occasion: &Occasion<'_>) -> Result<(), String> {
    let Some((program, arguments)) = argv.split_first() else { return Err("it names no program".to_owned()) };
    let variables = occasion.told().map(|(name, value)| (format!("TWINLAKE_{}", name.to_uppercase()), value));
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} ended with {status}")),
    }
}

fn text(setting: &Setting, env: &Env) -> Result<Secret<String>, String> {
    match setting {
        Setting::Plain(text) => Ok(Secret::new(text.clone())),
        Setting::Secret(reference) => resolve(reference, env),
    }
}

fn resolve(reference: &str, env: &Env) -> Result<Secret<String>, String> {
    let known =
        SecretRef::parse(reference).ok_or_else(|| "it refers to a secret in no known way".to_owned())?;
    known.resolve(env).map_err(|error| error.to_string())
}
