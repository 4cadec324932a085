//! Rendering: one pass over a template with the values of one execution.
//!
//! What an expression yields is data: it is never looked at for further expressions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    limits,
    nesting::depth,
    size::size,
    template::{
        Needs, Shape, TextPart,
        engine::{Computed, from_json, to_json},
        expression::Expression,
        path::{Need, Path, Root, follow},
    },
};

/// Characters of the document that an error's message repeats.
const MESSAGE_CHARS: usize = 300;

/// The document that expressions see (section 2).
pub trait Scope {
    /// The execution's input.
    fn input(&self) -> &Value;

    /// The object `{"status", "output", "error", "cost", "attempt"}` of a settled upstream node.
    ///
    /// `None` where the node was skipped or has not settled: a reference to it counts as missing.
    fn node(&self, id: &str) -> Option<Value>;

    /// The object `{"id", "workflow_id", "version", "started_at"}` of the execution.
    fn execution(&self) -> Value;

    /// The item of the body that runs over items; `None` outside of one.
    fn item(&self) -> Option<Value> {
        None
    }

    /// A member of `loop`; `None` outside of a body, and where there is none yet.
    fn loop_field(&self, _field: LoopField) -> Option<Value> {
        None
    }
}

/// A member of `loop` (section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoopField {
    /// The number of the iteration or item, counted from 0.
    Index,
    /// The output of the iteration before.
    Last,
    /// The outputs of all iterations before.
    Results,
}

impl LoopField {
    pub(crate) const ALL: [Self; 3] = [Self::Index, Self::Last, Self::Results];

    /// The name in templates and expressions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Last => "last",
            Self::Results => "results",
        }
    }

    /// The member with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// What kind of failure it is.
    pub code: RenderErrorCode,
    /// What went wrong, in one sentence of bounded length.
    pub message: String,
}

impl RenderError {
    pub(super) fn new(code: RenderErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn too_large() -> Self {
        let message = "the result is larger than a value may be (max_value_bytes)";
        Self::new(RenderErrorCode::TemplateError, message)
    }
}

/// The codes of nodes that fail because of a template (section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderErrorCode {
    /// A path without a `default` does not exist.
    TemplateMissing,
    /// An expression cannot be evaluated, or the result is too large.
    TemplateError,
}

impl RenderErrorCode {
    /// The name in the API and in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TemplateMissing => "template_missing",
            Self::TemplateError => "template_error",
        }
    }
}

/// A text of bounded length.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS).collect()
}

/// A value as it stands inside of a text: scalars are printed, objects and arrays become compact JSON (section 2).
/// `None` for null.
pub(super) fn printed(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(string) => Some(string),
        other => Some(other.to_string()),
    }
}

/// The value of a compiled template, of at most so many bytes.
pub(super) fn render(
    shape: &Shape,
    needs: &Needs,
    max_bytes: usize,
    scope: &dyn Scope,
) -> Result<Value, RenderError> {
    let value = Renderer::new(scope, needs, max_bytes).render(shape)?;
    if depth(&value) > limits::MAX_DEPTH {
        let message = format!("the result is nested more than {} levels deep", limits::MAX_DEPTH);
        return Err(RenderError::new(RenderErrorCode::TemplateError, message));
    }
    Ok(value)
}

/// The values of one execution, and what rendering may still use.
struct Renderer<'s> {
    input: &'s Value,
    execution: Value,
    nodes: BTreeMap<&'s str, Option<Value>>,
    item: Option<Value>,
    repetition: BTreeMap<LoopField, Value>,
    /// Bytes that the result may still grow by.
    room: usize,
    /// Bytes that expressions may still read.
    work: usize,
}

impl<'s> Renderer<'s> {
    /// Asks the scope once for each thing that is referred to.
    fn new(scope: &'s dyn Scope, needs: &'s Needs, max_bytes: usize) -> Self {
        let nodes = needs.nodes.keys();
        let fields = needs.repetition.iter();
        Self {
            input: scope.input(),
            execution: scope.execution(),
            nodes: nodes.map(|id| (id.as_str(), scope.node(id))).collect(),
            item: if needs.item { scope.item() } else { None },
            repetition: fields
                .filter_map(|field| Some((*field, scope.loop_field(*field)?)))
                .collect(),
            room: max_bytes,
            work: limits::MAX_RENDER_WORK,
        }
    }

