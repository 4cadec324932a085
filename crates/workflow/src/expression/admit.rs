//! What an expression may look like before anything reads it: its length, and how deep its brackets are nested.

use crate::{diagnostic::Code, expression::problem::Problem, limits};

/// Says whether an expression may be read at all. Takes time linear in the text and looks into no string.
///
/// # Errors
///
/// [`Code::ExpressionTooLong`] or [`Code::ExpressionTooComplex`].
pub(super) fn admit(text: &str) -> Result<(), Problem> {
    if text.len() > limits::MAX_EXPRESSION_BYTES {
        let message = format!(
            "the expression has more than {} bytes",
            limits::MAX_EXPRESSION_BYTES
        );
        return Err(Problem::new(Code::ExpressionTooLong, 0, message));
    }
    // For each open bracket, whether a filter begins in it.
    let mut open: Vec<bool> = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quote.is_some() => escaped = true,
            _ if quote == Some(byte) => quote = None,
            _ if quote.is_some() => {}
            b'"' | b'\'' => quote = Some(byte),
            b'[' | b'(' if open.len() == limits::MAX_BRACKET_DEPTH => {
                return Err(too_complex(at, "brackets", limits::MAX_BRACKET_DEPTH));
            }
            b'[' | b'(' => open.push(false),
            b']' | b')' => {
                open.pop();
            }
            b'?' => {
                if let Some(innermost) = open.last_mut() {
                    *innermost = true;
                }
                if open.iter().filter(|filters| **filters).count() > limits::MAX_FILTER_DEPTH {
                    return Err(too_complex(at, "filters", limits::MAX_FILTER_DEPTH));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn too_complex(at: usize, what: &str, most: usize) -> Problem {
    let message = format!("{what} are nested more than {most} deep");
    Problem::new(Code::ExpressionTooComplex, at, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<Code> {
        admit(text).err().map(|problem| problem.code)
    }

    fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    }

    #[test]
    fn brackets_and_filters_are_counted_by_how_deep_they_are_nested() {
        let too_complex = Some(Code::ExpressionTooComplex);
        let cases = [
            (nested("(", "1 == 1", ")", 32), None),
            (nested("(", "1 == 1", ")", 33), too_complex),
            ("(".repeat(33), too_complex),
            (nested("$[", "0", "]", 33), too_complex),
            (nested("$.a[?@", "", "]", 4), None),
            (nested("$.a[?@", "", "]", 5), too_complex),
            (nested("$.a[ 0, ?@", "", "]", 5), too_complex),
            ("$.a[?@[?@]]".repeat(90), None),
            ("$[0][0]".repeat(140), None),
            (format!("$.a == '{}'", "[?".repeat(40)), None),
            (format!("$.a == '\\'{}'", "[?".repeat(40)), None),
            (
                format!("$.a == '{}' || \"{}\" == $.b", "((".repeat(40), "[[".repeat(40)),
                None,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(code(&text), expected, "{text}");
        }
    }

    #[test]
    fn length_is_counted_in_bytes() {
        assert_eq!(code(&"é".repeat(512)), None);
        assert_eq!(
            code(&format!("{}x", "é".repeat(512))),
            Some(Code::ExpressionTooLong)
        );
    }
}
