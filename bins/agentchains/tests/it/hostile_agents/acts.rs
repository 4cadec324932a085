//! What agents send.

use std::{io, sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use super::{
    agent::{Request, State},
    corpus::{Act, Body, HttpReply, Nested, ResetAt, TaskResult},
};

/// JSON-RPC's code for a task that is not known (section 5.4 of A2A).
const TASK_NOT_FOUND: i64 = -32001;

/// The id of every task, for a message is answered with one task at most.
const TASK: &str = "task-1";

/// How much is written at once of what is large.
const PIECE: usize = 64 * 1024;

/// A gibibyte of zeros, compressed three times.
const ZEROS: &[u8] = include_bytes!("../../corpus/gibibyte_of_zeros.gz.gz.gz");

/// A connection that is written to until it is closed.
pub(crate) struct Writer(TcpStream);

/// Does what the behaviour says.
pub(crate) async fn act(mut writer: Writer, request: &Request, state: &State) -> io::Result<()> {
    let is_message = matches!(request.method(), "SendMessage" | "SendStreamingMessage");
    match &state.behaviour.act {
        Act::Result(result) if is_message => {
            sleep(state.behaviour.delay).await;
            let task = result.task();
            writer
                .json(envelope(request, result, &format!("{{\"task\":{task}}}")).as_bytes())
                .await
        }
        Act::Result(result) if request.method() == "GetTask" && state.behaviour.delay.is_zero() => {
            writer
                .json(envelope(request, result, &result.task()).as_bytes())
                .await
        }
        Act::TaskState(task_state) => stays_in(task_state, writer, request, state).await,
        Act::Sse(events) if is_message => {
            writer.stream_head().await?;
            for event in events {
                let event = event.replace("$T", TASK);
                let id = &request.body["id"];
                let event = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{event}}}\n\n");
                writer.0.write_all(event.as_bytes()).await?;
            }
            writer.0.shutdown().await
        }
        Act::Result(_) | Act::Sse(_) => writer.error(request, TASK_NOT_FOUND).await,
        act => same_for_all(act, writer, request, state).await,
    }
}

/// What does not depend on what is asked.
async fn same_for_all(act: &Act, mut writer: Writer, request: &Request, state: &State) -> io::Result<()> {
    match act {
        Act::Http(reply) => writer.reply(reply).await,
        Act::Raw(text) => {
            writer.0.write_all(text.as_bytes()).await?;
            writer.0.shutdown().await
        }
        Act::RawRepeat { prefix, unit } => {
            writer.0.write_all(prefix.as_bytes()).await?;
            writer.endless(unit).await
        }
        Act::RawDrip { text, every_ms } => {
            for byte in text.as_bytes() {
                writer.0.write_all(&[*byte]).await?;
                sleep(Duration::from_millis(*every_ms)).await;
            }
            Ok(())
        }
        Act::SseEndlessRaw(unit) => {
            writer.stream_head().await?;
            writer.endless(unit).await
        }
        Act::SseOneEventBytes(bytes) => {
            writer.stream_head().await?;
            writer.0.write_all(b"data: ").await?;
            writer.repeat("x", *bytes, false).await?;
            writer.0.write_all(b"\n\n").await
        }
        Act::RpcError(code) => writer.error(request, *code).await,
        Act::Reset(ResetAt::AtOnce) => writer.0.set_zero_linger(),
        Act::RedirectToCanary(status) => {
            let location = format!("location: {}\r\n", state.canary);
            writer.head(*status, &location, Some(0)).await
        }
        Act::EchoAuthorization(status) => {
            let credential = request
                .header("authorization")
                .expect("the agent is sent a credential");
            writer
                .head(*status, "content-type: text/plain\r\n", Some(credential.len()))
                .await?;
            writer.0.write_all(credential.as_bytes()).await
        }
        Act::Result(_) | Act::Sse(_) | Act::TaskState(_) | Act::Refuse(_) | Act::Tls(_) => Ok(()),
    }
}

/// A task that stays in its state until it is cancelled, and that is cancelled at once.
async fn stays_in(task_state: &str, mut writer: Writer, request: &Request, state: &State) -> io::Result<()> {
    let task = |state: &str| json!({"id": TASK, "contextId": "c", "status": {"state": state}});
    let result = match request.method() {
        "SendMessage" => json!({"task": task(task_state)}),
        "GetTask" => task(task_state),
        "CancelTask" => {
            state.cancels.fetch_add(1, Ordering::Relaxed);
            task("TASK_STATE_CANCELED")
        }
        _ => return writer.error(request, TASK_NOT_FOUND).await,
    };
    let reply = json!({"jsonrpc": "2.0", "id": request.body["id"], "result": result});
    writer.json(reply.to_string().as_bytes()).await
}

/// A JSON-RPC response with this text as its result.
fn envelope(request: &Request, result: &TaskResult, text: &str) -> String {
    let own = request.body["id"].to_string();
    let id = result.rpc_id.as_ref().unwrap_or(&own);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{text}}}")
}

