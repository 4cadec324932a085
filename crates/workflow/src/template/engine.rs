//! The evaluator: minijinja's expressions with the filters of the language and nothing else.
//!
//! Owns what is relied on of that crate, and the two conversions between its values and JSON. It sees values, never
//! paths or roots.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

use minijinja::{
    Environment, ErrorKind, UndefinedBehavior,
    value::{Enumerator, Object, ObjectRepr, ValueKind},
};
use serde_json::Value;

use crate::{
    limits,
    template::{
        expression::variable,
        filters,
        render::{RenderError, RenderErrorCode, Rendered},
    },
    value::Json,
};

/// A value of the evaluator.
pub(super) use minijinja::Value as Computed;

/// Stack that must be left for compiling; else a new one is made.
const STACK_LEFT: usize = 1 << 20;
const STACK: usize = 16 << 20;

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(limits::EXPRESSION_FUEL));
    filters::add(&mut engine);
    engine
});

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

/// An array or object that nothing has looked into yet.
#[derive(Debug)]
struct Unread {
    value: Json,
    tree: OnceLock<Computed>,
}

impl Unread {
    fn tree(&self) -> &Computed {
        self.tree.get_or_init(|| from_tree(&self.value.to_value()))
    }

    fn is_array(&self) -> bool {
        self.value.as_str().starts_with('[')
    }
}

impl Object for Unread {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.is_array() {
            ObjectRepr::Seq
        } else {
            ObjectRepr::Map
        }
    }

    fn get_value(self: &Arc<Self>, key: &Computed) -> Option<Computed> {
        let found = self.tree().get_item(key).ok()?;
        (!found.is_undefined()).then_some(found)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.is_array() {
            return Enumerator::Seq(self.tree().len().unwrap_or(0));
        }
        // A map can be iterated over.
        self.tree().try_iter().map_or(Enumerator::NonEnumerable, |keys| {
            Enumerator::Values(keys.collect())
        })
    }
}

/// A JSON value as the evaluator takes it.
pub(super) fn from_json(value: &Json) -> Computed {
    if value.as_str().starts_with(['[', '{']) {
        return Computed::from_object(Unread {
            value: value.clone(),
            tree: OnceLock::new(),
        });
    }
    from_tree(&value.to_value())
}

/// Not through serde, by which that crate also passes handles of its own: what comes from outside must not be able
/// to look like one.
fn from_tree(value: &Value) -> Computed {
    match value {
        Value::Null => Computed::from(()),
        Value::Bool(truth) => Computed::from(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => Computed::from(signed),
            (None, Some(whole)) => Computed::from(whole),
            (None, None) => Computed::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Computed::from(text.as_str()),
        Value::Array(items) => items.iter().map(from_tree).collect::<Vec<_>>().into(),
        Value::Object(members) => Computed::from_pairs(
            members
                .iter()
                .map(|(key, member)| (key.as_str(), from_tree(member))),
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
pub(super) fn to_json(value: &Computed, budget: &mut usize) -> Result<Rendered, RenderError> {
    let unread = value.downcast_object_ref::<Unread>();
    let length = unread.map_or_else(
        || 2 + value.as_str().map_or(0, str::len),
        |unread| unread.value.as_str().len(),
    );
    *budget = budget.checked_sub(length).ok_or_else(RenderError::too_large)?;
    if let Some(unread) = unread {
        return Ok(Rendered::Json(unread.value.clone()));
    }
    match value.kind() {
        ValueKind::Undefined => Err(missing()),
        ValueKind::None => Ok(Rendered::Json(Json::null())),
        ValueKind::Bool => Ok(Rendered::Json(value.is_true().into())),
        ValueKind::Number => number(value).map(|number| Rendered::Json(number.into())),
        ValueKind::String => Ok(Rendered::Text(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|_| not_json(value))?;
            let items = items.map(|item| to_json(&item, budget));
            items.collect::<Result<_, _>>().map(Rendered::Array)
        }
        ValueKind::Map => {
            let mut members = BTreeMap::new();
            for key in value.try_iter().map_err(|_| not_json(value))? {
                let member = value.get_item(&key).map_err(|_| not_json(value))?;
                let name = key.as_str().ok_or_else(|| not_json(&key))?;
                members.insert(name.to_owned(), to_json(&member, budget)?);
            }
            Ok(Rendered::Object(members))
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
