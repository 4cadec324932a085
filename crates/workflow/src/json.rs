//! From text to a JSON tree that knows where each value stands.
//!
//! Takes RFC 8259 and nothing else. The tree's own parser is for a wider language (comments, other white space,
//! forgiving numbers), so a strict one judges the text first; and because the tree's parser recurses, the nesting is
//! measured before it sees anything.

use jsonc_parser::{CollectOptions, ParseOptions, ast, parse_to_ast};
use serde::de::IgnoredAny;
use serde_json::Number;

use crate::{diagnostic::Code, limits};

/// Why a text has no tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoTree {
    pub(crate) code: Code,
    /// The byte at which it was found.
    pub(crate) offset: usize,
    pub(crate) message: String,
}

/// The tree of a text.
///
/// # Errors
///
/// [`Code::TooDeep`] or [`Code::InvalidJson`].
pub(crate) fn parse(text: &str) -> Result<ast::Value<'_>, NoTree> {
    parse_within(text, limits::MAX_DEPTH)
}

/// The tree of a text that is nested no more levels than that, and no more than any may be.
///
/// # Errors
///
/// As for [`parse`].
pub(crate) fn parse_within(text: &str, most: usize) -> Result<ast::Value<'_>, NoTree> {
    let most = most.min(limits::MAX_DEPTH);
    if let Some(offset) = too_deep_at(text, most) {
        let message = format!("the JSON is nested more than {most} levels deep (max_json_depth)");
        return Err(NoTree {
            code: Code::TooDeep,
            offset,
            message,
        });
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(text, &error))?;
    let tree = parse_to_ast(text, &CollectOptions::default(), &strict()).map_err(|error| NoTree {
        code: Code::InvalidJson,
        offset: error.range().start,
        message: format!("the text is not JSON: {}", error.kind()),
    })?;
    tree.value.ok_or_else(|| NoTree {
        code: Code::InvalidJson,
        offset: 0,
        message: "the text is empty".to_owned(),
    })
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The bracket that opens one level too many, if there is one.
fn too_deep_at(text: &str, most: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' if depth == most => return Some(offset),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn not_json(text: &str, error: &serde_json::Error) -> NoTree {
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let mut offset = (before + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let message = error.to_string();
    // The position is told apart from the sentence.
    let what = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(what, _)| what);
    NoTree {
        code: Code::InvalidJson,
        offset,
        message: format!("the text is not JSON: {what}"),
    }
}

/// The number as JSON values hold it: 64-bit integers exactly, others as the nearest double.
///
/// `None` where that would be infinite.
pub(crate) fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    // Not serde_json's own parser, which may be off by one unit in the last place.
    text.parse().ok().and_then(Number::from_f64)
}

/// The type of a value, as people call it.
pub(crate) fn type_name(value: &ast::Value<'_>) -> &'static str {
    match value {
        ast::Value::NullKeyword(_) => "null",
        ast::Value::BooleanLit(_) => "a boolean",
        ast::Value::NumberLit(_) => "a number",
        ast::Value::StringLit(_) => "a string",
        ast::Value::Array(_) => "an array",
        ast::Value::Object(_) => "an object",
    }
}
