//! The events that answer a request: those of a stream as they come, or the one that the whole reply is.

use http::header;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    client::Envelope,
    error::RpcError,
    event::Event,
    json,
    sse::{EventReader, ServerEvent, TooLarge},
};
use crate::{
    error::CallError,
    net::{MAX_REPLY_BYTES, OpenReply, TransportError},
    quote::quote_bytes,
};

/// The most that is read of one stream, in bytes. An agent that tells more is asked how its task stands.
const MAX_STREAM_BYTES: usize = 64 << 20;

/// Events that come.
#[derive(Debug)]
pub(super) struct Events {
    source: Source,
    envelope: Envelope,
}

#[derive(Debug)]
enum Source {
    Stream {
        reply: Box<OpenReply>,
        reader: EventReader,
        received: usize,
    },
    /// A reply in one piece, until it was given out.
    Whole(Option<Value>),
}

impl Events {
    /// Reads a reply. One that is no stream of events holds one event, whatever was asked for.
    pub(super) async fn read(
        reply: OpenReply,
        envelope: Envelope,
        deadline: Instant,
    ) -> Result<Self, CallError> {
        let content_type = reply.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|text| text.split(';').next());
        let is_stream =
            media_type.is_some_and(|media| media.trim().eq_ignore_ascii_case("text/event-stream"));
        let source = if is_stream {
            Source::Stream {
                reply: Box::new(reply),
                reader: EventReader::default(),
                received: 0,
            }
        } else {
            Source::Whole(Some(envelope.read(reply, deadline).await?))
        };
        Ok(Self { source, envelope })
    }

    /// Whether they come as a stream.
    pub(super) const fn are_streamed(&self) -> bool {
        matches!(self.source, Source::Stream { .. })
    }

    /// The next event, with its length in bytes; `None` at the end.
    pub(super) async fn next(&mut self, deadline: Instant) -> Result<Option<(Event, usize)>, CallError> {
        let (reply, reader, received) = match &mut self.source {
            Source::Whole(whole) => {
                let event = whole.take().map(Event::read).transpose()?;
                return Ok(event.map(|event| (event, 0)));
            }
            Source::Stream {
                reply,
                reader,
                received,
            } => (reply, reader, received),
        };
        loop {
            if let Some(event) = reader.next().map_err(too_large)? {
                return self.envelope.event(&event).map(Some);
            }
            let Some(piece) = reply.chunk(deadline).await? else {
                let last = reader.finish().map_err(too_large)?;
                return last.map(|event| self.envelope.event(&event)).transpose();
            };
            *received = received.saturating_add(piece.len());
            if *received > MAX_STREAM_BYTES {
                let limit = MAX_STREAM_BYTES;
                return Err(TransportError::TooLarge { limit }.into());
            }
            reader.feed(&piece);
        }
    }
}

impl Envelope {
    fn event(&self, event: &ServerEvent) -> Result<(Event, usize), CallError> {
        let data = json::read(&event.data);
        if event.is_error {
            let told = data.ok().and_then(|data| RpcError::read(data.get("error")?).ok());
            let said = || format!("its stream ends in an error: {}", quote_bytes(&event.data));
            return Err(told.map_or_else(|| CallError::protocol(said()), CallError::Rpc));
        }
        let event_length = event.data.len();
        Ok((Event::read(self.result(data?)?)?, event_length))
    }
}

fn too_large(_: TooLarge) -> CallError {
    let limit = MAX_REPLY_BYTES;
    TransportError::TooLarge { limit }.into()
}
