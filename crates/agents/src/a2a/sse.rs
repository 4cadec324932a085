//! Server-sent events (HTML Living Standard, section 9.2.6), read from pieces of any size.
//!
//! Owns where a line, a field and an event end, and how large they may be. It knows nothing of what events hold. An
//! event that the stream ends in counts: agents were seen to leave out the last blank line.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;

/// The largest event, and the largest line that is none.
const MAX_EVENT_BYTES: usize = crate::net::MAX_REPLY_BYTES;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerEvent {
    /// Whether it is of the type `error`.
    pub(super) is_error: bool,
    /// Its data, which need not be UTF-8.
    pub(super) data: Bytes,
}

/// An event, or a line, has more than [`MAX_EVENT_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Takes a stream apart.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    /// What has come and is not read yet.
    pending: BytesMut,
    /// How many bytes at the beginning of `pending` are known to hold no end of a line.
    scanned: usize,
    /// Whether a line ended in a carriage return that a line feed may belong to.
    skips_line_feed: bool,
    /// Whether a line was read, so that no byte order mark can come.
    is_begun: bool,
    /// The data of the event that is being read.
    data: Option<BytesMut>,
    is_error: bool,
}

impl EventReader {
    /// Takes in the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.pending.extend_from_slice(piece);
    }

    /// The next event of which everything has come.
    pub(super) fn next(&mut self) -> Result<Option<ServerEvent>, TooLarge> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                if let Some(event) = self.dispatch() {
                    return Ok(Some(event));
                }
            } else {
                self.field(&line)?;
            }
        }
        if self.pending.len() > MAX_EVENT_BYTES {
            return Err(TooLarge);
        }
        Ok(None)
    }

    /// The event that the stream ends in.
    pub(super) fn finish(&mut self) -> Result<Option<ServerEvent>, TooLarge> {
        let line = self.pending.split().freeze();
        self.scanned = 0;
        self.field(&line)?;
        Ok(self.dispatch())
    }

    /// The next whole line, without its end: `\n`, `\r` or `\r\n`.
    fn line(&mut self) -> Option<Bytes> {
        if self.skips_line_feed && !self.pending.is_empty() {
            self.skips_line_feed = false;
            if self.pending[0] == b'\n' {
                self.pending.advance(1);
            }
        }
        let Some(found) = memchr2(b'\n', b'\r', &self.pending[self.scanned..]) else {
            self.scanned = self.pending.len();
            return None;
        };
        let mut line = self.pending.split_to(self.scanned + found).freeze();
        self.scanned = 0;
        self.skips_line_feed = self.pending[0] == b'\r';
        self.pending.advance(1);
        if !self.is_begun && line.starts_with(BYTE_ORDER_MARK) {
            line.advance(BYTE_ORDER_MARK.len());
        }
        self.is_begun = true;
        Some(line)
    }

    /// Reads a line that is not empty. Comments and what is not known are passed over.
    fn field(&mut self, line: &Bytes) -> Result<(), TooLarge> {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                let data = match &mut self.data {
                    Some(data) => {
                        data.extend_from_slice(b"\n");
                        data
                    }
                    none => none.insert(BytesMut::new()),
                };
                if data.len().saturating_add(value.len()) > MAX_EVENT_BYTES {
                    return Err(TooLarge);
                }
                data.extend_from_slice(value);
            }
            b"event" => self.is_error = value == b"error",
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Option<ServerEvent> {
        let is_error = std::mem::take(&mut self.is_error);
        let data = self.data.take()?;
        Some(ServerEvent {
            is_error,
            data: data.freeze(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of the events of a stream that comes in pieces of this size; those of errors marked.
    fn events(stream: &[u8], size: usize) -> Vec<String> {
        let (mut reader, mut events) = (EventReader::default(), Vec::new());
        let mut keep = |event: ServerEvent| {
            let mark = if event.is_error { "!" } else { "" };
            events.push(format!("{mark}{}", String::from_utf8_lossy(&event.data)));
        };
        for piece in stream.chunks(size) {
            reader.feed(piece);
            while let Some(event) = reader.next().unwrap() {
                keep(event);
            }
        }
        if let Some(event) = reader.finish().unwrap() {
            keep(event);
        }
        events
    }

    #[test]
    fn events_are_the_same_in_pieces_of_any_size() {
        for (stream, expected) in [
            ("data: a\n\ndata:b\n\n", vec!["a", "b"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec!["a", "b"]),
            ("data: a\r\rdata: b\r\r", vec!["a", "b"]),
            ("data: a\r\n\ndata: b\n\r\n", vec!["a", "b"]),
            ("data: {\ndata:  1}\n\n", vec!["{\n 1}"]),
            (": hello\n\n:\nid: 7\nretry: 3\ndata: a\n\n", vec!["a"]),
            ("event: error\ndata: a\n\ndata: b\n\n", vec!["!a", "b"]),
            ("event: message\ndata: a\n\n", vec!["a"]),
            ("event: error\n\ndata: a\n\n", vec!["a"]),
            ("data\n\ndata: \n\n", vec!["", ""]),
            ("data: ä→😀\n\n", vec!["ä→😀"]),
            ("\u{feff}data: a\n\n", vec!["a"]),
            ("data: a\n\ndata: b\n", vec!["a", "b"]),
            ("data: a\n\ndata: b", vec!["a", "b"]),
            ("database: a\n\n", vec![]),
            ("", vec![]),
        ] {
            for size in [1, 2, 3, 7, 1000] {
                assert_eq!(events(stream.as_bytes(), size), expected, "{stream:?} by {size}");
            }
        }
    }

    #[test]
    fn an_event_has_a_limit_in_one_line_and_in_many() {
        let mut reader = EventReader::default();
        reader.feed(&vec![b':'; MAX_EVENT_BYTES + 1]);
        assert_eq!(reader.next(), Err(TooLarge));

        let (mut reader, line) = (
            EventReader::default(),
            [b"data:", &[b'x'; 1 << 20][..], b"\n"].concat(),
        );
        let mut fed = 0;
        while reader.next().is_ok() {
            reader.feed(&line);
            fed += 1;
        }
        assert_eq!(fed, 8);
    }
}
