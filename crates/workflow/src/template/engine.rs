//! The evaluator: minijinja's expressions with ten filters and nothing else.
//!
//! Owns what is relied on of that crate, and the two conversions between its values and JSON. It sees values, never
//! paths or roots.

use std::sync::{Arc, LazyLock};

use minijinja::{Environment, ErrorKind, UndefinedBehavior, filters, value::ValueKind};
use serde_json::{Map, Value};

use crate::{
    limits,
    template::{
        expression::variable,
        render::{RenderError, RenderErrorCode},
    },
};

/// A value of the evaluator.
pub(super) use minijinja::Value as Computed;

/// The filters of the language (section 2).
pub(super) const FILTERS: [&str; 10] = [
    "default", "length", "join", "tojson", "upper", "lower", "trim", "first", "last", "round",
];

/// The name by which expressions check that an operand is a number; authors cannot use it.
pub(super) const NUMBER: &str = "number";

/// Stack that must be left for compiling; else a new one is made.
const STACK_LEFT: usize = 1 << 20;
const STACK: usize = 16 << 20;

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(limits::EXPRESSION_FUEL));
    engine.add_filter("default", filters::default);
    engine.add_filter("length", length);
    engine.add_filter("join", filters::join);
    engine.add_filter("tojson", to_text);
    engine.add_filter("upper", filters::upper);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("trim", filters::trim);
    engine.add_filter("first", filters::first);
    engine.add_filter("last", filters::last);
    engine.add_filter("round", filters::round);
    engine.add_filter(NUMBER, number_only);
    engine
});

/// The crate's own filter takes an undefined value for an empty one.
fn length(value: &Computed) -> Result<usize, minijinja::Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    filters::length(value)
}

/// The crate's own filter writes for HTML: it escapes `<`, `>`, `&` and `'`.
fn to_text(value: &Computed) -> Result<String, minijinja::Error> {
    let mut budget = limits::MAX_VALUE_BYTES;
    match to_json(value, &mut budget) {
        Ok(json) => Ok(json.to_string()),
        Err(error) if error.code == RenderErrorCode::TemplateMissing => Err(ErrorKind::UndefinedError.into()),
        Err(error) => Err(minijinja::Error::new(ErrorKind::InvalidOperation, error.message)),
    }
}

/// The crate's own operators repeat and join texts and lists too.
fn number_only(value: &Computed) -> Result<Computed, minijinja::Error> {
    match value.kind() {
        ValueKind::Number => Ok(value.clone()),
        ValueKind::Undefined => Err(ErrorKind::UndefinedError.into()),
        other => {
            let message = format!("arithmetic is for numbers, and this is of the type {other}");
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        }
    }
}

/// A compiled expression; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Program(Arc<minijinja::Expression<'static, 'static>>);

impl Program {
    /// Compiles an expression over variables.
    ///
    /// # Errors
    ///
    /// The syntax error, in words.
    pub(super) fn compile(text: String) -> Result<Self, String> {
        // Operators are parsed by recursion.
        let compiled = stacker::maybe_grow(STACK_LEFT, STACK, || ENGINE.compile_expression_owned(text));
        compiled
            .map(|expression| Self(Arc::new(expression)))
            .map_err(|error| describe(&error))
    }

    /// Evaluates the expression; a variable without a value is undefined.
    ///
    /// # Errors
    ///
    /// [`RenderErrorCode::TemplateMissing`] when something undefined is used, else
    /// [`RenderErrorCode::TemplateError`].
    pub(super) fn evaluate(&self, values: Vec<Option<Computed>>) -> Result<Computed, RenderError> {
        let values = values.into_iter().enumerate();
        let present = values.filter_map(|(position, value)| Some((variable(position), value?)));
        self.0
            .eval(Computed::from_pairs(present))
            .map_err(|error| match error.kind() {
                ErrorKind::UndefinedError => missing(),
                ErrorKind::OutOfFuel => {
                    RenderError::new(RenderErrorCode::TemplateError, "it takes too many steps")
                }
                _ => RenderError::new(RenderErrorCode::TemplateError, describe(&error)),
            })
    }
}

fn describe(error: &minijinja::Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn missing() -> RenderError {
    RenderError::new(
        RenderErrorCode::TemplateMissing,
        "something in it does not exist, and no default is given",
    )
}

/// A JSON value as the evaluator takes it.
///
/// Not through serde, by which that crate also passes handles of its own: what comes from outside must not be able
/// to look like one.
pub(super) fn from_json(value: &Value) -> Computed {
    match value {
        Value::Null => Computed::from(()),
        Value::Bool(truth) => Computed::from(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => Computed::from(signed),
            (None, Some(whole)) => Computed::from(whole),
            (None, None) => Computed::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Computed::from(text.as_str()),
        Value::Array(items) => items.iter().map(from_json).collect::<Vec<_>>().into(),
        Value::Object(members) => Computed::from_pairs(
            members
                .iter()
                .map(|(key, member)| (key.as_str(), from_json(member))),
        ),
    }
}

/// What the evaluator computed, as JSON. Each value takes from `budget` what it is long, at least a character and a
/// comma: a list that is repeated a million times is computed only when it is read.
///
/// # Errors
///
/// [`RenderErrorCode::TemplateMissing`] for something undefined, [`RenderErrorCode::TemplateError`] for what JSON
/// cannot hold and when the budget is spent.
pub(super) fn to_json(value: &Computed, budget: &mut usize) -> Result<Value, RenderError> {
    *budget = budget
        .checked_sub(2 + value.as_str().map_or(0, str::len))
        .ok_or_else(RenderError::too_large)?;
    match value.kind() {
        ValueKind::Undefined => Err(missing()),
        ValueKind::None => Ok(Value::Null),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number => number(value),
        ValueKind::String => Ok(Value::String(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|_| not_json(value))?;
            items.map(|item| to_json(&item, budget)).collect()
        }
        ValueKind::Map => {
            let mut members = Map::new();
            for key in value.try_iter().map_err(|_| not_json(value))? {
                let member = value.get_item(&key).map_err(|_| not_json(value))?;
                let name = key.as_str().ok_or_else(|| not_json(&key))?;
                members.insert(name.to_owned(), to_json(&member, budget)?);
            }
            Ok(Value::Object(members))
        }
        _ => Err(not_json(value)),
    }
}

/// Integers of 64 bits exactly, others as doubles; what is neither is an error, not a null.
fn number(value: &Computed) -> Result<Value, RenderError> {
    if value.is_integer() {
        let signed = i64::try_from(value.clone()).map(Value::from);
        let whole = signed.or_else(|_| u64::try_from(value.clone()).map(Value::from));
        return whole
            .map_err(|_| RenderError::new(RenderErrorCode::TemplateError, "a whole number is too large"));
    }
    let double = f64::try_from(value.clone())
        .ok()
        .and_then(serde_json::Number::from_f64);
    double.map(Value::Number).ok_or_else(|| {
        RenderError::new(
            RenderErrorCode::TemplateError,
            "the result is not a finite number",
        )
    })
}

fn not_json(value: &Computed) -> RenderError {
    let message = format!("a value of the type {} has no place here", value.kind());
    RenderError::new(RenderErrorCode::TemplateError, message)
}
