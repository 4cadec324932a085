//! The accept loop: limits for connections, and an end that finishes what was begun.

use std::time::Duration;

use agentchains_http::ServerOptions;
use axum::body::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{Server, answer, chain, full, text};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A connection on which somebody waits for the end of an execution, which the gate holds up.
async fn wait_for_an_execution(server: &Server) -> TcpStream {
    let (_, created) = server
        .call("POST", "/workflows", &chain(&["gate"]).to_string())
        .await;
    let path = full(&format!("/workflows/{}/execute?wait=60", text(&created["id"])));
    let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    server.connect(request.as_bytes()).await
}

#[tokio::test]
async fn the_end_closes_sockets_answers_those_who_wait_and_waits_for_both() {
    let server = Server::start(ServerOptions::default()).await;
    let mut client = server.open("/ws", None).await.unwrap();
    let waiting = wait_for_an_execution(&server).await;
    client.frames_until("node.started").await;
    server.stop.cancel();
    assert_eq!(client.close().await.code, CloseCode::Away);
    let (status, started) = answer(waiting).await;
    assert_eq!((status, &started["status"]), (202, &json!("running")));
    drop(client);
    server.ended().await;
}

#[tokio::test]
async fn a_connection_that_does_not_end_is_cut_after_the_drain() {
    let server = Server::start(ServerOptions::default()).await;
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{",
        full("/workflows")
    );
    let mut stuck = server.connect(request.as_bytes()).await;
    let (status, _) = server.call("GET", "/healthz", "").await;
    assert_eq!(status, 200);
    tokio::time::pause();
    server.stop.cancel();
    server.ended().await;
    let mut rest = Vec::new();
    // Cut, with or without a reset.
    let _ = stuck.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_connection_that_sends_no_request_is_closed() {
    let server = Server::start(ServerOptions::default()).await;
    let mut slow = server.connect(b"GET / HTTP/1.1\r\nHost:").await;
    tokio::time::pause();
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed() {
    let server = Server::start(ServerOptions::default()).await;
    // The second could become either protocol.
    for bytes in ["", "PRI"] {
        let mut silent = server.connect(bytes.as_bytes()).await;
        tokio::time::pause();
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest).await;
        tokio::time::resume();
        assert_eq!(rest, b"", "{bytes:?}");
    }
}

#[tokio::test]
async fn many_requests_share_one_connection_of_http_2() {
    let server = Server::start(ServerOptions::default()).await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let ask = |path: &str| {
        let uri = format!("http://{}{}", server.address, full(path));
        let request = hyper::Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        client.clone().send_request(request)
    };
    let (workflows, agents, nothing) = tokio::join!(ask("/workflows"), ask("/agents"), ask("/nothing"));
    let statuses = [workflows, agents, nothing].map(|answer| answer.unwrap().status().as_u16());
    assert_eq!(statuses, [200, 200, 404]);
    server.stop.cancel();
    server.ended().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let server = Server::start(ServerOptions::default()).await;
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{",
        full("/workflows")
    );
    let slow = server.connect(request.as_bytes()).await;
    tokio::time::pause();
    let (status, problem) = answer(slow).await;
    assert_eq!((status, &problem["code"]), (408, &json!("request_timeout")));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_while_the_client_still_sends() {
    let server = Server::start(ServerOptions::default()).await;
    let (status, problem) = server.call("POST", "/workflows", &" ".repeat(9 << 20)).await;
    assert_eq!((status, &problem["code"]), (413, &json!("payload_too_large")));
}

#[tokio::test]
async fn further_connections_wait_until_there_is_a_place() {
    let options = ServerOptions {
        max_connections: 1,
        ..ServerOptions::default()
    };
    let server = Server::start(options).await;
    let socket = server.open("/ws", None).await.unwrap();
    let mut waiting = server.connect(HEALTH).await;
    tokio::time::pause();
    let mut first = [0];
    let early = timeout(Duration::from_secs(5), waiting.read(&mut first)).await;
    assert!(early.is_err(), "there is one place, and the socket holds it");
    tokio::time::resume();
    drop(socket);
    let (status, _) = answer(waiting).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn more_requests_than_there_is_room_for_are_told_to_come_back() {
    let options = ServerOptions {
        max_requests: 1,
        ..ServerOptions::default()
    };
    let server = Server::start(options).await;
    // An open socket takes no room.
    let mut client = server.open("/ws", None).await.unwrap();
    let waiting = wait_for_an_execution(&server).await;
    client.frames_until("node.started").await;
    let (status, problem) = server.call("GET", "/workflows", "").await;
    assert_eq!((status, &problem["code"]), (503, &json!("overloaded")));
    let (status, _) = answer(server.connect(HEALTH).await).await;
    assert_eq!(status, 200);
    server.gate.add_permits(1);
    let (status, _) = answer(waiting).await;
    assert_eq!(status, 200);
    let (status, _) = server.call("GET", "/workflows", "").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_nothing() {
    let server = Server::start(ServerOptions::default()).await;
    let mut client = server.open("/ws", None).await.unwrap();
    let waiting = wait_for_an_execution(&server).await;
    client.frames_until("node.started").await;
    drop(waiting);
    server.gate.add_permits(1);
    client.frames_until("execution.completed").await;
}
