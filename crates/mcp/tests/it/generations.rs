//! Clients with sessions and clients without.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::support::{Server, messages, one, with_json};

#[tokio::test]
async fn a_client_of_the_newest_revision_needs_no_session() {
    let server = Server::start();
    let found = server.ask("server/discover", json!({})).await;
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-06-18")));
    let listed = server.ask("tools/list", json!({})).await;
    assert_eq!(listed["result"]["resultType"], "complete");
}

#[tokio::test]
async fn an_older_client_begins_a_session_and_calls_within_it() {
    let server = Server::start();
    server.create("Echo", one("echo")).await;
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "old", "version": "1"},
    }});
    let response = server.send(with_json(Request::post("/mcp"), &initialize)).await;
    let session = response.headers()["mcp-session-id"].clone();
    let begun = messages(response).await.pop().unwrap();
    assert_eq!(begun["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(begun["result"]["serverInfo"]["name"], "agentchains");
    let within = || Request::post("/mcp").header("mcp-session-id", session.clone());
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.send(with_json(within(), &initialized)).await.status(), 202);
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "workflow_execute", "arguments": {"workflow": "Echo", "input": {"word": "tea"}},
    }});
    let called = messages(server.send(with_json(within(), &call)).await)
        .await
        .pop()
        .unwrap();
    assert_eq!(called["result"]["structuredContent"]["status"], "completed");
    let ended = within()
        .method("DELETE")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    assert!(server.send(ended).await.status().is_success());
    assert_eq!(server.send(with_json(within(), &call)).await.status(), 404);
}

#[tokio::test]
async fn rubbish_is_refused_and_nothing_breaks() {
    let server = Server::start();
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{0}"] {
        let request = Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("host", "localhost")
            .body(Body::from(body))
            .unwrap();
        let status = server.send(request).await.status();
        assert!(status.is_client_error(), "{body:?} gave {status}");
    }
    let too_large = Body::from(vec![b' '; (9 << 20) + 1]);
    let request = Request::post("/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("content-length", (9 << 20) + 1)
        .header("host", "localhost")
        .body(too_large)
        .unwrap();
    assert_eq!(server.send(request).await.status(), 413);
}
