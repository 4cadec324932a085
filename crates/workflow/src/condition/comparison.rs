//! The short form of a condition: a path, an operator and a value (section 7).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    condition::ConditionError,
    expression::{Evaluation, Expression, OutOfSteps, Steps, equal, less},
    template::{LoopField, Scope, SettledNode, Template},
    value::Json,
};

/// A comparison of what a path selects with a value.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    /// A path and nothing else.
    pub(crate) path: Expression,
    pub(crate) operator: Operator,
    pub(crate) value: Template,
}

/// How what was selected is compared with the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(crate) enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    NotIn,
    Contains,
    Exists,
}

impl Comparison {
    /// Whether the comparison holds for one of the selected values; `neq` and `not_in` want it for all of them.
    pub(super) fn holds<'d>(
        &self,
        document: &'d Value,
        evaluation: &mut Evaluation<'d>,
    ) -> Result<bool, ConditionError> {
        let wanted = self.value.render(&Document(document))?.to_value();
        let selected = self.path.select(evaluation)?;
        let steps = &mut evaluation.steps;
        match (self.operator, &wanted) {
            (Operator::Exists, Value::Bool(exists)) => Ok(*exists != selected.is_empty()),
            (Operator::Exists, _) => Err(ConditionError::new(
                "the value of `exists` is neither true nor false",
            )),
            (Operator::In | Operator::NotIn, Value::Array(list)) => {
                let found = any(&selected, |found| is_in(found, list, steps))?;
                Ok(found == (self.operator == Operator::In))
            }
            (Operator::In | Operator::NotIn, _) => Err(ConditionError::new(
                "the value of `in` and `not_in` is not a list",
            )),
            (Operator::Neq, _) => Ok(!any(&selected, |found| equal(found, &wanted, steps))?),
            _ => Ok(any(&selected, |found| {
                compare(found, self.operator, &wanted, steps)
            })?),
        }
    }
}

fn compare(found: &Value, operator: Operator, wanted: &Value, steps: &mut Steps) -> Result<bool, OutOfSteps> {
    match operator {
        Operator::Gt => less(wanted, found, steps),
        Operator::Gte => Ok(less(wanted, found, steps)? || equal(found, wanted, steps)?),
        Operator::Lt => less(found, wanted, steps),
        Operator::Lte => Ok(less(found, wanted, steps)? || equal(found, wanted, steps)?),
        Operator::Contains => contains(found, wanted, steps),
        Operator::Eq | Operator::Neq | Operator::In | Operator::NotIn | Operator::Exists => {
            equal(found, wanted, steps)
        }
    }
}

/// A list contains its items, a text contains its parts.
fn contains(found: &Value, wanted: &Value, steps: &mut Steps) -> Result<bool, OutOfSteps> {
    match (found, wanted) {
        (Value::Array(items), _) => is_in(wanted, items, steps),
        (Value::String(text), Value::String(part)) => {
            steps.read(text)?;
            Ok(text.contains(part.as_str()))
        }
        _ => Ok(false),
    }
}

fn is_in(found: &Value, list: &[Value], steps: &mut Steps) -> Result<bool, OutOfSteps> {
    for item in list {
        if equal(found, item, steps)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn any(
    selected: &[&Value],
    mut holds: impl FnMut(&Value) -> Result<bool, OutOfSteps>,
) -> Result<bool, OutOfSteps> {
    for found in selected {
        if holds(found)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The document as templates see it.
struct Document<'d>(&'d Value);

impl Document<'_> {
    fn part(&self, name: &str) -> Option<Json> {
        self.0.get(name).map(Json::from)
    }
}

impl Scope for Document<'_> {
    fn input(&self) -> Json {
        self.part("input").unwrap_or_else(Json::null)
    }

    fn node(&self, id: &str) -> Option<SettledNode> {
        SettledNode::deserialize(self.0["nodes"].get(id)?).ok()
    }

    fn execution(&self) -> Json {
        self.part("execution").unwrap_or_else(Json::null)
    }

    fn item(&self) -> Option<Json> {
        self.part("item")
    }

    fn loop_field(&self, field: LoopField) -> Option<Json> {
        self.0["loop"].get(field.as_str()).map(Json::from)
    }
}
