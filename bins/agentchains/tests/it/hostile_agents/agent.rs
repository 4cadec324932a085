//! An agent on a raw socket: it reads requests as they should be, and answers as its behaviour says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    acts::{self, Writer},
    corpus::{Act, Behaviour, Body, Tls},
};

/// A running agent.
pub(crate) struct HostileAgent {
    pub(crate) url: String,
    state: Arc<State>,
    _server: JoinSet<()>,
}

/// What an agent is, and what it has seen.
pub(crate) struct State {
    pub(crate) base: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) canary: String,
    /// The ids of the messages, each once.
    messages: Mutex<Vec<String>>,
    pub(crate) cancels: AtomicUsize,
    /// All requests, whatever they are.
    requests: AtomicUsize,
}

/// A request, taken apart.
pub(crate) struct Request {
    /// The first line and the headers.
    pub(crate) head: String,
    /// Null where it is no JSON.
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }
}

impl HostileAgent {
    /// Starts it on a free port. `canary` is where it may send its callers.
    pub(crate) async fn start(behaviour: Behaviour, canary: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if matches!(behaviour.act, Act::Tls(_)) {
            "https"
        } else {
            "http"
        };
        let listens = !matches!(behaviour.act, Act::Refuse(true));
        let state = Arc::new(State {
            base: format!("{scheme}://{address}"),
            behaviour,
            canary,
            messages: Mutex::default(),
            cancels: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let mut server = JoinSet::new();
        if listens {
            server.spawn(accept(listener, Arc::clone(&state)));
        }
        Self {
            url: state.base.clone(),
            state,
            _server: server,
        }
    }

    /// How many different messages it got.
    pub(crate) fn messages(&self) -> usize {
        self.state.messages.lock().unwrap().len()
    }

    /// How often it was told to cancel a task.
    pub(crate) fn cancels(&self) -> usize {
        self.state.cancels.load(Ordering::Relaxed)
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            // An error of writing is that of a client that has had enough.
            let _ = attend(stream, &state).await;
        });
    }
}

async fn attend(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    if let Act::Tls(Tls::Stall) = state.behaviour.act {
        return std::future::pending().await;
    }
    let Some(request) = read_request(&mut stream).await else {
        return Ok(());
    };
    state.requests.fetch_add(1, Ordering::Relaxed);
    let mut writer = Writer::new(stream);
    if request.head.starts_with("GET ") {
        return writer.json(card(state).as_bytes()).await;
    }
    if matches!(request.method(), "SendMessage" | "SendStreamingMessage") {
        state.note(&request.body["params"]["message"]["messageId"]);
    }
    acts::act(writer, &request, state).await
}

impl State {
    fn note(&self, message_id: &Value) {
        let message_id = message_id.as_str().unwrap_or_default().to_owned();
        let mut messages = self.messages.lock().unwrap();
        if !messages.contains(&message_id) {
            messages.push(message_id);
        }
    }
}

/// The text of the agent's card.
fn card(state: &State) -> String {
    let base = &state.base;
    match &state.behaviour.card {
        Some(Body::Text { text }) => text.replace("$BASE", base),
        Some(_) => panic!("a card is given as text"),
        None => serde_json::json!({
            "name": "Hostile",
            "description": "Does what a case says",
            "version": "1",
            "supportedInterfaces": [{"url": base, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "capabilities": {"streaming": state.behaviour.streams()},
            "defaultInputModes": ["application/json", "text/plain"],
            "defaultOutputModes": ["application/json"],
            "skills": [],
        })
        .to_string(),
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
    let mut request = Request {
        head: String::from_utf8_lossy(&bytes[..head_end]).into_owned(),
        body: Value::Null,
    };
    let length = request
        .header("content-length")
        .map_or(0, |value| value.parse().unwrap());
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = serde_json::from_slice(&bytes[head_end..]).unwrap_or_default();
    Some(request)
}
