//! A server on a real socket, and clients of it.

use std::{net::SocketAddr, sync::Arc};

use agentchains_engine::Engine;
use agentchains_http::{Access, App, ServerOptions, serve};
use agentchains_testkit::MemoryStore;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};
use tokio_util::sync::CancellationToken;

use super::{app, full};

/// A server on a real socket.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(options: ServerOptions) -> Self {
        let (app, gate) = app(options);
        Self::of(app, gate).await
    }

    /// A server for those who show one of these keys.
    pub(crate) async fn behind(keys: &MemoryStore) -> Self {
        let (mut app, gate) = app(ServerOptions::default());
        app.access = Access::Keys(Arc::new(keys.clone()));
        Self::of(app, gate).await
    }

    async fn of(app: App, gate: Arc<Semaphore>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stop = CancellationToken::new();
        Self {
            address: listener.local_addr().unwrap(),
            engine: app.engine.clone(),
            gate,
            stop: stop.clone(),
            served: tokio::spawn(serve(listener, app, stop)),
        }
    }

    /// Waits until the server has ended after it was told to.
    pub(crate) async fn ended(self) {
        self.served.await.unwrap().unwrap();
    }

    /// Sends bytes on a new connection.
    pub(crate) async fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// Sends one request on a connection of its own and gives status and body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let head = format!(
            "{method} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            full(path),
            body.len()
        );
        answer(self.connect(head.as_bytes()).await).await
    }

    /// Opens a socket; the status of the refusal where there is one.
    pub(crate) async fn open(&self, path: &str, origin: Option<&str>) -> Result<Client, u16> {
        self.open_with(path, origin.map(|origin| ("origin", origin.to_owned())))
            .await
    }

    /// The same with a header.
    pub(crate) async fn open_with(
        &self,
        path: &str,
        header: Option<(&'static str, String)>,
    ) -> Result<Client, u16> {
        let url = format!("ws://{}{}", self.address, full(path));
        let mut request = url.into_client_request().unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Client(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads a connection to its end: status and JSON body.
pub(crate) async fn answer(mut stream: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// A client of a socket.
pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// The next message of any kind.
    pub(crate) async fn message(&mut self) -> Message {
        self.0.next().await.expect("the socket is open").unwrap()
    }

    /// The next text frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The frames up to the first of that type, which is the last of them.
    pub(crate) async fn frames_until(&mut self, kind: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        while frames.last().is_none_or(|frame: &Value| frame["type"] != kind) {
            frames.push(self.frame().await);
        }
        frames
    }

    /// The close frame, which must be what comes next.
    pub(crate) async fn close(&mut self) -> CloseFrame {
        match self.message().await {
            Message::Close(Some(frame)) => frame,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).await.unwrap();
    }
}
