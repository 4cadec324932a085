//! Where the expressions of a text begin and end.
//!
//! Knows `{{`, `}}`, string literals and braces inside of expressions, and nothing else about them.

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Taken as it is.
    Text(&'a str),
    /// What stands between `{{` and `}}`, without the white space around it.
    Expression(&'a str),
}

/// Why a `{{` has no `}}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unclosed {
    /// There is none.
    Braces,
    /// What is there stands behind a quote that no other one follows.
    Quote,
}

/// The parts of a text; a text without `{{` is one part.
///
/// # Errors
///
/// [`Unclosed`].
pub(super) fn split(mut text: &str) -> Result<Vec<Part<'_>>, Unclosed> {
    let mut parts = Vec::new();
    while let Some((before, rest)) = text.split_once("{{") {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let end = end_of_expression(rest)?;
        let (expression, after) = rest.split_at(end);
        parts.push(Part::Expression(expression.trim()));
        text = after.strip_prefix("}}").unwrap_or(after);
    }
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// The position of the `}}` that ends the expression at the start of `text`.
fn end_of_expression(text: &str) -> Result<usize, Unclosed> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut escaped = false;
    let mut open_braces = 0_usize;
    for (position, &byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) => quote = quote.filter(|_| byte != open),
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => open_braces += 1,
            (None, b'}') if open_braces > 0 => open_braces -= 1,
            (None, b'}') if bytes.get(position + 1) == Some(&b'}') => return Ok(position),
            _ => {}
        }
    }
    Err(if quote.is_some() && text.contains("}}") {
        Unclosed::Quote
    } else {
        Unclosed::Braces
    })
}

#[cfg(test)]
mod tests {
    use super::{Part::*, *};

    #[test]
    fn texts_are_split_at_double_braces_outside_of_literals() {
        let cases: [(&str, &[Part<'_>]); 9] = [
            ("", &[Text("")]),
            ("plain } } }}", &[Text("plain } } }}")]),
            ("{{ a.b }}", &[Expression("a.b")]),
            (
                "x{{a}}y{{ b }}",
                &[Text("x"), Expression("a"), Text("y"), Expression("b")],
            ),
            ("{{ '}}' }}", &[Expression("'}}'")]),
            (r#"{{ "\"}}" }}"#, &[Expression(r#""\"}}""#)]),
            (r#"{{ {"a": {}} }}"#, &[Expression(r#"{"a": {}}"#)]),
            ("{{}}", &[Expression("")]),
            ("{{ a }}}}", &[Expression("a"), Text("}}")]),
        ];
        for (text, parts) in cases {
            assert_eq!(split(text).unwrap(), parts, "{text}");
        }
    }

    #[test]
    fn an_expression_that_does_not_end_is_refused() {
        for text in ["{{", "a {{ b }", "{{ 'b }", "{{ { }}", "{{ a }} {{"] {
            assert_eq!(split(text), Err(Unclosed::Braces), "{text}");
        }
        for text in ["{{ '}}", "{{ a }} {{ it's }} b"] {
            assert_eq!(split(text), Err(Unclosed::Quote), "{text}");
        }
    }
}
