//! All agents of all cases behind one socket: each has a path of its own, `/<case>/<agent>`.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use agentchains_conformance::Desk;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::rpc;

/// The desks by the number of their case.
type Desks = Arc<Mutex<HashMap<usize, Arc<Desk>>>>;

/// Where nothing listens: the port is reserved, and nobody uses it.
const NOWHERE: &str = "http://127.0.0.1:1";

/// The running socket.
pub(crate) struct Agents {
    address: SocketAddr,
    desks: Desks,
    _server: JoinSet<()>,
}

impl Agents {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desks = Desks::default();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, address, Arc::clone(&desks)));
        Self {
            address,
            desks,
            _server: server,
        }
    }

    /// From here on the desk speaks for the agents of this case.
    pub(crate) fn seat(&self, number: usize, desk: Arc<Desk>) {
        self.desks.lock().unwrap().insert(number, desk);
    }

    pub(crate) fn url(&self, number: usize, agent_id: &str) -> String {
        let unreachable = self.desks.lock().unwrap()[&number].is_unreachable(agent_id);
        if unreachable {
            NOWHERE.to_owned()
        } else {
            format!("http://{}/{number}/{agent_id}", self.address)
        }
    }
}

async fn serve(listener: TcpListener, address: SocketAddr, desks: Desks) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let desks = Arc::clone(&desks);
        let service = service_fn(move |request| respond(address, Arc::clone(&desks), request));
        connections.spawn(async move {
            // Ends badly where a script says so, or where the server was killed.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Answers one request; an error closes the connection without an answer.
async fn respond(
    address: SocketAddr,
    desks: Desks,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let path = request.uri().path().to_owned();
    let mut segments = path.split('/').skip(1);
    let number: usize = segments.next().and_then(|text| text.parse().ok()).unwrap();
    let agent_id = segments.next().unwrap().to_owned();
    if request.method() == Method::GET {
        return Ok(json_response(&card(&format!(
            "http://{address}/{number}/{agent_id}/rpc"
        ))));
    }
    let desk = Arc::clone(&desks.lock().unwrap()[&number]);
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let body: Value = serde_json::from_slice(&body)?;
    rpc::answer(&desk, &agent_id, &body).await
}

/// The card of an agent that speaks A2A 1.0 there (section 4.4.1 of A2A).
pub(crate) fn card(rpc: &str) -> Value {
    json!({
        "name": "Scripted",
        "description": "Answers as a case says",
        "version": "1",
        "supportedInterfaces": [{"url": rpc, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {},
        "defaultInputModes": ["application/json", "text/plain"],
        "defaultOutputModes": ["application/json"],
        "skills": [],
    })
}

pub(crate) fn json_response(body: &Value) -> Response<Full<Bytes>> {
    Response::builder()
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap()
}