    fn render(&mut self, shape: &Shape) -> Result<Value, RenderError> {
        match shape {
            Shape::Constant(value) => {
                self.make_room_for(value)?;
                Ok(value.clone())
            }
            Shape::Expression(expression) => self.evaluate(expression),
            Shape::Text(parts) => self.text(parts).map(Value::String),
            Shape::Array(items) => items.iter().map(|item| self.render(item)).collect(),
            Shape::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, member)| Ok((key.clone(), self.render(member)?)));
                members.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }

    fn text(&mut self, parts: &[TextPart]) -> Result<String, RenderError> {
        let mut text = String::new();
        for part in parts {
            match part {
                TextPart::Literal(literal) => {
                    self.room = self
                        .room
                        .checked_sub(literal.len())
                        .ok_or_else(RenderError::too_large)?;
                    text.push_str(literal);
                }
                TextPart::Expression(expression) => {
                    let value = printed(self.evaluate(expression)?).ok_or_else(|| {
                        let message = format!(
                            "`{}` is null, which cannot stand inside a text",
                            cut(expression.written())
                        );
                        RenderError::new(RenderErrorCode::TemplateError, message)
                    })?;
                    text.push_str(&value);
                }
            }
        }
        Ok(text)
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Value, RenderError> {
        match expression {
            Expression::Path(path) => {
                let value = self.resolve(path).ok_or_else(|| self.missing(path))?;
                let size = size(value, self.room).ok_or_else(RenderError::too_large)?;
                let value = value.clone();
                self.room -= size;
                Ok(value)
            }
            Expression::Computed {
                written,
                paths,
                program,
            } => {
                let values = paths
                    .iter()
                    .map(|path| self.operand(path))
                    .collect::<Result<_, _>>()?;
                let computed = program
                    .evaluate(values)
                    .and_then(|value| to_json(&value, &mut self.room));
                computed.map_err(|error| {
                    let message = format!("`{}`: {}", cut(written), cut(&error.message));
                    RenderError::new(error.code, message)
                })
            }
        }
    }

    /// The value that a program reads at a path; `None` where it is missing and may be.
    fn operand(&mut self, path: &Path) -> Result<Option<Computed>, RenderError> {
        let Some(value) = self.resolve(path) else {
            return if path.need == Need::Required {
                Err(self.missing(path))
            } else {
                Ok(None)
            };
        };
        let size = size(value, self.work).ok_or_else(too_much_work)?;
        let operand = from_json(value);
        self.work -= size;
        Ok(Some(operand))
    }

    fn make_room_for(&mut self, value: &Value) -> Result<(), RenderError> {
        let size = size(value, self.room).ok_or_else(RenderError::too_large)?;
        self.room -= size;
        Ok(())
    }

    fn resolve(&self, path: &Path) -> Option<&Value> {
        let start = match &path.root {
            Root::Input => self.input,
            Root::Execution => &self.execution,
            Root::Node(id) => self.nodes.get(id.as_str())?.as_ref()?,
            Root::Item => self.item.as_ref()?,
            Root::Loop(field) => self.repetition.get(field)?,
        };
        follow(start, &path.steps)
    }

    fn missing(&self, path: &Path) -> RenderError {
        let mut message = format!("`{}` does not exist", cut(&path.written));
        if let Root::Node(id) = &path.root
            && self.nodes.get(id.as_str()).is_none_or(Option::is_none)
        {
            message.push_str(&format!(": node `{}` was skipped or has not settled", cut(id)));
        }
        RenderError::new(RenderErrorCode::TemplateMissing, message)
    }
}

fn too_much_work() -> RenderError {
    let message = format!("the expressions read more than {} bytes", limits::MAX_RENDER_WORK);
    RenderError::new(RenderErrorCode::TemplateError, message)
}
