//! A plain client of the API: JSON over HTTP, and events over WebSocket.

use std::{error::Error, net::SocketAddr};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::{Request, http::request::Builder};
use hyper_util::{client::legacy::Client as HttpClient, rt::TokioExecutor};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};

const BASE: &str = "/api/v3/orchestration";

#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    http: HttpClient<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>,
}

/// An answer: its status, and its body as JSON (null when it has none).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some("application/json"), body.to_string().into())
            .await
    }

    /// Sends any body under any content type.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Answer {
        let mut request = self.request(method, path);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        self.exchange(request.body(Full::new(body)).unwrap()).await
    }

    /// A request to the API, to which headers can be added.
    pub(crate) fn request(&self, method: &str, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{BASE}{path}", self.address))
    }

    /// The metrics, as text.
    pub(crate) async fn metrics(&self) -> String {
        let address = format!("http://{}/metrics", self.address).parse().unwrap();
        let response = self.http.get(address).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Whether the server is ready.
    pub(crate) async fn ready(&self) -> Answer {
        let address = format!("http://{}/readyz", self.address);
        self.exchange(Request::get(address).body(Full::default()).unwrap())
            .await
    }

    /// The text of an answer.
    pub(crate) async fn text(&self, request: Request<Full<Bytes>>) -> String {
        let response = self.http.request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_exchange(request).await.unwrap()
    }

    /// The same with a server that may be killed meanwhile.
    pub(crate) async fn try_exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let response = self.http.request(request).await?;
        let status = response.status().as_u16();
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let content_type = header("content-type").unwrap_or_default();
        let retry_after = header("retry-after");
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer {
            status,
            content_type,
            retry_after,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        })
    }

    /// Stores a workflow and gives its id.
    pub(crate) async fn create(&self, document: &Value) -> String {
        let created = self.post("/workflows", document).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body["id"].as_str().unwrap().to_owned()
    }

    /// Starts an execution and gives its id.
    pub(crate) async fn execute(&self, workflow: &str, request: &Value) -> String {
        let started = self
            .post(&format!("/workflows/{workflow}/execute"), request)
            .await;
        assert_eq!(started.status, 202, "{started:?}");
        started.body["execution_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn execution(&self, id: &str) -> Value {
        let answer = self.get(&format!("/executions/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The node of an execution with this id.
    pub(crate) async fn node(&self, execution: &str, node: &str) -> Value {
        let answer = self.get(&format!("/executions/{execution}/nodes")).await;
        let nodes = answer.body["nodes"].as_array().unwrap().clone();
        nodes.into_iter().find(|found| found["node_id"] == node).unwrap()
    }

    /// Follows the events of an execution from the one after `after` on.
    pub(crate) async fn follow(&self, execution: &str, after: u64) -> Events {
        self.try_follow(execution, after).await.unwrap()
    }

    /// The same with a server that may be killed meanwhile.
    pub(crate) async fn try_follow(&self, execution: &str, after: u64) -> Result<Events, tungstenite::Error> {
        let url = format!(
            "ws://{}{BASE}/executions/{execution}/ws?after={after}",
            self.address
        );
        let (socket, _) = connect_async(url).await?;
        Ok(Events {
            socket,
            seen: Vec::new(),
        })
    }
}

/// The events of one execution.
pub(crate) struct Events {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) seen: Vec<Value>,
}

impl Events {
    /// The next event; `None` when the server has closed the socket.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        while let Some(frame) = self.socket.next().await {
            match frame.ok()? {
                Message::Text(text) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    self.seen.push(event.clone());
                    return Some(event);
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
        None
    }

    /// Waits for an event of this type, and of this node where one is named.
    pub(crate) async fn until(&mut self, kind: &str, node: Option<&str>) -> Value {
        while let Some(event) = self.next().await {
            if event["type"] == kind && node.is_none_or(|node| event["data"]["node_id"] == node) {
                return event;
            }
        }
        panic!("no {kind} of {node:?} came; seen: {:#?}", self.seen);
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> Vec<Value> {
        while self.next().await.is_some() {}
        self.seen
    }
}
