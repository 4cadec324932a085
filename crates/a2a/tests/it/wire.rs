//! The forms of each version on each binding, to the letter.

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::{
    client::{Act, Client, Way, json_of, message, with_json},
    server::{Server, echo},
};

/// The value with what differs from run to run in the place of a dash.
fn steady(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            for (name, member) in members {
                let varies = ["id", "taskId", "contextId", "timestamp", "metadata"].contains(&name.as_str());
                *member = if varies { json!("-") } else { steady(member.take()) };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = steady(item.take())),
        _ => {}
    }
    value
}

async fn sent(way: Way) -> Value {
    let server = Server::start();
    let client = Client::new(&server, &server.publish(&echo()).await, way);
    let configuration = json!({"blocking": true});
    let params = json!({"message": message("m", json!([{"text": "hello"}])), "configuration": configuration});
    steady(client.perform(Act::Send, params).await.unwrap())
}

#[tokio::test]
async fn a_task_of_version_1_0_is_named_what_it_is() {
    for way in [Way::Rpc, Way::Rest] {
        let expected = json!({"task": {
            "id": "-", "contextId": "-", "metadata": "-",
            "status": {"state": "TASK_STATE_COMPLETED", "timestamp": "-"},
            "artifacts": [{"artifactId": "output", "name": "output", "parts": [{"text": "hello"}]}],
            "history": [{
                "messageId": "m", "contextId": "-", "taskId": "-", "role": "ROLE_USER", "parts": [{"text": "hello"}],
            }],
        }});
        assert_eq!(sent(way).await, expected, "{way:?}");
    }
}

#[tokio::test]
async fn a_task_of_version_0_3_says_its_kind_over_json_rpc() {
    let expected = json!({
        "kind": "task", "id": "-", "contextId": "-", "metadata": "-",
        "status": {"state": "completed", "timestamp": "-"},
        "artifacts": [{"artifactId": "output", "name": "output", "parts": [{"kind": "text", "text": "hello"}]}],
        "history": [{
            "kind": "message", "messageId": "m", "contextId": "-", "taskId": "-", "role": "user",
            "parts": [{"kind": "text", "text": "hello"}],
        }],
    });
    assert_eq!(sent(Way::OldRpc).await, expected);
}

#[tokio::test]
async fn a_task_of_version_0_3_is_that_of_its_protocol_buffers_over_http() {
    let expected = json!({"task": {
        "id": "-", "contextId": "-", "metadata": "-",
        "status": {"state": "TASK_STATE_COMPLETED", "timestamp": "-"},
        "artifacts": [{"artifactId": "output", "name": "output", "parts": [{"text": "hello"}]}],
        "history": [{
            "messageId": "m", "contextId": "-", "taskId": "-", "role": "ROLE_USER", "content": [{"text": "hello"}],
        }],
    }});
    assert_eq!(sent(Way::OldRest).await, expected);
}

#[tokio::test]
async fn updates_say_that_they_are_the_last_in_version_0_3_only() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&echo()).await, way);
        let params = json!({"message": message("m", json!([{"text": "hello"}]))});
        let events = client.stream(Act::Stream, params).await.unwrap().rest().await;
        let updates = events.iter().filter(|(name, _)| *name == "statusUpdate");
        let lasts: Vec<_> = updates.map(|(_, update)| update.get("final").cloned()).collect();
        let (last, before) = lasts.split_last().unwrap();
        let said = |last: bool| way.is_old().then_some(json!(last));
        assert_eq!(*last, said(true), "{way:?}");
        assert!(
            before.iter().all(|found| *found == said(false)),
            "{way:?}: {before:?}"
        );
        let (_, artifact) = events.iter().find(|(name, _)| *name == "artifactUpdate").unwrap();
        assert_eq!(
            (&artifact["append"], &artifact["lastChunk"]),
            (&json!(false), &json!(true))
        );
    }
}

#[tokio::test]
async fn files_and_data_become_the_input_in_every_form() {
    let file = json!({"filename": "a.csv", "mediaType": "text/csv", "raw": "YQ=="});
    let document = json!({
        "name": "Files", "output": "{{input}}",
        "nodes": [{"id": "say", "type": "agent_call", "agent_id": "echo"}],
    });
    let new = json!([file, {"data": {"n": 1}}, {"text": "see"}]);
    let kinds = json!([
        {"kind": "file", "file": {"name": "a.csv", "mimeType": "text/csv", "bytes": "YQ=="}},
        {"kind": "data", "data": {"n": 1}},
        {"kind": "text", "text": "see"},
    ]);
    let proto = json!([
        {"file": {"name": "a.csv", "mimeType": "text/csv", "fileWithBytes": "YQ=="}},
        {"data": {"data": {"n": 1}}},
        {"text": "see"},
    ]);
    let server = Server::start();
    let agent = server.publish(&document).await;
    let rpc = |method: &str, message: Value| {
        let params = json!({"message": message, "configuration": {"blocking": true}});
        (
            String::new(),
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
        )
    };
    for (version, (path, body)) in [
        (
            "1.0",
            rpc(
                "SendMessage",
                json!({"messageId": "a", "role": "ROLE_USER", "parts": new}),
            ),
        ),
        (
            "0.3",
            rpc(
                "message/send",
                json!({"messageId": "b", "role": "user", "kind": "message", "parts": kinds}),
            ),
        ),
        (
            "0.3",
            (
                "/v1/message:send".to_owned(),
                json!({
                    "request": {"message_id": "c", "role": "ROLE_USER", "content": proto},
                    "configuration": {"blocking": true},
                }),
            ),
        ),
    ] {
        let request = Request::post(format!("/a2a/{agent}{path}")).header("a2a-version", version);
        let answer = json_of(server.send(with_json(request, &body)).await).await;
        let result = answer.get("result").unwrap_or(&answer);
        let task = result.get("task").unwrap_or(result);
        let output = crate::client::output(task);
        assert_eq!(
            *output,
            json!({"text": "see", "data": {"n": 1}, "files": [file]}),
            "{path} {version}"
        );
    }
}

#[tokio::test]
async fn an_answer_has_the_media_type_of_the_request() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    for (sent, accepted, answered) in [
        ("application/json", None, "application/json"),
        (
            "application/a2a+json; charset=utf-8",
            None,
            "application/a2a+json",
        ),
        (
            "application/json",
            Some("application/a2a+json"),
            "application/a2a+json",
        ),
    ] {
        let mut request = Request::post(format!("/a2a/{agent}/message:send"))
            .header("a2a-version", "1.0")
            .header(header::CONTENT_TYPE, sent);
        if let Some(accepted) = accepted {
            request = request.header(header::ACCEPT, accepted);
        }
        let body = json!({"message": message("m", json!([{"text": "hello"}]))});
        let response = server
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await;
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()[header::CONTENT_TYPE]
            ),
            (200, &answered.parse().unwrap())
        );
    }
}

#[tokio::test]
async fn json_rpc_is_there_with_a_slash_behind_its_address_too() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ListTasks"});
    let request = Request::post(format!("/a2a/{agent}/")).header("a2a-version", "1.0");
    let answer = json_of(server.send(with_json(request, &body)).await).await;
    assert_eq!(answer["result"]["tasks"], json!([]));
}
