//! What is refused, and how each binding says so.

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::{
    client::{Act, Client, Way, json_of, message, reply, with_json},
    server::{Server, echo, gated},
};

const NOBODYS: &str = "019b76da-a800-7000-8000-000000000001";

/// Asks in version 1.0 over JSON-RPC, with any body.
async fn rpc(server: &Server, agent: &str, version: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = Request::post(format!("/a2a/{agent}"));
    if let Some(version) = version {
        request = request.header("a2a-version", version);
    }
    let response = server.send(with_json(request, body)).await;
    (response.status().as_u16(), json_of(response).await)
}

/// What is asked, for which reason it is refused, and the code and the status of that.
fn refusals(done: &Value) -> Vec<(Act, Value, &'static str, i32, u16)> {
    let nobodys = json!({"id": NOBODYS});
    let again = json!({"message": reply("n", done, json!([{"text": "yes"}]))});
    let place = json!({"url": "https://a.example"});
    let callback = json!({
        "message": message("o", json!([{"text": "hello"}])),
        "configuration": {"taskPushNotificationConfig": place, "pushNotificationConfig": place},
    });
    let no_push = "PUSH_NOTIFICATION_NOT_SUPPORTED";
    vec![
        (Act::Get, nobodys.clone(), "TASK_NOT_FOUND", -32001, 404),
        (Act::Cancel, done.clone(), "TASK_NOT_CANCELABLE", -32002, 400),
        (Act::Push, done.clone(), no_push, -32003, 400),
        (Act::Send, callback.clone(), no_push, -32003, 400),
        (Act::Stream, callback, no_push, -32003, 400),
        (Act::Subscribe, done.clone(), "UNSUPPORTED_OPERATION", -32004, 400),
        (Act::Send, again, "UNSUPPORTED_OPERATION", -32004, 400),
        (
            Act::ExtendedCard,
            nobodys.clone(),
            "UNSUPPORTED_OPERATION",
            -32004,
            400,
        ),
        (Act::Send, nobodys, "INVALID_PARAMS", -32602, 400),
    ]
}

#[tokio::test]
async fn a_reason_has_its_code_its_status_and_its_details() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    let client = Client::new(&server, &agent, Way::Rpc);
    let done = client
        .send(message("m", json!([{"text": "hello"}])))
        .await
        .unwrap();
    for (act, params, reason, code, status) in refusals(&json!({"id": done["id"]})) {
        for way in Way::ALL {
            let response = Client::new(&server, &agent, way).ask(act, params.clone()).await;
            let found = response.status().as_u16();
            let error = json_of(response).await["error"].take();
            let details = match way {
                Way::Rpc | Way::OldRpc => {
                    assert_eq!((found, &error["code"]), (200, &json!(code)), "{act:?} on {way:?}");
                    &error["data"]
                }
                Way::Rest | Way::OldRest => {
                    assert_eq!(
                        (found, &error["code"]),
                        (status, &json!(status)),
                        "{act:?} on {way:?}"
                    );
                    let names = ["NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT"];
                    assert!(names.contains(&error["status"].as_str().unwrap()), "{error}");
                    &error["details"]
                }
            };
            let expected = json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason, "domain": "a2a-protocol.org", "metadata": {},
            });
            assert_eq!(details[0], expected, "{act:?} on {way:?}");
        }
    }
}

#[tokio::test]
async fn all_faults_of_a_message_are_told_at_once() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    for (message, fields) in [
        (
            json!({}),
            &["message.messageId", "message.parts", "message.role"][..],
        ),
        (
            json!({"messageId": "", "role": "ROLE_USER", "parts": []}),
            &["message.messageId", "message.parts"],
        ),
        (
            json!({"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}),
            &["message.role"],
        ),
        (
            json!({"messageId": "m", "role": 7, "parts": [{"text": "x"}]}),
            &["message.role"],
        ),
        (
            json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}, {}]}),
            &["message.parts[1]"],
        ),
        (
            json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x", "data": 1}]}),
            &["message.parts[0]"],
        ),
        (
            json!({"messageId": "m\u{7}", "contextId": "x".repeat(300), "role": "ROLE_USER", "parts": [{"text": "x"}]}),
            &["message.contextId", "message.messageId"],
        ),
    ] {
        let client = Client::new(&server, &agent, Way::Rest);
        let body = json_of(client.ask(Act::Send, json!({"message": message})).await).await;
        let violations = body["error"]["details"][1]["fieldViolations"].as_array().unwrap();
        let mut found: Vec<_> = violations
            .iter()
            .map(|violation| violation["field"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, fields, "{message}");
    }
}

#[tokio::test]
async fn of_very_many_faults_only_some_are_told() {
    let server = Server::start();
    let client = Client::new(&server, &server.publish(&echo()).await, Way::Rest);
    let parts: Value = (0..10_000).map(Value::from).collect();
    let body = json_of(
        client
            .ask(Act::Send, json!({"message": message("m", parts)}))
            .await,
    )
    .await;
    let violations = body["error"]["details"][1]["fieldViolations"].as_array().unwrap();
    assert_eq!(violations.len(), 20);
}

