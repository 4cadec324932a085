//! A second opinion on what is RFC 9535: what is read here must also compile in `serde_json_path`.
//!
//! That crate is not asked to evaluate: it cannot be stopped, it compiles a pattern anew for each value, and it
//! departs from the standard in `>`, `<=` and `>=` (`true > false` holds there) and in integers of 64 bits.

use std::ops::Range;

use serde_json_path::JsonPath;

use crate::expression::{problem::Problem, sole_path, syntax::Test};

/// Stands for a test that is judged by itself.
const PLACEHOLDER: &str = "@";

/// Compiles an expression, and each test of a filter in it, as a filter of its own.
///
/// One by one, because the time to compile doubles with each filter that another one contains.
///
/// # Errors
///
/// The first test that does not compile.
pub(super) fn judge(text: &str, test: &Test, filters: &[Range<usize>]) -> Result<(), Problem> {
    let whole = flattened(text, 0..text.len(), filters);
    let whole = if sole_path(text, test).is_some() {
        whole.trim().to_owned()
    } else {
        format!("$[?{whole}]")
    };
    compile(&whole, 0)?;
    for (position, filter) in filters.iter().enumerate() {
        let inner = flattened(text, filter.clone(), &filters[position + 1..]);
        compile(&format!("$[?{inner}]"), filter.start)?;
    }
    Ok(())
}

fn compile(path: &str, at: usize) -> Result<(), Problem> {
    JsonPath::parse(path).map(drop).map_err(|error| {
        let message = format!("this is not an expression of RFC 9535: {}", error.message());
        Problem::invalid(at, message)
    })
}

/// A part of the text with a placeholder for each filter in it. `filters` are ordered by where they start.
fn flattened(text: &str, part: Range<usize>, filters: &[Range<usize>]) -> String {
    let mut flat = String::with_capacity(part.len());
    let mut reached = part.start;
    for filter in filters {
        if filter.start >= reached && filter.end <= part.end {
            flat.push_str(&text[reached..filter.start]);
            flat.push_str(PLACEHOLDER);
            reached = filter.end;
        }
    }
    flat.push_str(&text[reached..part.end]);
    flat
}
