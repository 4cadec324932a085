//! The tokens of an expression.
//!
//! A small part of what the evaluator's own lexer knows, chosen so that both see the same tokens.

use crate::template::expression::{Problem, invalid};

/// Said of a quote that no other one follows.
pub(super) const UNCLOSED_QUOTE: &str = "a text in quotes does not end";

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number without a sign.
    Number,
    /// A string literal with its quotes.
    Text,
    /// An operator, a bracket or a separator.
    Symbol,
}

/// A token, and where it begins in the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }
}

const SYMBOLS: [&str; 24] = [
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "(", ")", "[", "]", "{", "}", ",",
    ":", ".", "|", "=",
];

/// The tokens of an expression.
///
/// # Errors
///
/// What is no part of expressions.
pub(super) fn tokens(expression: &str) -> Result<Vec<Token<'_>>, Problem> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut start = 0;
    loop {
        let rest = expression[start..].trim_start();
        start = expression.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let after_dot = tokens.last().is_some_and(|token| token.is_symbol("."));
        let (kind, length) = match first {
            '"' | '\'' => (Kind::Text, string_length(rest, first)?),
            '0'..='9' => (Kind::Number, number_length(rest, after_dot)?),
            'a'..='z' | 'A'..='Z' | '_' => (Kind::Name, name_length(rest)),
            other => {
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = symbol.ok_or_else(|| unknown(other))?;
                (Kind::Symbol, symbol.len())
            }
        };
        tokens.push(Token {
            kind,
            text: &rest[..length],
            start,
        });
        start += length;
    }
}

fn unknown(character: char) -> Problem {
    let problem = invalid(format!(
        "`{}` is not part of expressions",
        character.escape_debug()
    ));
    match character {
        '&' => problem.hint("write `and`"),
        '!' => problem.hint("write `not`"),
        '$' => problem.hint("paths in templates have no `$`: write `input.topic`"),
        _ => problem,
    }
}

fn name_length(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}

fn string_length(text: &str, quote: char) -> Result<usize, Problem> {
    let mut escaped = false;
    for (position, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return Ok(position + 1),
            _ => {}
        }
    }
    Err(invalid(UNCLOSED_QUOTE))
}

/// Digits, then a fraction and an exponent unless the number is an index behind a dot.
fn number_length(text: &str, is_index: bool) -> Result<usize, Problem> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let mut length = digits(0);
    if !is_index {
        if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
            length += 1 + digits(length + 1);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            length += 1 + sign + digits((length + 1 + sign).min(bytes.len()));
        }
    }
    let number = &text[..length];
    let spelled = number.ends_with(|last: char| last.is_ascii_digit());
    if !spelled || name_length(&text[length..]) > 0 {
        let shown: String = text
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .take(20)
            .collect();
        return Err(invalid(format!("`{shown}` is not a number")));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(expression: &str) -> Result<Vec<&str>, Problem> {
        Ok(tokens(expression)?.iter().map(|token| token.text).collect())
    }

    #[test]
    fn expressions_fall_into_tokens() {
        let cases: [(&str, &[&str]); 6] = [
            ("a.b[0]", &["a", ".", "b", "[", "0", "]"]),
            ("items.0.1", &["items", ".", "0", ".", "1"]),
            ("1.5e-3+2", &["1.5e-3", "+", "2"]),
            (
                r#"x|default("a\"b")"#,
                &["x", "|", "default", "(", r#""a\"b""#, ")"],
            ),
            ("a**2//b>=c", &["a", "**", "2", "//", "b", ">=", "c"]),
            (" \t\n", &[]),
        ];
        for (expression, expected) in cases {
            assert_eq!(texts(expression).unwrap(), expected, "{expression}");
        }
    }

    #[test]
    fn what_the_language_does_not_have_is_refused() {
        for expression in [
            "a ~ b", "a ! b", "$.x", "'open", "1_000", "0x10", "1e", "1e+", "é", "a\0b", "2x",
        ] {
            assert!(tokens(expression).is_err(), "{expression:?}");
        }
    }
}
