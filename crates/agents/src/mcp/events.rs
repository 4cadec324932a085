//! The events of a reply that is a stream, each with a limit of size.

use std::io;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use rmcp::transport::streamable_http_client::SseError;
use sse_stream::{Sse, SseStream};
use tokio::time::Instant;

use crate::net::{MAX_REPLY_BYTES, OpenReply};

/// A stream of events, as `rmcp` reads it.
pub(super) type Events = BoxStream<'static, Result<Sse, SseError>>;

/// The events of a stream, each of which may be as large as any other reply.
pub(super) fn events(reply: OpenReply, until: Instant) -> Events {
    let pieces = stream::try_unfold(
        (reply, EventSize::default()),
        move |(mut reply, mut size)| async move {
            let piece = reply.chunk(until).await.map_err(io::Error::other)?;
            let Some(piece) = piece else { return Ok(None) };
            size.count(&piece)?;
            Ok::<_, io::Error>(Some((piece, (reply, size))))
        },
    );
    SseStream::from_bytes_stream(pieces.boxed()).boxed()
}

/// How large the event is that is being read: what came since the last empty line.
#[derive(Debug, Default)]
struct EventSize {
    event: usize,
    line: usize,
}

impl EventSize {
    fn count(&mut self, piece: &[u8]) -> io::Result<()> {
        for byte in piece {
            self.event += 1;
            match byte {
                b'\n' if self.line == 0 => self.event = 0,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
            if self.event > MAX_REPLY_BYTES {
                return Err(io::Error::other("an event is too large"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_may_be_large_but_none_too_large() {
        let half = vec![b'x'; MAX_REPLY_BYTES / 2];
        let mut size = EventSize::default();
        for end in ["\n\n", "\r\n\r\n", "\n\n"] {
            size.count(&half).unwrap();
            size.count(end.as_bytes()).unwrap();
        }
        size.count(&half).unwrap();
        size.count(b"\n").unwrap();
        assert!(size.count(&half).is_err());
    }
}
