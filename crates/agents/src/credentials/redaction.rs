//! Keeping credentials out of replies: an agent that repeats one must not bring it into outputs, errors and logs.

use std::{fmt, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use secrecy::{ExposeSecret, SecretSlice};
use url::form_urlencoded::byte_serialize;

/// What stands in the place of a credential.
const REDACTED: &[u8] = b"[redacted]";

/// Shorter texts are left in replies: they hide nothing, and occur everywhere.
const MIN_BYTES: usize = 4;

/// What must not be seen in a reply, longest first.
#[derive(Clone, Default)]
pub(crate) struct Hidden {
    texts: Vec<Arc<SecretSlice<u8>>>,
}

impl Hidden {
    /// Hides a text, also as JSON and forms write it, and as those see it who take each of its bytes for a character.
    pub(crate) fn add(&mut self, secret: &str) {
        // Headers were Latin-1 once (RFC 9110, section 5.5), and some servers still read them so.
        let as_latin_1: String = secret.bytes().map(char::from).collect();
        for spelling in spellings(secret).chain(spellings(&as_latin_1)) {
            let bytes = spelling.into_bytes();
            let is_known = self.texts.iter().any(|text| text.expose_secret() == bytes);
            if bytes.len() >= MIN_BYTES && !is_known {
                self.texts.push(Arc::new(bytes.into()));
            }
        }
        self.texts
            .sort_by_key(|text| std::cmp::Reverse(text.expose_secret().len()));
    }

    /// Redacts headers.
    pub(crate) fn redact_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Some(redacted) = self.redacted(value.as_bytes()) {
                *value = HeaderValue::from_bytes(&redacted).unwrap_or(HeaderValue::from_static(""));
            }
        }
    }

    /// The bytes without what is hidden; `None` where they have none of it.
    fn redacted(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut redacted: Option<Vec<u8>> = None;
        for text in &self.texts {
            let text = text.expose_secret();
            let given = redacted.as_deref().unwrap_or(bytes);
            let mut changed = Vec::new();
            let mut rest = 0;
            for at in memmem::find_iter(given, text) {
                changed.extend_from_slice(&given[rest..at]);
                changed.extend_from_slice(REDACTED);
                rest = at + text.len();
            }
            if rest > 0 {
                changed.extend_from_slice(&given[rest..]);
                redacted = Some(changed);
            }
        }
        redacted
    }

    /// How many of the last bytes may be the beginning of something hidden.
    fn begun_at_end(&self, bytes: &[u8]) -> usize {
        let begun = |text: &[u8]| {
            let longest = bytes.len().min(text.len().saturating_sub(1));
            (1..=longest)
                .rev()
                .find(|&length| bytes.ends_with(&text[..length]))
        };
        let begun = self.texts.iter().filter_map(|text| begun(text.expose_secret()));
        begun.max().unwrap_or(0)
    }
}

/// A text as it is, as forms write it, and as JSON does: with and without `\/`, and with everything beyond ASCII as it
/// is or escaped.
fn spellings(text: &str) -> impl Iterator<Item = String> {
    let json = serde_json::Value::from(text).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let escaped = [escaped(&json, false), escaped(&json, true), json];
    let slashed = escaped.clone().map(|json| json.replace('/', r"\/"));
    let plain = [text.to_owned(), byte_serialize(text.as_bytes()).collect()];
    plain.into_iter().chain(escaped).chain(slashed)
}

/// JSON in ASCII (RFC 8259, section 7).
fn escaped(json: &str, in_upper_case: bool) -> String {
    let mut escaped = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let digits = if in_upper_case {
                format!("{unit:04X}")
            } else {
                format!("{unit:04x}")
            };
            escaped.push_str(r"\u");
            escaped.push_str(&digits);
        }
    }
    escaped
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hidden").finish_non_exhaustive()
    }
}

/// Redacts a body that comes in pieces. What may be the beginning of something hidden is held back until it is known.
#[derive(Debug, Default)]
pub(crate) struct Redaction {
    hidden: Hidden,
    held: BytesMut,
}

