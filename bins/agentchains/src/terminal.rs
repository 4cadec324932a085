//! The terminal: tables, and text of others, which must not steer it.

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

/// A table as all commands print them, no wider than the terminal.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED.with_rounded_corners())
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

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

/// The text with all of its control characters spelled out, as messages about documents do it.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_debug());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        assert_eq!(printable("\u{1b}[31mred\u{7}\ngo?"), "\\u{1b}[31mred\\u{7}\ngo?");
        assert_eq!(one_line("/a\u{1b}\n\"b"), "/a\\u{1b}\\n\"b");
    }
}
