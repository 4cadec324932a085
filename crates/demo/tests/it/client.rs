//! A raw HTTP/1.1 client: what goes over the wire is what the test says.

use std::time::Duration;

use agentchains_demo::{DemoAgents, DemoSettings, start_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer, taken apart.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
    }
}

/// Starts the agents with tasks that end at once.
pub(crate) async fn instant_agents() -> DemoAgents {
    start_all(DemoSettings {
        delay: Some(Duration::ZERO),
        ..DemoSettings::default()
    })
    .await
    .unwrap()
}

/// The address of an agent.
pub(crate) fn url(agents: &DemoAgents, id: &str) -> String {
    agents
        .agents()
        .iter()
        .find(|agent| agent.id == id)
        .unwrap()
        .url
        .clone()
}

/// Sends bytes to an agent and reads until it closes.
pub(crate) async fn send_raw(url: &str, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status_line, headers) = head.split_once("\r\n").unwrap();
    let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        headers: headers.to_owned(),
        body: body.to_owned(),
    }
}

/// Sends one request with the headers that are given, and no others.
pub(crate) async fn send(url: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = format!("{line} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    send_raw(url, request.as_bytes()).await
}

/// Posts a body as JSON-RPC 1.0 of A2A.
pub(crate) async fn post(url: &str, body: &str) -> Reply {
    send(
        url,
        "POST /a2a",
        &[("Content-Type", "application/json"), ("A2A-Version", "1.0")],
        body,
    )
    .await
}

/// Calls a method and returns the whole JSON-RPC answer.
pub(crate) async fn call(url: &str, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": "r1", "method": method, "params": params});
    let reply = post(url, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    assert_eq!(answer["id"], "r1");
    answer
}

/// A message with one data part.
pub(crate) fn message(data: &Value) -> Value {
    json!({"messageId": "m-1", "role": "ROLE_USER", "parts": [{"data": data}]})
}

/// Asks an agent, waiting for its answer, and returns the task.
pub(crate) async fn ask(url: &str, data: &Value) -> Value {
    let mut answer = call(url, "SendMessage", json!({"message": message(data)})).await;
    answer["result"]["task"].take()
}