impl Redaction {
    pub(crate) fn new(hidden: Hidden) -> Self {
        Self {
            hidden,
            held: BytesMut::new(),
        }
    }

    /// What may be read once this piece has come; nothing where all of it is held back.
    pub(crate) fn pass(&mut self, piece: Bytes) -> Bytes {
        if self.hidden.texts.is_empty() {
            return piece;
        }
        let piece = if self.held.is_empty() {
            piece
        } else {
            self.held.extend_from_slice(&piece);
            self.held.split().freeze()
        };
        let mut seen = self.hidden.redacted(&piece).map_or(piece, Bytes::from);
        let held = seen.split_off(seen.len() - self.hidden.begun_at_end(&seen));
        self.held.extend_from_slice(&held);
        seen
    }

    /// What was held back, when nothing more comes.
    pub(crate) fn rest(&mut self) -> Option<Bytes> {
        (!self.held.is_empty()).then(|| self.held.split().freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted_in_pieces(secrets: &[&str], body: &str, size: usize) -> String {
        let mut hidden = Hidden::default();
        for secret in secrets {
            hidden.add(secret);
        }
        let mut redaction = Redaction::new(hidden);
        let mut seen = Vec::new();
        for piece in body.as_bytes().chunks(size) {
            seen.extend(redaction.pass(Bytes::copy_from_slice(piece)));
        }
        seen.extend(redaction.rest().unwrap_or_default());
        String::from_utf8(seen).unwrap()
    }

    #[test]
    fn a_secret_is_replaced_in_each_spelling_however_the_body_is_cut() {
        for (secrets, body, expected) in [
            (
                &["s3cret"][..],
                "a s3cret and s3cret",
                "a [redacted] and [redacted]",
            ),
            (&["s3cret"], "s3cres3cret s3cre", "s3cre[redacted] s3cre"),
            (
                &["a\"b/c"],
                r#"{"x":"a\"b\/c","y":"a\"b/c"}"#,
                r#"{"x":"[redacted]","y":"[redacted]"}"#,
            ),
            (&["a b&c"], "key=a+b%26c", "key=[redacted]"),
            (
                &["ké/😀"],
                r#"ké/😀 k%C3%A9%2F%F0%9F%98%80 k\u00e9/\ud83d\ude00 k\u00E9\/\uD83D\uDE00"#,
                "[redacted] [redacted] [redacted] [redacted]",
            ),
            (
                &["kéy1"],
                r"kÃ©y1 k\u00c3\u00a9y1 k\u00C3\u00A9y1 k%C3%83%C2%A9y1 kÃ©y",
                "[redacted] [redacted] [redacted] [redacted] kÃ©y",
            ),
            (&["abc"], "abcabc", "abcabc"),
            (&[], "anything", "anything"),
        ] {
            for size in 1..=body.len() {
                assert_eq!(
                    redacted_in_pieces(secrets, body, size),
                    expected,
                    "in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_become_a_secret_is_not_held_back() {
        let mut hidden = Hidden::default();
        hidden.add("s3cret");
        let mut redaction = Redaction::new(hidden);
        assert_eq!(redaction.pass(Bytes::from_static(b"data: x\n\n")), "data: x\n\n");
        assert_eq!(redaction.pass(Bytes::from_static(b"data: s3c")), "data: ");
        assert_eq!(redaction.pass(Bytes::from_static(b"ond")), "s3cond");
        assert_eq!(redaction.rest(), None);
    }

    #[test]
    fn headers_are_redacted() {
        let mut hidden = Hidden::default();
        hidden.add("s3cret");
        let mut headers = HeaderMap::from_iter([(http::header::SERVER, "for s3cret".parse().unwrap())]);
        hidden.redact_headers(&mut headers);
        assert_eq!(headers["server"], "for [redacted]");
        assert!(!format!("{hidden:?}").contains("s3cret"));
    }
}
