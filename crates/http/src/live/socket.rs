//! One open socket: sends what its source has, answers the client, notices when nobody is there any more.

use std::time::Duration;

use axum::{
    Error,
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
    },
    http::StatusCode,
};
use tokio::time::{Instant, interval_at, timeout};

use super::{
    ADMITTED_EVERY, client, frame,
    source::{Next, Source},
};
use crate::{app::Api, problem::Problem};

/// How often the client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long a client may be silent, or take no more bytes, before it is taken for gone.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// How long a client may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of the largest frame that is taken from a client: a decision with its data.
const MAX_FRAME: usize = 1 << 20;

/// Bytes of the largest frame that is read to be refused; the socket does not survive a larger one.
const MAX_READ: usize = 4 << 20;

/// Sets the limits for what the client sends.
pub(super) fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_frame_size(MAX_READ).max_message_size(MAX_READ)
}

/// An open socket.
pub(super) struct Socket {
    socket: WebSocket,
    api: Api,
    heard_at: Instant,
}

/// The socket is of no further use.
struct Gone;

/// How a socket is closed (RFC 6455, section 7.4.1).
struct Closing {
    code: u16,
    reason: &'static str,
}

impl Closing {
    const END: Self = Self {
        code: close_code::NORMAL,
        reason: "the execution has ended",
    };
    const SHUTDOWN: Self = Self {
        code: close_code::AWAY,
        reason: "the server is shutting down",
    };
    const TOO_SLOW: Self = Self {
        code: close_code::AGAIN,
        reason: "events were missed; read again and reconnect",
    };
    const REVOKED: Self = Self {
        code: close_code::POLICY,
        reason: "the key was revoked",
    };
    const UNREADABLE: Self = Self {
        code: close_code::POLICY,
        reason: "a frame cannot be read",
    };
    const ERROR: Self = Self {
        code: close_code::ERROR,
        reason: "the events cannot be read",
    };
}

impl Socket {
    pub(super) fn new(socket: WebSocket, api: Api) -> Self {
        Self {
            socket,
            api,
            heard_at: Instant::now(),
        }
    }

    /// Serves the socket until either side ends it.
    pub(super) async fn run(mut self, mut source: Source) {
        if let Ok(closing) = self.serve(&mut source).await {
            self.close(closing).await;
        }
    }

    async fn serve(&mut self, source: &mut Source) -> Result<Closing, Gone> {
        let stop = self.api.stop.clone();
        let mut admitted = interval_at(Instant::now() + ADMITTED_EVERY, ADMITTED_EVERY);
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(Closing::SHUTDOWN),
                _ = ping.tick() => self.ping().await?,
                _ = admitted.tick() => {
                    if !self.api.still_admits_caller().await {
                        return Ok(Closing::REVOKED);
                    }
                }
                said = self.socket.recv() => {
                    if let Some(closing) = self.hear(said).await? {
                        return Ok(closing);
                    }
                }
                next = source.next() => {
                    if let Some(closing) = self.tell(next).await? {
                        return Ok(closing);
                    }
                }
            }
        }
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        if self.heard_at.elapsed() >= GONE_AFTER {
            return Err(Gone);
        }
        self.send(Message::Ping(Vec::new().into())).await
    }

    async fn hear(&mut self, said: Option<Result<Message, Error>>) -> Result<Option<Closing>, Gone> {
        self.heard_at = Instant::now();
        let reply = match said {
            Some(Ok(Message::Text(text))) if text.len() > MAX_FRAME => frame::error(&too_large()),
            Some(Ok(Message::Text(text))) => client::answer(&self.api, &text).await,
            Some(Ok(Message::Binary(_))) => frame::error(&client::refused("", "frames must be text")),
            // Pings and close frames are answered below this layer, when it is asked for more.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => return Ok(None),
            // Where the connection is what has failed, this fails too.
            Some(Err(error)) => {
                self.text(frame::error(&unreadable(&error))).await?;
                return Ok(Some(Closing::UNREADABLE));
            }
            None => return Err(Gone),
        };
        self.text(reply).await?;
        Ok(None)
    }

    async fn tell(&mut self, next: Next) -> Result<Option<Closing>, Gone> {
        match next {
            Next::Frame(text) => {
                self.text(text).await?;
                Ok(None)
            }
            Next::End if self.api.is_draining() => Ok(Some(Closing::SHUTDOWN)),
            Next::End => Ok(Some(Closing::END)),
            Next::Missed(missed) => {
                self.text(frame::resync_required(missed)).await?;
                Ok(Some(Closing::TOO_SLOW))
            }
            Next::Failed(error) => {
                self.text(frame::error(&error.into())).await?;
                Ok(Some(Closing::ERROR))
            }
        }
    }

    async fn text(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Gone> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(GONE_AFTER, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Says goodbye, and waits a moment for the client to do so too.
    async fn close(mut self, closing: Closing) {
        let frame = CloseFrame {
            code: closing.code,
            reason: closing.reason.into(),
        };
        let goodbye = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // A client that does not answer is left.
        let _ = timeout(CLOSE_WITHIN, goodbye).await;
    }
}

fn too_large() -> Problem {
    let detail = format!("a frame has at most {} MiB", MAX_FRAME >> 20);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
}

/// A frame that breaks RFC 6455, or is larger than is ever read.
fn unreadable(error: &Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "unreadable_frame", error.to_string())
}
