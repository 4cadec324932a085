//! The ten filters of expressions (section 2), and the check that an operand is a number.
//!
//! Those that print use the spelling of JSON, and those for texts take nothing else: the evaluator's own filters show
//! other values as its host language writes them.

use minijinja::{Environment, Error, ErrorKind, State, filters, value::ValueKind};

use crate::{
    limits,
    template::{
        engine::{Computed, to_json},
        render::{RenderError, RenderErrorCode},
    },
};

/// The filters of the language.
pub(super) const FILTERS: [&str; 10] = [
    "default", "length", "join", "tojson", "upper", "lower", "trim", "first", "last", "round",
];

/// The name by which expressions check that an operand is a number; authors cannot use it.
pub(super) const NUMBER: &str = "number";

pub(super) fn add(engine: &mut Environment<'static>) {
    engine.add_filter("default", filters::default);
    engine.add_filter("length", length);
    engine.add_filter("join", join);
    engine.add_filter("tojson", to_text);
    engine.add_filter("upper", upper);
    engine.add_filter("lower", lower);
    engine.add_filter("trim", trim);
    engine.add_filter("first", filters::first);
    engine.add_filter("last", filters::last);
    engine.add_filter("round", filters::round);
    engine.add_filter(NUMBER, number_only);
}

/// The crate's own filter takes an undefined value for an empty one.
fn length(value: &Computed) -> Result<usize, Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    filters::length(value)
}

fn upper(value: &Computed) -> Result<String, Error> {
    text(value).map(str::to_uppercase)
}

fn lower(value: &Computed) -> Result<String, Error> {
    text(value).map(str::to_lowercase)
}

/// Takes white space off both ends, or the characters that are given.
fn trim(value: &Computed, characters: Option<&str>) -> Result<String, Error> {
    let text = text(value)?;
    let trimmed = match characters {
        Some(characters) => text.trim_matches(|end| characters.contains(end)),
        None => text.trim(),
    };
    Ok(trimmed.to_owned())
}

fn text(value: &Computed) -> Result<&str, Error> {
    value
        .as_str()
        .ok_or_else(|| unfit(value, "this filter is for texts"))
}

/// Each item as templates print values.
fn join(state: &State<'_, '_>, value: &Computed, joiner: Option<&str>) -> Result<String, Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(unfit(value, "`join` is for lists"));
    }
    let mut room = limits::MAX_VALUE_BYTES;
    let mut joined = String::new();
    for (position, item) in value.try_iter()?.enumerate() {
        state.consume_fuel(1)?;
        let joiner = joiner.filter(|_| position > 0).unwrap_or_default();
        room = room
            .checked_sub(joiner.len())
            .ok_or_else(|| failed(RenderError::too_large()))?;
        joined.push_str(joiner);
        let item = to_json(&item, &mut room).map_err(failed)?.printed();
        joined.push_str(&item.ok_or_else(|| invalid("an item is null, which cannot stand inside a text"))?);
    }
    Ok(joined)
}

/// The crate's own filter writes for HTML: it escapes `<`, `>`, `&` and `'`.
fn to_text(value: &Computed) -> Result<String, Error> {
    let mut room = limits::MAX_VALUE_BYTES;
    let json = to_json(value, &mut room).map_err(failed)?.into_json();
    Ok(json.to_string())
}

/// The crate's own operators repeat and join texts and lists too.
fn number_only(value: &Computed) -> Result<Computed, Error> {
    match value.kind() {
        ValueKind::Number => Ok(value.clone()),
        _ => Err(unfit(value, "arithmetic is for numbers")),
    }
}

/// A value of a type that something is not for.
fn unfit(value: &Computed, what_for: &str) -> Error {
    match value.kind() {
        ValueKind::Undefined => ErrorKind::UndefinedError.into(),
        other => invalid(format!("{what_for}, and this is of the type {other}")),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn failed(error: RenderError) -> Error {
    match error.code {
        RenderErrorCode::TemplateMissing => ErrorKind::UndefinedError.into(),
        RenderErrorCode::TemplateError => invalid(error.message),
    }
}
