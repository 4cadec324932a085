//! Whatever is sent, the answer is an answer: nothing panics, and nothing is the server's fault.

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};

use crate::{
    client::{Act, Way, message},
    server::{Server, echo},
};

/// Values that stand where others are expected.
fn rubbish() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(18_446_744_073_709_551_615_u64),
        json!(""),
        json!("\u{0}\u{202e}'; DROP TABLE executions; --"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([[], {}, null]),
        json!({}),
        json!({"": {"": ""}}),
    ]
}

/// The object with this value in the place of each of its members, one after the other and at every level.
fn spoiled(object: &Value, value: &Value) -> Vec<Value> {
    let mut all = vec![value.clone()];
    let members: Vec<_> = match object {
        Value::Object(members) => members.keys().map(|name| json!(name)).collect(),
        Value::Array(items) => (0..items.len()).map(|index| json!(index)).collect(),
        _ => Vec::new(),
    };
    for place in members {
        let member = |whole: &Value| match &place {
            Value::String(name) => whole[name].clone(),
            index => whole[index.as_u64().unwrap() as usize].clone(),
        };
        for inner in spoiled(&member(object), value) {
            let mut whole = object.clone();
            match &place {
                Value::String(name) => whole[name] = inner,
                index => whole[index.as_u64().unwrap() as usize] = inner,
            }
            all.push(whole);
        }
    }
    all
}

async fn survives(server: &Server, request: Request<Body>, what: &str) {
    let status = server.send(request).await.status();
    assert!(!status.is_server_error(), "{what} gave {status}");
}

#[tokio::test]
async fn no_value_in_any_place_of_a_request_is_the_servers_fault() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    let mut whole = message(
        "m",
        json!([{"text": "x", "filename": "f", "mediaType": "m"}, {"data": {"a": [1]}}]),
    );
    whole["contextId"] = "c".into();
    whole["metadata"] = json!({"a": 1});
    let configuration = json!({"returnImmediately": true, "blocking": false, "historyLength": 1});
    let params = json!({"message": whole, "configuration": configuration});
    for (method, version) in [("SendMessage", Some("1.0")), ("message/send", None)] {
        let envelope = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        for value in rubbish() {
            for body in spoiled(&envelope, &value) {
                let mut request =
                    Request::post(format!("/a2a/{agent}")).header(header::CONTENT_TYPE, "application/json");
                if let Some(version) = version {
                    request = request.header("a2a-version", version);
                }
                let what: String = body.to_string().chars().take(300).collect();
                survives(
                    &server,
                    request.body(Body::from(body.to_string())).unwrap(),
                    &what,
                )
                .await;
            }
        }
    }
}

#[tokio::test]
async fn no_bytes_are_the_servers_fault() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    let deep = "[".repeat(200_000);
    let nested = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"nan",
        b"{\"id\": 1e999}",
        b"{\"id\": \"\\ud800\"}",
        deep.as_bytes(),
        nested.as_bytes(),
    ];
    for path in ["", "/", "/message:send", "/message:stream", "/v1/message:send"] {
        for body in bodies {
            for version in ["1.0", "0.3", "\t", "1.0,0.3"] {
                let request = Request::post(format!("/a2a/{agent}{path}"))
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("a2a-version", version);
                let what = format!("{path} {:?}", &body[..body.len().min(40)]);
                survives(&server, request.body(Body::from(body.to_vec())).unwrap(), &what).await;
            }
        }
    }
}

#[tokio::test]
async fn no_path_and_no_query_is_the_servers_fault() {
    let server = Server::start();
    let agent = server.publish(&echo()).await;
    let long = "x".repeat(5_000);
    for task in [
        "%00",
        "%ff",
        ":cancel",
        "::subscribe",
        "x:dance",
        "%2e%2e%2f",
        &long,
    ] {
        for (method, prefix) in [("GET", ""), ("POST", ""), ("GET", "/v1"), ("DELETE", "")] {
            let request = Request::builder()
                .method(method)
                .uri(format!("/a2a/{agent}{prefix}/tasks/{task}"));
            let request = request.header("a2a-version", "1.0").body(Body::empty()).unwrap();
            survives(&server, request, &format!("{method} {task}")).await;
        }
    }
    for query in [
        "?pageSize=x",
        "?pageSize=-1",
        "?%ff=%00",
        "?status=",
        "?pageToken=1.%00",
        "?historyLength=1e9",
        "?&&=&",
    ] {
        let request = Request::get(format!("/a2a/{agent}/tasks{query}")).header("a2a-version", "1.0");
        survives(&server, request.body(Body::empty()).unwrap(), query).await;
    }
    for agent in ["%00", "%ff", "..", &long] {
        let request = Way::Rpc.request(agent, Act::Get, json!({"id": "x"}));
        survives(&server, request, agent).await;
    }
}
