//! JSON texts, and what is taken out of them.
//!
//! A reference is the hash of a value's text between two [`MARK`]s. Values that are taken out may refer to others, as a
//! list of large texts does that is large without them, too.

use std::collections::HashMap;

use memchr::memchr2;

/// Stands on both sides of a hash. In JSON it is always escaped (RFC 8259, section 7), so that data cannot look like a
/// reference.
const MARK: char = '\u{1}';

/// Takes every value out of a JSON text whose own text is longer than `limit` bytes: the innermost first, and those
/// around them where they are longer still with references in their places. What is taken out of a value is the same
/// wherever the value stands. `take` is given the text of each, and answers with its hash.
///
/// The time follows the length of the text, and no stack grows with its depth.
pub(super) fn take_apart(text: &str, limit: usize, take: impl FnMut(String) -> String) -> String {
    let bytes = text.as_bytes();
    let mut rest = Rest {
        text,
        copied: 0,
        kept: String::new(),
        limit,
        take,
    };
    // Where the arrays and objects begin that are open.
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let start = rest.position(at);
                at = end_of_string(bytes, at);
                rest.close(start, at);
                continue;
            }
            b'[' | b'{' => open.push(rest.position(at)),
            b']' | b'}' => {
                if let Some(start) = open.pop() {
                    rest.close(start, at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    rest.copy_to(bytes.len());
    rest.kept
}

/// Where the string ends that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        // The byte after a backslash ends no string.
        at += 2;
    }
    bytes.len()
}

/// What remains of a text.
struct Rest<'t, T> {
    text: &'t str,
    /// As much of the text as `kept` stands for.
    copied: usize,
    kept: String,
    limit: usize,
    take: T,
}

impl<T: FnMut(String) -> String> Rest<'_, T> {
    /// Where a byte of the text stands in what remains.
    fn position(&self, at: usize) -> usize {
        self.kept.len() + (at - self.copied)
    }

    fn copy_to(&mut self, end: usize) {
        self.kept.push_str(&self.text[self.copied..end]);
        self.copied = end;
    }

    /// Takes out the value that ends at a byte of the text and begins at a position of what remains, if it is large.
    fn close(&mut self, start: usize, end: usize) {
        if self.position(end) - start > self.limit {
            self.copy_to(end);
            let hash = (self.take)(self.kept.split_off(start));
            self.kept.push(MARK);
            self.kept.push_str(&hash);
            self.kept.push(MARK);
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    /// The hash of a value that was taken out.
    Reference(&'t str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split(MARK).enumerate().map(|(number, piece)| {
        if number.is_multiple_of(2) {
            Piece::Text(piece)
        } else {
            Piece::Reference(piece)
        }
    })
}

/// The hashes of the values that were taken out of a text, without those that were taken out of them in turn.
pub(super) fn references(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Reference(hash) => Some(hash),
    })
}

/// A value that a text refers to and that is not there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the large value {0} is missing")]
pub(super) struct Missing(String);

