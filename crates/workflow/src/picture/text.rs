//! Text of strangers in a picture: on one line, of bounded length, and with nothing that is not seen.

/// Characters of a text that are shown.
pub(super) const MAX_CHARS: usize = 60;

/// The text as it is shown: runs of white space and of what is not seen are one space, and what is too long is cut.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let mut pending_space = false;
    for letter in text.chars() {
        if letter.is_whitespace() || is_unseen(letter) {
            pending_space = !shown.is_empty();
            continue;
        }
        if count + usize::from(pending_space) >= most {
            shown.push('…');
            break;
        }
        if std::mem::take(&mut pending_space) {
            shown.push(' ');
            count += 1;
        }
        shown.push(letter);
        count += 1;
    }
    shown
}

/// Controls, marks that change the direction of what follows (Unicode Standard Annex 9), and what XML 1.0 has no place for.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_line_without_what_is_not_seen() {
        assert_eq!(shown("  a\r\n b\u{202e}c\u{0}d  ", 60), "a b c d");
        assert_eq!(shown("", 60), "");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(shown("abcdef", 3), "abc…");
        assert_eq!(shown("abc", 3), "abc");
        assert_eq!(shown("ab cd", 3), "ab…");
    }
}
