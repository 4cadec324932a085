//! WebSockets: the same events as `/events`, decisions, and clients that misbehave.

use agentchains_engine::ports::AgentKey;
use agentchains_http::ServerOptions;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Bytes, Message, protocol::frame::coding::CloseCode};

use crate::support::{Client, Server, chain, questions, text};

/// Starts a new workflow and gives the execution's id.
async fn start(server: &Server, workflow: &Value) -> String {
    let (_, created) = server.call("POST", "/workflows", &workflow.to_string()).await;
    let path = format!("/workflows/{}/execute", text(&created["id"]));
    let (status, started) = server.call("POST", &path, "{}").await;
    assert_eq!(status, 202, "{started}");
    text(&started["execution_id"])
}

async fn follow(server: &Server, execution: &str, after: u64) -> Client {
    let path = format!("/executions/{execution}/ws?after={after}");
    server.open(&path, None).await.unwrap()
}

#[tokio::test]
async fn an_executions_socket_sends_every_event_and_closes_after_the_terminal_one() {
    let server = Server::start(ServerOptions::default()).await;
    let id = start(&server, &chain(&["gate", "echo"])).await;
    let mut client = follow(&server, &id, 0).await;
    server.gate.add_permits(1);
    let frames = client.frames_until("execution.completed").await;
    assert_eq!(client.close().await.code, CloseCode::Normal);
    let (_, list) = server.call("GET", &format!("/executions/{id}/events"), "").await;
    let mut events = list["events"].clone();
    for event in events.as_array_mut().unwrap() {
        event["execution_id"] = json!(id);
    }
    assert_eq!(json!(frames), events);
    let mut late = follow(&server, &id, 3).await;
    assert_eq!(late.frames_until("execution.completed").await[..], frames[3..]);
    let mut nothing_left = follow(&server, &id, frames.len() as u64).await;
    assert_eq!(nothing_left.close().await.code, CloseCode::Normal);
}

#[tokio::test]
async fn the_socket_of_everything_sends_events_of_all_executions_and_of_breakers() {
    let server = Server::start(ServerOptions::default()).await;
    let mut client = server.open("/ws", None).await.unwrap();
    for _ in 0..2 {
        let id = start(&server, &chain(&["echo"])).await;
        for frame in client.frames_until("execution.completed").await {
            assert_eq!(frame["execution_id"], id);
            assert!(frame["seq"].is_u64() && frame["at"].is_string(), "{frame}");
        }
    }
    server.engine.force_breaker_open(&AgentKey::shared("echo"));
    let frame = client.frame().await;
    assert_eq!(frame["type"], "breaker.opened");
    assert_eq!(
        (&frame["data"]["agent_id"], &frame["data"]["state"]),
        (&json!("echo"), &json!("open"))
    );
    assert_eq!(frame["data"]["retry_at"], Value::Null, "until a reset");
    assert_eq!(frame["data"]["reason"], "forced_open");
    assert!(frame.get("execution_id").is_none() && frame.get("seq").is_none());
}

#[tokio::test]
async fn an_approval_is_decided_on_the_socket() {
    let server = Server::start(ServerOptions::default()).await;
    let id = start(&server, &questions(1)).await;
    let mut client = follow(&server, &id, 0).await;
    let asked = client.frames_until("approval.requested").await.pop().unwrap();
    client.frames_until("execution.paused").await;
    let approval = &asked["data"]["id"];
    let decide =
        json!({"type": "approval.decide", "approval_id": approval, "decision": "approve", "by": "ann"});
    client.say(decide.to_string()).await;
    let mut frames = client.frames_until("execution.completed").await;
    if frames.iter().all(|frame| frame["type"] != "approval.result") {
        frames.push(client.frame().await);
    }
    let result = frames
        .iter()
        .find(|frame| frame["type"] == "approval.result")
        .unwrap();
    assert_eq!(result["approval"]["status"], "decided");
    assert_eq!(result["approval"]["decisions"][0]["by"], "ann");
    assert!(frames.iter().any(|frame| frame["type"] == "approval.decided"));
}

#[tokio::test]
async fn rubbish_is_answered_with_an_error_and_the_socket_goes_on() {
    let server = Server::start(ServerOptions::default()).await;
    let mut client = server.open("/ws", None).await.unwrap();
    let absent = "0198c0de-0000-7000-8000-000000000000";
    let decide = |more: Value| {
        let mut frame = json!({"type": "approval.decide"});
        frame
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Message::text(frame.to_string())
    };
    for (message, code) in [
        (Message::text("rubbish"), "invalid_json"),
        (Message::text(""), "invalid_json"),
        (Message::text("[]"), "invalid_value"),
        (Message::text("[".repeat(100_000)), "too_deep"),
        (Message::text(r#"{"type":"shutdown"}"#), "invalid_value"),
        (Message::text("x".repeat((1 << 20) + 1)), "payload_too_large"),
        (Message::binary(Bytes::from_static(b"{}")), "invalid_value"),
        (decide(json!({})), "invalid_value"),
        (decide(json!({"approval_id": absent})), "missing_field"),
        (
            decide(json!({"approval_id": absent, "decision": "approve", "x": 1})),
            "unknown_field",
        ),
        (
            decide(json!({"approval_id": absent, "decision": "approve"})),
            "not_found",
        ),
    ] {
        client.say(message).await;
        let frame = client.frame().await;
        assert_eq!(
            (&frame["type"], &frame["problem"]["code"]),
            (&json!("error"), &json!(code)),
            "{frame}"
        );
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_no_socket() {
    let server = Server::start(ServerOptions {
        allowed_origins: vec!["https://dashboard.test".into()],
        ..ServerOptions::default()
    })
    .await;
    let own = format!("http://{}", server.address);
    let by_name = format!("http://localhost:{}", server.address.port());
    for allowed in [&own, &by_name, "https://dashboard.test"] {
        server.open("/ws", Some(allowed)).await.unwrap();
    }
    for refused in ["http://evil.test", "null", "https://dashboard.test.evil.test"] {
        assert_eq!(
            server.open("/ws", Some(refused)).await.err(),
            Some(403),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_request_that_is_no_handshake_is_told_what_is_missing() {
    let server = Server::start(ServerOptions::default()).await;
    let (status, problem) = server.call("GET", "/ws", "").await;
    assert_eq!((status, &problem["code"]), (426, &json!("upgrade_required")));
    assert_eq!(server.open("/executions/x/ws", None).await.err(), Some(404));
}

#[tokio::test]
async fn a_silent_client_is_pinged() {
    let server = Server::start(ServerOptions::default()).await;
    let mut client = server.open("/ws", None).await.unwrap();
    tokio::time::pause();
    for _ in 0..10 {
        assert!(matches!(client.message().await, Message::Ping(_)));
    }
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_told_where_it_lost_track() {
    let server = Server::start(ServerOptions::default()).await;
    let mut client = server.open("/ws", None).await.unwrap();
    // More events in one commit than are kept for a client.
    let id = start(&server, &questions(600)).await;
    let mut frames = client.frames_until("resync_required").await;
    let resync = frames.pop().unwrap();
    let last = frames.pop().unwrap();
    assert_eq!(
        resync,
        json!({"type": "resync_required", "execution_id": id, "seq": last["seq"]})
    );
    assert_eq!(client.close().await.code, CloseCode::Again);
    let seq = last["seq"].as_u64().unwrap();
    let mut again = follow(&server, &id, seq).await;
    assert_eq!(again.frame().await["seq"], seq + 1);
}
