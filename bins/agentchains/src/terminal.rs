//! Text of others on the terminal: it must not steer it.

/// The text with its control characters spelled out, but for line breaks and tabs. Messages and errors may come
/// from agents, and an escape sequence in them could rewrite what a person sees.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !matches!(character, '\n' | '\t') {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        assert_eq!(printable("\u{1b}[31mred\u{7}\ngo?"), "\\u{1b}[31mred\\u{7}\ngo?");
    }
}