/// Undoes [`take_apart`]. `values` are by their hashes; as they are what these say, none is a part of itself.
pub(super) fn put_together(text: &str, values: &HashMap<String, String>) -> Result<String, Missing> {
    let mut whole = String::new();
    let mut ahead = vec![pieces(text)];
    while let Some(pieces_left) = ahead.last_mut() {
        match pieces_left.next() {
            None => {
                ahead.pop();
            }
            Some(Piece::Text(piece)) => whole.push_str(piece),
            Some(Piece::Reference(hash)) => {
                let value = values.get(hash).ok_or_else(|| Missing(hash.to_owned()))?;
                ahead.push(pieces(value));
            }
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use agentchains_machine::sha256_hex;
    use agentchains_testkit::property::the_same_each_time;
    use proptest::{collection, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    /// Where the random cases begin.
    const SEED: u64 = 20_261_123;

    /// More than a reference has, so that no text remains that is longer.
    const LIMIT: usize = 100;

    fn taken_apart(text: &str) -> (String, HashMap<String, String>) {
        let mut values = HashMap::new();
        let rest = take_apart(text, LIMIT, |value| {
            let hash = sha256_hex(&value);
            values.insert(hash.clone(), value);
            hash
        });
        (rest, values)
    }

    /// What remains of a value with these lengths of strings in it, the lengths of what is taken out, ascending.
    fn lengths(text: &str) -> (usize, Vec<usize>) {
        let (rest, values) = taken_apart(text);
        assert_eq!(put_together(&rest, &values).unwrap(), text);
        let mut taken: Vec<usize> = values.values().map(String::len).collect();
        taken.sort_unstable();
        (rest.len(), taken)
    }

    fn string(length: usize) -> String {
        format!("\"{}\"", "x".repeat(length - 2))
    }

    #[test]
    fn only_what_is_longer_than_the_limit_is_taken_out() {
        let list = |items: &[String]| format!("[{}]", items.join(","));
        for (text, rest, taken) in [
            (string(100), 100, vec![]),
            (string(101), 66, vec![101]),
            (list(&[string(97)]), 99, vec![]),
            (list(&[string(99)]), 66, vec![101]),
            (list(&[string(101)]), 68, vec![101]),
            // What is the same is taken out once.
            (list(&[string(101), "1".into()]), 70, vec![101]),
            // A list of references may be large itself.
            (list(&[string(101), string(102)]), 66, vec![101, 102, 135]),
            // As may be what stands around them.
            (list(&[string(101), string(50)]), 66, vec![101, 119]),
            (format!("{{{}:1}}", string(101)), 70, vec![101]),
            (format!("\"{}\"", "\\\"]".repeat(40)), 66, vec![122]),
            (format!("[\"\\\\\",{}]", string(101)), 73, vec![101]),
            ("[".repeat(50) + &"]".repeat(50), 100, vec![]),
        ] {
            assert_eq!(lengths(&text), (rest, taken), "{text}");
        }
    }

    #[test]
    fn depth_takes_no_stack() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let (rest, values) = taken_apart(&deep);
        assert!(rest.len() <= LIMIT);
        assert_eq!(put_together(&rest, &values).unwrap(), deep);
    }

    #[test]
    fn what_is_no_json_is_put_together_as_it_was() {
        for text in ["]]}\"", "\"\\", "[[[\"", "", "\u{0}\u{2}"] {
            let text = text.to_owned() + &"]".repeat(200);
            let (rest, values) = taken_apart(&text);
            assert_eq!(put_together(&rest, &values).unwrap(), text);
        }
    }

    #[test]
    fn a_value_that_is_not_there_is_named() {
        let missing = |text: &str| put_together(text, &HashMap::new()).unwrap_err();
        assert_eq!(missing("[\u{1}abc\u{1}]"), Missing("abc".to_owned()));
        assert_eq!(missing("[\u{1}abc"), Missing("abc".to_owned()));
    }

    fn json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            ("[\u{0}\u{1}\u{1f}\"\\\\/ä\u{1F600}x]", 1_usize..200)
                .prop_map(|(text, times)| text.repeat(times)),
        ];
        let leaf = prop_oneof![
            any::<Option<i64>>().prop_map(|number| json!(number)),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(12, 96, 8, move |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                collection::btree_map(text.clone(), inner.clone(), 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
                (inner, 1_usize..120)
                    .prop_map(|(inner, depth)| (0..depth).fold(inner, |inner, _| json!([inner]))),
            ]
        })
    }

    proptest! {
        #![proptest_config(the_same_each_time(SEED))]

        #[test]
        fn what_is_put_together_is_what_was_taken_apart(value in json()) {
            let text = value.to_string();
            let (rest, values) = taken_apart(&text);
            prop_assert!(rest.len() <= LIMIT, "{} bytes remain", rest.len());
            prop_assert!(values.values().all(|value| value.len() > LIMIT));
            prop_assert_eq!(put_together(&rest, &values).unwrap(), text);
        }

        #[test]
        fn the_same_is_taken_out_of_a_value_wherever_it_stands(value in json(), beside in json()) {
            let text = value.to_string();
            let (rest, values) = taken_apart(&text);
            let (_, inside) = taken_apart(&format!("{{\"output\":{text},\"beside\":[{beside}]}}"));
            for hash in values.keys() {
                prop_assert!(inside.contains_key(hash), "{} is not shared", hash);
            }
            prop_assert!(references(&rest).all(|hash| inside.contains_key(hash)));
        }
    }
}
