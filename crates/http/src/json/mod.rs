//! Request bodies: from text to typed values, with the place of whatever is wrong.
//!
//! Two steps, because they fail with different statuses: text that is no JSON (400), and JSON that breaks a
//! rule (422). Workflow documents do not come through here; the workflow crate reads them.

mod decode;
mod parse;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

pub(crate) use parse::parse;

/// Reads a body as a `T`.
///
/// # Errors
/// The problem to answer with.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    decode(parse(text)?)
}

/// Reads a body that may be left out, in which case it is `{}`.
///
/// # Errors
/// The problem to answer with.
pub(crate) fn read_or_empty<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    read(if text.is_empty() { "{}" } else { text })
}

/// Reads a value as a `T`.
///
/// # Errors
/// The problem to answer with.
pub(crate) fn decode<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    T::deserialize(decode::At(value)).map_err(|mismatch| Problem::invalid(vec![mismatch.into()]))
}