#[tokio::test]
async fn a_context_that_is_not_the_tasks_is_refused() {
    for way in Way::ALL {
        let server = Server::start();
        let client = Client::new(&server, &server.publish(&gated()).await, way);
        let task = client
            .send_at_once(message("m", json!([{"text": "go"}])))
            .await
            .unwrap();
        let mut answer = reply("n", &task, json!([{"text": "yes"}]));
        let unasked = client.send(answer.clone()).await.unwrap_err();
        assert_eq!(unasked.reason, "UNSUPPORTED_OPERATION");
        answer["contextId"] = "another".into();
        assert_eq!(
            client.send(answer).await.unwrap_err().reason,
            "INVALID_PARAMS",
            "{way:?}"
        );
    }
}

#[tokio::test]
async fn input_that_breaks_the_schema_or_has_no_place_in_it_is_refused() {
    for way in Way::ALL {
        let server = Server::start();
        let mut document = echo();
        document["input_schema"] =
            json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}});
        let client = Client::new(&server, &server.publish(&document).await, way);
        let broken = client.send(message("m", json!([{"data": {"n": "x"}}]))).await;
        assert_eq!(broken.unwrap_err().reason, "INVALID_PARAMS");
        let text = client.send(message("n", json!([{"text": "hello"}]))).await;
        assert_eq!(text.unwrap_err().reason, "CONTENT_TYPE_NOT_SUPPORTED", "{way:?}");
    }
}

#[tokio::test]
async fn only_the_two_versions_are_spoken_whatever_their_third_number() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    let get = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"id": NOBODYS}});
    for (version, method, code) in [
        (Some("1.0"), "GetTask", -32001),
        (Some("1.0.1"), "GetTask", -32001),
        (Some("0.3"), "tasks/get", -32001),
        (Some(""), "tasks/get", -32001),
        (None, "tasks/get", -32001),
        (None, "GetTask", -32009),
        (Some("1.0"), "tasks/get", -32601),
        (Some("2.0"), "GetTask", -32009),
        (Some("1"), "GetTask", -32009),
        (Some("0.30"), "tasks/get", -32009),
        (Some("new"), "GetTask", -32009),
        (Some("1.0"), "Dance", -32601),
        (None, "Dance", -32601),
    ] {
        let (status, body) = rpc(&server, &agent, version, &get(method)).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (200, &json!(code)),
            "{version:?} {method}: {body}"
        );
    }
    for (path, version, status) in [
        ("tasks/x", Some("1.0"), 404),
        ("tasks/x?A2A-Version=1.0", None, 404),
        ("tasks/x", None, 400),
        ("tasks/x", Some("2.0"), 400),
        ("v1/tasks/x", None, 404),
        ("v1/tasks/x", Some("1.0"), 400),
    ] {
        let mut request = Request::get(format!("/a2a/{agent}/{path}"));
        if let Some(version) = version {
            request = request.header("a2a-version", version);
        }
        let response = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status().as_u16(), status, "{path} {version:?}");
    }
}

#[tokio::test]
async fn an_envelope_that_is_none_is_refused_with_its_id_where_it_has_one() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    for (body, code, id) in [
        (json!([]), -32600, Value::Null),
        (json!("GetTask"), -32600, Value::Null),
        (json!({}), -32600, Value::Null),
        (
            json!({"jsonrpc": "1.0", "id": 7, "method": "GetTask"}),
            -32600,
            json!(7),
        ),
        (json!({"jsonrpc": "2.0", "id": 7}), -32600, json!(7)),
        (
            json!({"jsonrpc": "2.0", "id": [], "method": "GetTask"}),
            -32600,
            Value::Null,
        ),
        (
            json!({"jsonrpc": "2.0", "id": "x", "method": "GetTask", "params": []}),
            -32602,
            json!("x"),
        ),
        (
            json!({"jsonrpc": "2.0", "id": "x", "method": "GetTask"}),
            -32602,
            json!("x"),
        ),
    ] {
        let (status, answer) = rpc(&server, &agent, Some("1.0"), &body).await;
        assert_eq!(
            (status, &answer["error"]["code"], &answer["id"]),
            (200, &json!(code), &id),
            "{body}"
        );
    }
    let broken = Request::post(format!("/a2a/{agent}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("a2a-version", "1.0")
        .body(Body::from("{"))
        .unwrap();
    let answer = json_of(server.send(broken).await).await;
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(-32700), &Value::Null)
    );
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_before_it_is_read() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    for (path, is_rest) in [
        ("", false),
        ("/", false),
        ("/message:send", true),
        ("/message:stream", true),
    ] {
        for media_type in [None, Some("text/plain"), Some("application/xml")] {
            let mut request = Request::post(format!("/a2a/{agent}{path}")).header("a2a-version", "1.0");
            if let Some(media_type) = media_type {
                request = request.header(header::CONTENT_TYPE, media_type);
            }
            let response = server.send(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(response.status(), 415, "{path} {media_type:?}");
            if is_rest {
                let body = json_of(response).await;
                assert_eq!(
                    body["error"]["details"][0]["reason"],
                    "CONTENT_TYPE_NOT_SUPPORTED"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    for path in ["", "/message:send"] {
        let request = Request::post(format!("/a2a/{agent}{path}"))
            .header("a2a-version", "1.0")
            .header(header::CONTENT_TYPE, "application/json");
        let response = server
            .send(request.body(Body::from(vec![b' '; (9 << 20) + 1])).unwrap())
            .await;
        assert_eq!(response.status(), 413);
        assert_eq!(
            json_of(response).await["error"]["details"][0]["reason"],
            "REQUEST_TOO_LARGE"
        );
    }
}
