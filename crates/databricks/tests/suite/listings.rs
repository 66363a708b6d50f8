//! Listings: what counts as an end, and what does not.

use proptest::prelude::*;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_databricks::{Complete, Error, ListCall, Paging};

use crate::host::{Reply, Script, client};

fn jobs() -> ListCall {
    ListCall::new("/api/2.2/jobs/list", "jobs", Paging::token("limit", 100)).query("expand_tasks", "true")
}

async fn walk(list: &ListCall, replies: Vec<Reply>) -> (Result<Complete, Error>, Vec<Value>, Vec<String>) {
    let script = Script::new(replies);
    let mut items = Vec::new();
    let result = client(script.clone())
        .reader()
        .walk(list, &mut |item| {
            items.push(item);
            Ok(())
        })
        .await;
    (result, items, script.requests())
}

#[tokio::test(start_paused = true)]
async fn an_empty_page_with_a_token_goes_on() {
    let replies = vec![
        Reply::ok(r#"{"jobs":[1,2],"next_page_token":"a b"}"#),
        Reply::ok(r#"{"jobs":[],"next_page_token":"c"}"#),
        Reply::ok(r#"{"next_page_token":"d"}"#),
        Reply::ok(r#"{"jobs":[3],"next_page_token":""}"#),
    ];
    let (result, items, requests) = walk(&jobs(), replies).await;
    let proof = result.unwrap();
    assert_eq!(items, [json!(1), json!(2), json!(3)]);
    assert_eq!((proof.requests(), proof.items()), (4, 3));
    assert!(proof.started_at() <= proof.finished_at());
    assert_eq!(requests[0], "GET /api/2.2/jobs/list?expand_tasks=true&limit=100");
    assert_eq!(requests[1], "GET /api/2.2/jobs/list?expand_tasks=true&limit=100&page_token=a%20b");
}

#[tokio::test(start_paused = true)]
async fn a_page_without_items_and_token_is_an_empty_last_page() {
    for body in ["{}", r#"{"has_more":false}"#, r#"{"next_page_token":null}"#] {
        let (result, items, _) = walk(&jobs(), vec![Reply::ok(body)]).await;
        assert_eq!((result.unwrap().items(), items.len()), (0, 0), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_page_is_an_error_and_not_an_end() {
    for body in [
        "",
        "[]",
        "null",
        "not json",
        r#"{"jobs":[1],"next"#,
        r#"{"jobs":{}}"#,
        r#"{"jobs":null}"#,
        r#"{"jobs":[],"next_page_token":7}"#,
        r#"{"jobs":[1],"has_more":true}"#,
        r#"{"error_code":"PERMISSION_DENIED","message":"x"}"#,
    ] {
        let (result, ..) = walk(&jobs(), vec![Reply::ok(body)]).await;
        assert!(matches!(result, Err(Error::Malformed { .. })), "{body}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_dies_in_the_middle_is_an_error() {
    let first = || Reply::ok(r#"{"jobs":[1],"next_page_token":"a"}"#);
    for (second, class) in [
        (Reply::error(400, "INVALID_PARAMETER_VALUE", "bad token"), ErrorClass::Invalid),
        (Reply::error(403, "PERMISSION_DENIED", "x"), ErrorClass::Denied),
        (Reply::error(404, "RESOURCE_DOES_NOT_EXIST", "x"), ErrorClass::Missing),
        (Reply::Answer(200, Vec::new(), "<html>login</html>".to_owned()), ErrorClass::Denied),
        (Reply::Hole, ErrorClass::Retryable),
    ] {
        let (result, items, _) = walk(&jobs(), vec![first(), second]).await;
        assert_eq!(result.unwrap_err().class(), class);
        assert_eq!(items.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_again_is_a_circle() {
    let page = |token: &str| Reply::ok(&json!({"jobs": [1], "next_page_token": token}).to_string());
    let (result, _, requests) = walk(&jobs(), vec![page("a"), page("b"), page("a"), page("b")]).await;
    assert!(result.unwrap_err().to_string().contains("circle"));
    assert_eq!(requests.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_caller_can_end_a_walk_and_then_has_no_proof() {
    let script = Script::new([Reply::ok(r#"{"jobs":[1,2],"next_page_token":"a"}"#)]);
    let mut seen = 0;
    let stop = || Error::Unsendable { request: "x".to_owned(), reason: "enough".to_owned() };
    let mut on_item = |_| {
        seen += 1;
        if seen == 2 { Err(stop()) } else { Ok(()) }
    };
    assert!(client(script.clone()).reader().walk(&jobs(), &mut on_item).await.is_err());
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_pages_is_read_at_once() {
    let folder = ListCall::new("/api/2.0/workspace/list", "objects", Paging::None).query("path", "/Shared");
    let (result, items, requests) = walk(&folder, vec![Reply::ok(r#"{"objects":[1]}"#)]).await;
    assert_eq!((result.unwrap().requests(), items.len()), (1, 1));
    assert_eq!(requests, ["GET /api/2.0/workspace/list?path=%2FShared"]);
    let bare = ListCall::new("/api/2.0/accounts/a/workspaces", "", Paging::None);
    let (result, items, _) = walk(&bare, vec![Reply::ok("[1,2]")]).await;
    assert_eq!((result.unwrap().items(), items.len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn scim_lists_go_by_index_to_their_total() {
    let users = ListCall::new("/api/2.0/preview/scim/v2/Users", "Resources", Paging::Scim { count: 2 });
    let pages = vec![
        Reply::ok(r#"{"totalResults":3,"Resources":[1,2]}"#),
        Reply::ok(r#"{"totalResults":3,"Resources":[3]}"#),
    ];
    let (result, items, requests) = walk(&users, pages).await;
    assert_eq!((result.unwrap().requests(), items.len()), (2, 3));
    assert!(requests[1].ends_with("?startIndex=3&count=2"));
    let stopped =
        vec![Reply::ok(r#"{"totalResults":3,"Resources":[1,2]}"#), Reply::ok(r#"{"totalResults":3}"#)];
    assert!(walk(&users, stopped).await.0.is_err());
    let (result, ..) = walk(&users, vec![Reply::ok(r#"{"totalResults":0}"#)]).await;
    assert_eq!(result.unwrap().items(), 0);
}

#[tokio::test(start_paused = true)]
async fn several_proofs_join_into_one_and_none_into_none() {
    let list = ListCall::new("/api/2.0/workspace/list", "objects", Paging::None);
    let (one, ..) = walk(&list, vec![Reply::ok(r#"{"objects":[1]}"#)]).await;
    let (two, ..) = walk(&list, vec![Reply::ok(r#"{"objects":[1,2]}"#)]).await;
    let joined = Complete::all([one.unwrap(), two.unwrap()]).unwrap();
    assert_eq!((joined.requests(), joined.items()), (2, 3));
    assert_eq!(Complete::all([]), None);
}

/// How a page is written: plainly, without its field if it is empty, or with a null or empty token at the end.
fn page(items: &[u16], next: Option<usize>, spelling: u8) -> Reply {
    let mut body = json!({});
    if !(items.is_empty() && spelling.is_multiple_of(2)) {
        body["jobs"] = json!(items);
    }
    match next {
        Some(token) => body["next_page_token"] = json!(format!("t{token}")),
        None if spelling.is_multiple_of(3) => body["next_page_token"] = json!(""),
        None if spelling % 3 == 1 => body["next_page_token"] = Value::Null,
        None => {}
    }
    Reply::ok(&body.to_string())
}

/// What may go wrong with a page and is repeated.
fn hiccup(kind: u8) -> Option<Reply> {
    match kind {
        0 => Some(Reply::NotSent),
        1 => Some(Reply::MaybeSent),
        2 => Some(Reply::json(429, "")),
        3 => Some(Reply::json(503, "<html>busy</html>")),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn however_a_list_is_cut_and_disturbed_every_item_comes_once_and_in_order(
        pages in proptest::collection::vec((proptest::collection::vec(any::<u16>(), 0..4), 0u8..6, 0u8..20), 1..20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut replies = Vec::new();
        for (index, (items, spelling, trouble)) in pages.iter().enumerate() {
            replies.extend(hiccup(*trouble));
            replies.push(page(items, (index + 1 < pages.len()).then_some(index), *spelling));
        }
        let expected: Vec<Value> = pages.iter().flat_map(|(items, ..)| items.iter().map(|item| json!(item))).collect();
        let (result, items, _) = runtime.block_on(walk(&jobs(), replies));
        let proof = result.unwrap();
        prop_assert_eq!(proof.items(), expected.len() as u64);
        prop_assert_eq!(proof.requests(), pages.len() as u64);
        prop_assert_eq!(items, expected);
    }
}
