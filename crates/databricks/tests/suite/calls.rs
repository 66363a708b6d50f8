//! One call: what is sent again, what is not, and what the caller is told.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::time::Instant;
use twinlake_base::{ErrorClass, Gate, GateDecision, Gatekeeper, Passage, Side};
use twinlake_databricks::{Body, Client, Error, Part, Permit, PermitRefused, Policy, Unguarded, Write};

use crate::host::{Reply, Script, TOKEN, client, client_of};

const CREATE: &str = "/api/2.2/jobs/create";

fn create() -> Write {
    Write::post(CREATE, json!({"name": "nightly"}))
}

async fn write(replies: Vec<Reply>, write: &Write) -> (Result<u16, Error>, usize) {
    let script = Script::new(replies);
    let result = client(script.clone()).writer().send(&Unguarded, write).await;
    (result.map(|answer| answer.status()), script.requests().len())
}

async fn read(replies: Vec<Reply>) -> (Result<serde_json::Value, Error>, usize) {
    let script = Script::new(replies);
    let result = client(script.clone()).reader().get_json("/api/2.2/jobs/get", &[("job_id", "7")]).await;
    (result, script.requests().len())
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_never_sent_again() {
    let unknown = [
        Reply::MaybeSent,
        Reply::Hole,
        Reply::error(500, "INTERNAL_ERROR", "x"),
        Reply::error(504, "DEADLINE_EXCEEDED", "x"),
        Reply::json(502, "<html>bad gateway</html>"),
        Reply::json(503, "upstream connect error or disconnect/reset before headers"),
        Reply::error(400, "X", "Unexpected error"),
        Reply::ok("{\"job_id\": "),
    ];
    for reply in unknown {
        let (result, sent) = write(vec![reply.clone(), Reply::ok("{}")], &create()).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::MaybeSent { .. }), "{reply:?}: {error}");
        assert!(error.may_have_acted());
        assert_eq!((error.class(), sent), (ErrorClass::Conflict, 1), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_certainly_did_nothing_is_sent_again() {
    let nothing_done = [
        Reply::NotSent,
        Reply::error(429, "REQUEST_LIMIT_EXCEEDED", "x"),
        Reply::json(429, ""),
        Reply::error(400, "BAD_REQUEST", "RPC token bucket limit has been exceeded"),
        Reply::error(503, "TEMPORARILY_UNAVAILABLE", "x").with("retry-after", "2"),
    ];
    for reply in nothing_done {
        let (result, sent) = write(vec![reply.clone(), Reply::ok("{\"job_id\":7}")], &create()).await;
        assert_eq!((result.unwrap(), sent), (200, 2), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_says_it_is_repeatable_is_repeated() {
    let delete = Write::new(Method::DELETE, "/api/2.0/x/7").repeatable();
    let (result, sent) =
        write(vec![Reply::MaybeSent, Reply::error(500, "X", "x"), Reply::ok("")], &delete).await;
    assert_eq!((result.unwrap(), sent), (200, 3));
}

#[tokio::test(start_paused = true)]
async fn a_repeatable_write_that_is_given_up_says_that_it_may_have_acted() {
    let delete = Write::new(Method::DELETE, "/api/2.0/x/7").repeatable();
    let (result, _) = write(vec![Reply::MaybeSent, Reply::NotSent], &delete).await;
    let error = result.unwrap_err();
    assert!(matches!(error, Error::BudgetSpent { .. }));
    assert!(error.may_have_acted());
    assert_eq!(error.class(), ErrorClass::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_final() {
    let (result, sent) = write(vec![Reply::error(403, "PERMISSION_DENIED", "no")], &create()).await;
    let error = result.unwrap_err();
    assert_eq!((error.class(), error.code(), sent), (ErrorClass::Denied, Some("PERMISSION_DENIED"), 1));
    assert!(!error.may_have_acted());
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_until_it_is_answered() {
    let replies = vec![
        Reply::NotSent,
        Reply::MaybeSent,
        Reply::Hole,
        Reply::json(503, ""),
        Reply::error(500, "INTERNAL_ERROR", "x"),
        Reply::ok("{\"job_id\":7}"),
    ];
    let (result, sent) = read(replies).await;
    assert_eq!((result.unwrap(), sent), (json!({"job_id": 7}), 6));
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_given_up_within_the_budget() {
    for (reply, policy) in [
        (Reply::Hole, Policy::PATIENT),
        (Reply::NotSent, Policy::PATIENT),
        (Reply::json(503, ""), Policy::PATIENT),
        (Reply::json(429, ""), Policy::PATIENT),
        (Reply::Hole, Policy::QUICK),
    ] {
        let script = Script::new([reply.clone()]);
        let start = Instant::now();
        let reader = client(script.clone()).reader().with_policy(policy);
        let error = reader.get_json("/api/2.2/jobs/get", &[]).await.unwrap_err();
        let elapsed = start.elapsed();
        assert!(matches!(error, Error::BudgetSpent { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Retryable);
        assert!(elapsed <= policy.total, "{reply:?} took {elapsed:?}");
        let last = *script.times().last().unwrap();
        assert!(last - start < policy.total);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_asks_for_more_time_than_there_is_ends_the_call_at_once() {
    let start = Instant::now();
    let (result, sent) = read(vec![Reply::json(429, "").with("retry-after", "3600")]).await;
    assert!(matches!(result.unwrap_err(), Error::BudgetSpent { .. }));
    assert_eq!((sent, start.elapsed().as_secs()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed() {
    let script = Script::new([Reply::json(429, "").with("retry-after", "17"), Reply::ok("{}")]);
    client(script.clone()).reader().get_json("/api/2.2/jobs/get", &[]).await.unwrap();
    let times = script.times();
    let waited = times[1] - times[0];
    assert!(waited >= Duration::from_secs(17) && waited < Duration::from_millis(18_100), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_not_found_in_disguise_is_missing() {
    let (result, _) = read(vec![Reply::error(400, "INVALID_PARAMETER_VALUE", "Job 7 does not exist.")]).await;
    assert_eq!(result.unwrap_err().class(), ErrorClass::Missing);
}

#[tokio::test(start_paused = true)]
async fn a_login_page_is_a_denial_and_not_an_answer() {
    let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
    let html = |status| {
        Reply::Answer(status, vec![("content-type", "text/html; charset=utf-8".to_owned())], page.to_owned())
    };
    let bare = |status| Reply::Answer(status, Vec::new(), page.to_owned());
    let redirect = Reply::Answer(
        302,
        vec![("location", "https://login.example/?next=secret".to_owned())],
        String::new(),
    );
    for reply in [html(200), bare(200), html(403), html(404), redirect] {
        let (result, sent) = read(vec![reply.clone()]).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::LoginPage { .. }), "{reply:?}: {error}");
        assert_eq!((error.class(), sent), (ErrorClass::Denied, 1));
        assert!(error.to_string().contains("not an API answer") && !error.to_string().contains("secret"));
        assert!(error.hint().unwrap().contains("twinlake check"));
        let (result, sent) = write(vec![reply], &create()).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::LoginPage { .. }));
        assert_eq!((sent, error.may_have_acted()), (1, error.to_string().contains("with 200")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_may_be_a_web_page_and_a_login_page_is_no_file() {
    let page = || Reply::Answer(200, Vec::new(), "<html>a report</html>".to_owned());
    let get = async |reply: Reply| {
        client(Script::new([reply])).reader().get_bytes("/api/2.0/workspace/export", &[]).await
    };
    let as_attachment = page().with("content-type", "text/html").with("content-disposition", "attachment");
    let as_bytes = page().with("content-type", "application/octet-stream");
    for reply in [as_attachment, as_bytes] {
        assert_eq!(get(reply).await.unwrap(), "<html>a report</html>");
    }
    let error = get(page().with("content-type", "text/html")).await.unwrap_err();
    assert!(matches!(error, Error::LoginPage { .. }));
}

#[tokio::test(start_paused = true)]
async fn no_error_repeats_a_token() {
    let echo = format!("Invalid access token {TOKEN}; Authorization: Bearer abc.def.ghi");
    let replies = [
        Reply::error(401, "UNAUTHENTICATED", &echo),
        Reply::Answer(403, Vec::new(), echo.clone()),
        Reply::Answer(302, vec![("location", format!("https://login.example/{TOKEN}"))], String::new()),
        Reply::error(500, TOKEN, &echo),
    ];
    for reply in replies {
        let client = client(Script::new([reply]));
        for error in [
            client.reader().get_json("/api/2.2/jobs/get", &[]).await.unwrap_err(),
            client.writer().send(&Unguarded, &create()).await.unwrap_err(),
        ] {
            let said = format!("{error} {error:?} {:?}", error.hint());
            assert!(!said.contains(TOKEN) && !said.contains("abc.def"), "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_says_who_it_is() {
    let script = Script::new([Reply::ok("{}")]);
    let client = client_of(script.clone()).workspace_id(Some("42".to_owned())).build().unwrap();
    client.reader().get_json("/api/2.2/jobs/get", &[("a", "x y&z")]).await.unwrap();
    assert_eq!(script.requests(), ["GET /api/2.2/jobs/get?a=x%20y%26z"]);
    let seen = script.seen.lock().unwrap();
    let headers = seen[0].1.headers();
    assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(headers["authorization"].is_sensitive());
    assert!(headers["user-agent"].to_str().unwrap().starts_with("twinlake/"));
    assert_eq!(headers["x-databricks-workspace-id"], "42");
}

#[tokio::test(start_paused = true)]
async fn every_body_travels_with_its_type() {
    let script = Script::new([Reply::ok("")]);
    let writer = client(script.clone()).writer();
    let part = |name: &str, file_name: Option<&str>, bytes: &'static str| Part {
        name: name.to_owned(),
        file_name: file_name.map(str::to_owned),
        bytes: Bytes::from(bytes),
    };
    let form = vec![part("path", None, "/Shared/a"), part("content", Some("a\"b"), "x = 1")];
    let bytes = Body::Bytes { content_type: "text/plain".to_owned(), bytes: Bytes::from("raw") };
    for body in [Body::Empty, Body::Json(json!({"a": 1})), bytes, Body::Multipart(form)] {
        writer.send(&Unguarded, &Write::new(Method::PUT, "/api/2.0/x").body(body)).await.unwrap();
    }
    let seen = script.seen.lock().unwrap();
    let sent: Vec<(Option<&str>, &str)> = seen
        .iter()
        .map(|(_, request)| {
            let content_type = request.headers().get("content-type").map(|value| value.to_str().unwrap());
            (content_type, std::str::from_utf8(request.body()).unwrap())
        })
        .collect();
    assert_eq!(sent[..3], [(None, ""), (Some("application/json"), "{\"a\":1}"), (Some("text/plain"), "raw")]);
    let (content_type, form) = sent[3];
    let boundary = content_type.unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_eq!(
        form.replace(boundary, "B"),
        "--B\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/Shared/a\r\n\
         --B\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a%22b\"\r\n\
         Content-Type: application/octet-stream\r\n\r\nx = 1\r\n--B--\r\n"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_request_is_said_so() {
    let client = client(Script::new([Reply::ok("")]));
    let error = client.writer().send(&Unguarded, &Write::new(Method::GET, "/api/2.0/x")).await.unwrap_err();
    assert!(matches!(error, Error::Unsendable { .. }));
    for path in ["api/2.0/x", "/a b"] {
        let error = client.reader().get_json(path, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Unsendable { .. }), "{path}");
    }
}

/// Holds until an instant, and remembers what it was asked.
struct Until(Instant, Mutex<Vec<Instant>>);

impl Permit for Until {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        self.1.lock().unwrap().push(until);
        if until <= self.0 {
            Ok(())
        } else {
            let hint = Some("twinlake status".to_owned());
            Err(PermitRefused { reason: "the lease ends sooner".to_owned(), hint })
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_permit_must_outlive_each_request() {
    let script = Script::new([Reply::ok("{}")]);
    let writer = client(script.clone()).writer();
    let short = Until(Instant::now() + Duration::from_secs(59), Mutex::default());
    let error = writer.send(&short, &create()).await.unwrap_err();
    assert_eq!((error.class(), error.hint().as_deref()), (ErrorClass::Refused, Some("twinlake status")));
    assert!(!error.may_have_acted());
    assert!(script.requests().is_empty());
    let long = Until(Instant::now() + Duration::from_secs(61), Mutex::default());
    writer.send(&long, &create()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_permit_is_asked_before_each_retry() {
    let script = Script::new([Reply::json(429, "").with("retry-after", "30"), Reply::ok("{}")]);
    let permit = Until(Instant::now() + Duration::from_secs(75), Mutex::default());
    let error = client(script.clone()).writer().send(&permit, &create()).await.unwrap_err();
    assert!(matches!(error, Error::PermitRefused { maybe_sent: false, .. }));
    assert_eq!((script.requests().len(), permit.1.lock().unwrap().len()), (1, 2));

    let script = Script::new([Reply::MaybeSent]);
    let repeatable = create().repeatable();
    let permit = Until(Instant::now() + Duration::from_secs(61), Mutex::default());
    let error = client(script).writer().send(&permit, &repeatable).await.unwrap_err();
    assert!(matches!(error, Error::PermitRefused { .. }) && error.may_have_acted());
}

struct At(Side, GateDecision);

impl Gatekeeper for At {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        assert_eq!(passage.what, "POST /api/2.2/jobs/create");
        if passage.side == self.0 { self.1 } else { GateDecision::Pass }
    }
}

fn gated(script: &std::sync::Arc<Script>, at: At) -> Client {
    client_of(script.clone()).gate(Gate::kept_by(std::sync::Arc::new(at))).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_the_gate_is_final() {
    for (side, effects) in [(Side::Before, 0), (Side::After, 1)] {
        let script = Script::new([Reply::ok("{}")]);
        let writer = gated(&script, At(side, GateDecision::Crash)).writer();
        let error = writer.send(&Unguarded, &create().repeatable()).await.unwrap_err();
        assert!(matches!(error, Error::Crashed { .. }));
        assert_eq!(script.requests().len(), effects);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_at_the_gate_is_an_unknown_outcome() {
    let script = Script::new([Reply::ok("{}")]);
    let error = gated(&script, At(Side::After, GateDecision::Lose))
        .writer()
        .send(&Unguarded, &create())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::MaybeSent { .. }));
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn we_learn_who_we_are_and_where() {
    let me = "{\"id\":\"9\",\"userName\":\"ann@acme.example\"}";
    let script = Script::new([Reply::ok(me).with("x-databricks-org-id", "1234")]);
    let identity = client(script).me().await.unwrap();
    assert_eq!((identity.user_name.as_str(), identity.workspace_id.as_str()), ("ann@acme.example", "1234"));
    let error = client(Script::new([Reply::ok(me)])).me().await.unwrap_err();
    assert!(error.to_string().contains("not a workspace"));
}
