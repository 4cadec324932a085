//! One execution's events as a stream.

use axum::{body::Body, http::Method};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Api, and, chain, request, text};

/// What a client reads of a stream.
#[derive(Debug, Clone, PartialEq)]
struct Received {
    id: Option<u64>,
    data: Value,
}

/// Reads the stream from the event after that one on, until it ends or `most` events have come.
async fn read(api: &Api, execution: &str, last: Option<u64>, most: usize) -> Vec<Received> {
    let path = format!("/executions/{execution}/events");
    let mut asked = and(
        request(Method::GET, &path, Body::empty()),
        "accept",
        "text/event-stream",
    );
    if let Some(last) = last {
        asked = and(asked, "last-event-id", &last.to_string());
    }
    let response = api.response(asked).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let (mut bytes, mut received) = (String::new(), Vec::new());
    while received.len() < most
        && let Some(chunk) = body.next().await
    {
        bytes.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        while let Some((event, rest)) = bytes.split_once("\n\n") {
            received.extend(parse(event));
            bytes = rest.to_owned();
        }
    }
    received
}

fn parse(event: &str) -> Option<Received> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).unwrap();
    let id = field("id: ").map(|id| id.parse().unwrap());
    Some(Received { id, data })
}

#[tokio::test]
async fn a_stream_has_what_the_list_has_and_ends_with_the_execution() {
    let api = Api::start();
    let id = api
        .start_one(&chain(&["echo", "gate"]), &json!({"input": {}}))
        .await;
    let first = read(&api, &id, None, 2).await;
    assert_eq!(first[0].data["type"], "execution.started");
    api.gate.add_permits(1);
    let all = read(&api, &id, None, usize::MAX).await;
    let list = api.get(&format!("/executions/{id}/events")).await.expect(200);
    let listed: Vec<Received> = list["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let mut data = event.clone();
            data["execution_id"] = json!(id);
            let id = event["seq"].as_u64();
            Received { id, data }
        })
        .collect();
    assert_eq!(all, listed);
    assert_eq!(all.last().unwrap().data["type"], "execution.completed");
}

#[tokio::test]
async fn a_client_that_is_cut_off_after_each_event_misses_none() {
    let api = Api::start();
    let id = api
        .start_one(
            &chain(&["echo", "web-search", "academic-search"]),
            &json!({"input": {}}),
        )
        .await;
    api.until(&id, "execution.completed").await;
    let all = read(&api, &id, None, usize::MAX).await;
    let mut pieces: Vec<Received> = Vec::new();
    while pieces.len() < all.len() {
        let last = pieces.last().and_then(|event| event.id);
        pieces.extend(read(&api, &id, last, 1).await.into_iter().take(1));
    }
    assert_eq!(pieces, all);
}

#[tokio::test]
async fn whoever_has_the_last_event_is_told_that_there_is_no_more() {
    let api = Api::start();
    let execution = api.run(&chain(&["echo"]), &json!({"input": {}})).await;
    let path = format!("/executions/{}/events", text(&execution["id"]));
    let events = api.get(&path).await.expect(200);
    let last = events["events"].as_array().unwrap().len().to_string();
    let ask = |last: &str| {
        let asked = and(
            request(Method::GET, &path, Body::empty()),
            "accept",
            "text/event-stream",
        );
        api.send(and(asked, "last-event-id", last))
    };
    assert_eq!(ask(&last).await.status, 204);
    for beyond in ["99", "-1", "x", "18446744073709551616"] {
        ask(beyond).await.problem(422, "invalid_value");
    }
    let accepts =
        |accept: &'static str| api.send(and(request(Method::GET, &path, Body::empty()), "accept", accept));
    accepts("application/json").await.expect(200);
    accepts("*/*").await.expect(200);
    let both = accepts("application/json, Text/Event-Stream;q=0.9").await;
    assert_eq!(both.header("content-type"), Some("text/event-stream"));
}
