//! The agent of the torture: it outlives the server, and its log of every request is the outside witness.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::chance::Chance;
use crate::conformance::agents::{card, json_response};

/// JSON-RPC's code for a method that is not known.
const METHOD_NOT_FOUND: i64 = -32601;

/// One message that an agent was sent.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) message_id: String,
    /// The execution and the node that it was for, as the message says.
    pub(super) execution: String,
    pub(super) node: String,
    /// The server that sent it: the first is 0.
    pub(super) life: u32,
    /// In microseconds since the Unix epoch, as the database counts.
    pub(super) at: i64,
}

/// A running agent.
pub(super) struct Agent {
    pub(super) url: String,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

struct Desk {
    chance: Chance,
    url: String,
    log: Mutex<Log>,
    /// Open connections.
    open: watch::Sender<usize>,
    /// Counts what happens, so that something else can happen then.
    pulse: watch::Sender<u64>,
}

#[derive(Default)]
struct Log {
    received: Vec<Received>,
    life: u32,
    /// The messages that there were for each node of an execution: one for each attempt.
    attempts: HashMap<(String, String), BTreeSet<String>>,
}

impl Agent {
    pub(super) async fn start(chance: Chance, pulse: watch::Sender<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::new(Desk {
            chance,
            url: url.clone(),
            log: Mutex::default(),
            open: watch::Sender::new(0),
            pulse,
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&desk)));
        Self {
            url,
            desk,
            _server: server,
        }
    }

    /// Returns when everything that a killed server has sent was received: what comes then is from the next one.
    pub(super) async fn next_life(&self) {
        let address = self.url.strip_prefix("http://").unwrap();
        // Connections are accepted in their order, so that this is the last one.
        let last = TcpStream::connect(address).await.unwrap();
        let mut open = self.desk.open.subscribe();
        open.wait_for(|open| *open > 0).await.unwrap();
        drop(last);
        open.wait_for(|open| *open == 0).await.unwrap();
        self.desk.log().life += 1;
    }

    /// All messages so far, in their order.
    pub(super) fn received(&self) -> Vec<Received> {
        self.desk.log().received.clone()
    }
}

impl Desk {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// Logs a message. Returns the number of its attempt.
    fn log_message(&self, message: &Value) -> usize {
        let config = &config(message);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut log = self.log();
        let received = Received {
            message_id: text(&message["messageId"]),
            execution: text(&config["execution"]),
            node: text(&config["node"]),
            life: log.life,
            at: now(),
        };
        let key = (
            received.execution.clone(),
            format!("{}{}", received.node, config["index"]),
        );
        let attempts = log.attempts.entry(key).or_default();
        attempts.insert(received.message_id.clone());
        let attempt = attempts.len();
        log.received.push(received);
        attempt
    }

    /// Takes a message: fails as often as its config says, and then answers with what it says.
    async fn answer(&self, message: &Value) -> Value {
        let attempt = self.log_message(message);
        self.pulse.send_modify(|pulse| *pulse += 1);
        let turn = self.log().received.len() as u64;
        for _ in 0..self.chance.below(40, "turns of the agent", turn) {
            tokio::task::yield_now().await;
        }
        let config = config(message);
        let fails = config["fails"].as_u64().unwrap_or_default();
        let mut task =
            json!({"id": message["messageId"], "contextId": "torture", "metadata": {"cost_usd": 0.01}});
        if attempt as u64 <= fails {
            task["status"] = json!({"state": "TASK_STATE_FAILED"});
        } else {
            task["status"] = json!({"state": "TASK_STATE_COMPLETED"});
            let data = json!({"node": config["node"], "index": config["index"]});
            task["artifacts"] = json!([{"artifactId": "result", "parts": [{"data": data}]}]);
        }
        task
    }
}

/// What the node of a message says, as it was rendered.
fn config(message: &Value) -> Value {
    let parts = message["parts"].as_array().unwrap();
    let data = parts.iter().find_map(|part| part.get("data")).unwrap();
    data["config"].clone()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the witness stands for another program, which has a clock"
)]
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Before the next one is accepted: nobody may find none open while there is one.
        desk.open.send_modify(|open| *open += 1);
        let desk = Arc::clone(&desk);
        connections.spawn(async move {
            let service = service_fn(|request| respond(&desk, request));
            // Ends badly where the server was killed.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            desk.open.send_modify(|open| *open -= 1);
        });
    }
}

async fn respond(desk: &Desk, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET {
        return Ok(json_response(&card(&format!("{}/rpc", desk.url))));
    }
    let Ok(body) = request.into_body().collect().await else {
        // Cut off by a kill; nobody reads this.
        return Ok(Response::default());
    };
    let request: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
    let mut response = json!({"jsonrpc": "2.0", "id": request["id"]});
    if request["method"] == "SendMessage" {
        response["result"] = json!({"task": desk.answer(&request["params"]["message"]).await});
    } else {
        response["error"] =
            json!({"code": METHOD_NOT_FOUND, "message": "there are no tasks to be asked for"});
    }
    Ok(json_response(&response))
}
