//! Requests of the load: connections that are kept, each with one request at a time.

use std::{cell::Cell, net::SocketAddr};

use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::error::{LoadError, Result, While as _};

/// A connection over HTTP/1.1 that is kept, without Nagle's algorithm (RFC 896).
pub(crate) struct Connection {
    requests: http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.during("connect")?;
        stream.set_nodelay(true).during("set TCP_NODELAY")?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .during("open an HTTP connection")?;
        // How a connection ends is told to the request that is on it.
        tokio::spawn(connection);
        Ok(Self {
            requests,
            host: address.to_string(),
        })
    }

    /// Sends a request with JSON in its body and reads the answer.
    ///
    /// # Errors
    /// When the connection fails.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .during("build a request")?;
        self.requests.ready().await.during("send a request")?;
        let response = self
            .requests
            .send_request(request)
            .await
            .during("send a request")?;
        let status = response.status();
        let body = response.into_body().collect().await.during("read an answer")?;
        Ok((status, body.to_bytes()))
    }

    /// Sends a request that must succeed.
    ///
    /// # Errors
    /// When the connection fails or the answer is no success.
    pub(crate) async fn succeed(&mut self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        let (status, answer) = self.send(method, path, body).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let answer = String::from_utf8_lossy(&answer);
        Err(LoadError::new(format!("get {path}: answered {status}: {answer}")))
    }

    /// Sends a request and reads the JSON of its answer.
    ///
    /// # Errors
    /// As [`succeed`](Self::succeed), and when the answer is not JSON.
    pub(crate) async fn json(&mut self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let answer = self.succeed(method, path, body.to_string().into()).await?;
        serde_json::from_slice(&answer).during("read an answer as JSON")
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// As [`succeed`](Self::succeed), and when the answer is not JSON.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        let answer = self.succeed(Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&answer).during("read an answer as JSON")
    }
}

/// Does something `count` times, at most `concurrency` of it at once, each on a connection of its own. What is done
/// is told its number.
///
/// # Errors
/// The first failure.
pub(crate) async fn concurrently<F>(
    address: SocketAddr,
    concurrency: usize,
    count: usize,
    work: F,
) -> Result<()>
where
    F: AsyncFn(&mut Connection, usize) -> Result<()>,
{
    let (next, work) = (&Cell::new(0), &work);
    let workers = (0..concurrency.min(count)).map(async |_| {
        let mut connection = Connection::open(address).await?;
        loop {
            let number = next.get();
            if number >= count {
                return Ok(());
            }
            next.set(number + 1);
            work(&mut connection, number).await?;
        }
    });
    try_join_all(workers).await.map(|_| ())
}
