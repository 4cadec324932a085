//! Quoting what an agent said, in a message that people read and that goes into logs.

/// The most that is quoted of a reply, in bytes.
const QUOTE_BYTES: usize = 1024;

/// The text on one line, without characters that control a terminal or the direction of writing, and cut.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for word in text.split(|character: char| character.is_whitespace() || is_control(character)) {
        if word.is_empty() {
            continue;
        }
        if !quoted.is_empty() {
            quoted.push(' ');
        }
        quoted.push_str(word);
        if quoted.len() > QUOTE_BYTES {
            quoted.truncate(quoted.floor_char_boundary(QUOTE_BYTES - '…'.len_utf8()));
            quoted.push('…');
            break;
        }
    }
    quoted
}

/// The bytes of a body, which need not be text.
pub(crate) fn quote_bytes(body: &[u8]) -> String {
    quote(&String::from_utf8_lossy(body))
}

/// Control characters, and those that reorder text (Unicode Standard Annex 9).
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_one_short_line_without_control_characters() {
        for (text, expected) in [
            ("  two\r\nlines ", "two lines"),
            ("\u{1b}[31mred\u{7}", "[31mred"),
            ("a\u{202e}b", "a b"),
            ("", ""),
        ] {
            assert_eq!(quote(text), expected);
        }
        let long = quote(&"ä".repeat(10_000));
        assert!(long.len() <= QUOTE_BYTES && long.ends_with("ä…"));
        assert_eq!(quote_bytes(b"a\xffb"), "a\u{fffd}b");
    }
}