impl TaskResult {
    /// The text of the task.
    fn task(&self) -> String {
        let id = self
            .task_id_bytes
            .map_or_else(|| TASK.to_owned(), |bytes| "t".repeat(bytes));
        let data = self
            .data
            .clone()
            .unwrap_or_else(|| match (&self.data_bytes, &self.data_nested) {
                (Some(bytes), _) => format!("\"{}\"", "x".repeat(bytes.saturating_sub(2))),
                (_, Some(nested)) => nested.text(),
                _ => "null".to_owned(),
            });
        let cost = self.cost.as_ref().map(|cost| format!("{{\"cost_usd\":{cost}}}"));
        let metadata = self.metadata.clone().or(cost).unwrap_or_else(|| "{}".to_owned());
        format!(
            "{{\"id\":\"{id}\",\"contextId\":\"c\",\"status\":{{\"state\":\"TASK_STATE_COMPLETED\"}},\
             \"artifacts\":[{{\"artifactId\":\"a\",\"parts\":[{{\"data\":{data}}}]}}],\"metadata\":{metadata}}}"
        )
    }
}

impl Nested {
    fn text(&self) -> String {
        format!(
            "{}{}{}",
            self.open.repeat(self.depth),
            self.inner,
            self.close.repeat(self.depth)
        )
    }
}

impl Writer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// A reply of JSON, and the end.
    pub(crate) async fn json(&mut self, body: &[u8]) -> io::Result<()> {
        self.head(200, "content-type: application/json\r\n", Some(body.len()))
            .await?;
        self.0.write_all(body).await?;
        self.0.shutdown().await
    }

    async fn error(&mut self, request: &Request, code: i64) -> io::Result<()> {
        let error = json!({"code": code, "message": "no"});
        let reply: Value = json!({"jsonrpc": "2.0", "id": request.body["id"], "error": error});
        self.json(reply.to_string().as_bytes()).await
    }

    /// A status line and headers. Without a length, the body ends with the connection.
    async fn head(&mut self, status: u16, headers: &str, length: Option<usize>) -> io::Result<()> {
        let length = length.map_or_else(String::new, |length| format!("content-length: {length}\r\n"));
        let head = format!("HTTP/1.1 {status} Because\r\nconnection: close\r\n{length}{headers}\r\n");
        self.0.write_all(head.as_bytes()).await
    }

    async fn stream_head(&mut self) -> io::Result<()> {
        self.head(200, "content-type: text/event-stream\r\n", None).await
    }

    async fn reply(&mut self, reply: &HttpReply) -> io::Result<()> {
        let headers: String = reply
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let whole = match &reply.body {
            Body::Text { text } => text.clone().into_bytes(),
            Body::Hex { hex } => unhex(hex),
            Body::Nested(nested) => nested.text().into_bytes(),
            Body::GzipZeros {
                decoded_bytes,
                levels,
            } => {
                assert_eq!(
                    (*decoded_bytes, *levels),
                    (1 << 30, 3),
                    "only this one is at hand"
                );
                ZEROS.to_vec()
            }
            Body::Repeat { unit, bytes, chunked } => {
                let transfer = if *chunked {
                    "transfer-encoding: chunked\r\n"
                } else {
                    ""
                };
                self.head(reply.status, &format!("{headers}{transfer}"), None)
                    .await?;
                self.repeat(unit, *bytes, *chunked).await?;
                return self.0.shutdown().await;
            }
            Body::Drip { unit, every_ms } => {
                self.head(reply.status, &headers, None).await?;
                loop {
                    self.0.write_all(unit.as_bytes()).await?;
                    sleep(Duration::from_millis(*every_ms)).await;
                }
            }
        };
        self.head(reply.status, &headers, Some(whole.len())).await?;
        self.0.write_all(&whole).await?;
        self.0.shutdown().await
    }

    /// So many bytes of a unit again and again, each piece as a chunk of its own where that is asked for.
    async fn repeat(&mut self, unit: &str, bytes: usize, chunked: bool) -> io::Result<()> {
        let piece = unit.repeat(PIECE / unit.len());
        let mut left = bytes;
        while left > 0 {
            let now = &piece.as_bytes()[..left.min(piece.len())];
            if chunked {
                self.0
                    .write_all(format!("{:x}\r\n", now.len()).as_bytes())
                    .await?;
            }
            self.0.write_all(now).await?;
            if chunked {
                self.0.write_all(b"\r\n").await?;
            }
            left -= now.len();
        }
        match chunked {
            true => self.0.write_all(b"0\r\n\r\n").await,
            false => Ok(()),
        }
    }

    /// A unit for ever.
    async fn endless(&mut self, unit: &str) -> io::Result<()> {
        let piece = unit.repeat(PIECE / unit.len());
        loop {
            self.0.write_all(piece.as_bytes()).await?;
        }
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}
