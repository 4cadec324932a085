//! A raw TCP server whose answers are a script: it sends any bytes at all, or none.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A request, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The first line and the headers.
    pub(crate) head: String,
    /// The body as JSON; null when it is none.
    pub(crate) body: Value,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The JSON-RPC method; empty for what is no JSON-RPC request.
    pub(crate) fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }
}

/// What to do with a request.
pub(crate) enum Act {
    /// Send these bytes and close.
    Send(Vec<u8>),
    /// Send the first bytes, then the second ones again and again until the other side closes.
    Repeat(Vec<u8>, Vec<u8>),
    /// Send these bytes, then nothing, without closing.
    Hang(Vec<u8>),
}

/// A running script.
pub(crate) struct Scripted {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    _server: JoinSet<()>,
}

impl Scripted {
    /// Answers requests for the card with an ordinary one, and others by the script.
    pub(crate) async fn agent(script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        Self::agent_with_card(|base| card(&base), script).await
    }

    /// The same with another card, which is given the server's address.
    pub(crate) async fn agent_with_card(
        card: impl Fn(String) -> Value + Send + Sync + 'static,
        script: impl Fn(&Request) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |request, base| {
            if request.head.starts_with("GET ") {
                return json_reply(&card(base.to_owned()));
            }
            script(request)
        })
        .await
    }

    /// Answers everything by the script, which is given the server's address.
    pub(crate) async fn start(script: impl Fn(&Request, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let mut server = JoinSet::new();
        let (base, seen, script) = (url.clone(), Arc::clone(&requests), Arc::new(script));
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (base, seen, script) = (base.clone(), Arc::clone(&seen), Arc::clone(&script));
                connections.spawn(async move {
                    if let Some(request) = read_request(&mut stream).await {
                        seen.lock().unwrap().push(request.clone());
                        act(stream, script(&request, &base)).await;
                    }
                });
            }
        });
        Self {
            url,
            requests,
            _server: server,
        }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How often a JSON-RPC method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.method() == method)
            .count()
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    while bytes.len() < head_end + length.unwrap_or(0_usize) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    Some(Request {
        head,
        body: serde_json::from_slice(&bytes[head_end..]).unwrap_or_default(),
    })
}

/// Errors of writing are those of a client that has had enough.
async fn act(mut stream: TcpStream, act: Act) {
    match act {
        Act::Send(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::Repeat(first, unit) => {
            let mut sent = stream.write_all(&first).await;
            while sent.is_ok() {
                sent = stream.write_all(&unit).await;
            }
        }
        Act::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
    }
}

/// The card of an agent that speaks A2A 1.0 at its own address.
pub(crate) fn card(base: &str) -> Value {
    let interface =
        json!({"url": format!("{base}/rpc"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"});
    json!({"name": "scripted", "supportedInterfaces": [interface]})
}

/// A reply with a status line such as `200 OK`, further headers and a body.
pub(crate) fn http_reply(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Act {
    let mut reply = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        reply.push_str(&format!("{name}: {value}\r\n"));
    }
    reply.push_str("\r\n");
    Act::Send([reply.as_bytes(), body].concat())
}

/// A reply of JSON.
pub(crate) fn json_reply(body: &Value) -> Act {
    text_reply(&body.to_string())
}

/// A reply that says that it is JSON.
pub(crate) fn text_reply(body: &str) -> Act {
    http_reply("200 OK", &[("Content-Type", "application/json")], body.as_bytes())
}

/// The result of a JSON-RPC request.
pub(crate) fn result(request: &Request, result: &Value) -> Act {
    json_reply(&json!({"jsonrpc": "2.0", "id": request.body["id"], "result": result}))
}

/// An error as the answer to a JSON-RPC request.
pub(crate) fn error(request: &Request, code: i64) -> Act {
    let error = json!({"code": code, "message": "no"});
    json_reply(&json!({"jsonrpc": "2.0", "id": request.body["id"], "error": error}))
}

/// A task in a state, without `TASK_STATE_`, with further fields.
pub(crate) fn task(state: &str, rest: &Value) -> Value {
    let mut task =
        json!({"id": "t-1", "contextId": "c-1", "status": {"state": format!("TASK_STATE_{state}")}});
    for (name, value) in rest.as_object().unwrap() {
        task[name] = value.clone();
    }
    task
}

/// Answers a message with a task in this state.
pub(crate) fn send_result(request: &Request, state: &str, rest: &Value) -> Act {
    result(request, &json!({"task": task(state, rest)}))
}
