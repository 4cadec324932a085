//! Rendering: one pass over a template with the values of one execution.
//!
//! What an expression yields is data: it is never looked at for further expressions. A value is looked into only
//! where a path leads into it; what is passed on as a whole stays the text that it is.

use std::{cell::OnceCell, collections::BTreeMap};

use serde::Serialize;
use serde_json::Value;

use crate::{
    limits,
    template::{
        Needs, Shape, TextPart,
        engine::{Computed, from_json, to_json},
        expression::Expression,
        path::{Need, Path, Root, Step, follow},
        scope::{LoopField, Scope, SettledNode},
    },
    value::Json,
};

/// Characters of the document that an error's message repeats.
const MESSAGE_CHARS: usize = 300;

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

/// What a template yields, until all of it is put together.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Rendered {
    /// A value that was taken over.
    Json(Json),
    Text(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

impl Rendered {
    /// The value as it stands inside of a text: scalars are printed, objects and arrays become compact JSON
    /// (section 2). `None` for null.
    pub(super) fn printed(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            other => {
                let value = other.into_json();
                let text = value.as_text().map(std::borrow::Cow::into_owned);
                text.or_else(|| (!value.is_null()).then(|| value.as_str().to_owned()))
            }
        }
    }

    pub(super) fn into_json(self) -> Json {
        match self {
            Self::Json(value) => value,
            other => Json::written(&other),
        }
    }
}

/// The value of a compiled template, of at most so many bytes.
pub(super) fn render(
    shape: &Shape,
    needs: &Needs,
    max_bytes: usize,
    scope: &dyn Scope,
) -> Result<Json, RenderError> {
    let value = Renderer::new(scope, needs, max_bytes).render(shape)?.into_json();
    if value.depth() > limits::MAX_DEPTH {
        let message = format!("the result is nested more than {} levels deep", limits::MAX_DEPTH);
        return Err(RenderError::new(RenderErrorCode::TemplateError, message));
    }
    Ok(value)
}

/// The values of one execution, and what rendering may still use.
struct Renderer<'s> {
    input: Source,
    execution: Source,
    nodes: BTreeMap<&'s str, Option<SettledSource>>,
    item: Option<Source>,
    repetition: BTreeMap<LoopField, Source>,
    /// Bytes that the result may still grow by.
    room: usize,
    /// Bytes that expressions may still read.
    work: usize,
}

/// A value into which paths lead, and its tree as soon as one does.
struct Source {
    value: Json,
    tree: OnceCell<Value>,
}

/// A node, with its output as a source of its own.
struct SettledSource {
    node: SettledNode,
    output: Source,
}

impl Source {
    fn new(value: Json) -> Self {
        Self {
            value,
            tree: OnceCell::new(),
        }
    }

    fn follow(&self, steps: &[Step]) -> Option<Json> {
        if steps.is_empty() {
            return Some(self.value.clone());
        }
        follow(self.tree.get_or_init(|| self.value.to_value()), steps).map(Json::from)
    }
}

impl SettledSource {
    fn new(node: SettledNode) -> Self {
        let output = Source::new(node.output.clone());
        Self { node, output }
    }

    fn follow(&self, steps: &[Step]) -> Option<Json> {
        match steps.split_first() {
            Some((Step::Key(name), steps)) if name == "output" => self.output.follow(steps),
            Some((Step::Key(name), steps)) => Source::new(self.node.member(name)?.clone()).follow(steps),
            Some((Step::Index(_), _)) => None,
            None => Some(self.node.to_json()),
        }
    }
}

impl<'s> Renderer<'s> {
    /// Asks the scope once for each thing that is referred to.
    fn new(scope: &'s dyn Scope, needs: &'s Needs, max_bytes: usize) -> Self {
        let nodes = needs.nodes.keys();
        let fields = needs.repetition.iter();
        let item = if needs.item { scope.item() } else { None };
        Self {
            input: Source::new(scope.input()),
            execution: Source::new(scope.execution()),
            nodes: nodes
                .map(|id| (id.as_str(), scope.node(id).map(SettledSource::new)))
                .collect(),
            item: item.map(Source::new),
            repetition: fields
                .filter_map(|field| Some((*field, Source::new(scope.loop_field(*field)?))))
                .collect(),
            room: max_bytes,
            work: limits::MAX_RENDER_WORK,
        }
    }

    fn render(&mut self, shape: &Shape) -> Result<Rendered, RenderError> {
        match shape {
            Shape::Constant(value) => self.take_over(value.clone()),
            Shape::Expression(expression) => self.evaluate(expression),
            Shape::Text(parts) => self.text(parts).map(Rendered::Text),
            Shape::Array(items) => {
                let items = items.iter().map(|item| self.render(item));
                items.collect::<Result<_, _>>().map(Rendered::Array)
            }
            Shape::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, member)| Ok((key.clone(), self.render(member)?)));
                members.collect::<Result<_, _>>().map(Rendered::Object)
            }
        }
    }

    fn text(&mut self, parts: &[TextPart]) -> Result<String, RenderError> {
        let mut text = String::new();
        for part in parts {
            match part {
                TextPart::Literal(literal) => {
                    self.make_room_for(literal.len())?;
                    text.push_str(literal);
                }
                TextPart::Expression(expression) => {
                    let value = self.evaluate(expression)?.printed().ok_or_else(|| {
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

    fn evaluate(&mut self, expression: &Expression) -> Result<Rendered, RenderError> {
        match expression {
            Expression::Path(path) => {
                let value = self.resolve(path).ok_or_else(|| self.missing(path))?;
                self.take_over(value)
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
        let size = value.as_str().len();
        self.work = self.work.checked_sub(size).ok_or_else(too_much_work)?;
        Ok(Some(from_json(&value)))
    }

    fn take_over(&mut self, value: Json) -> Result<Rendered, RenderError> {
        self.make_room_for(value.as_str().len())?;
        Ok(Rendered::Json(value))
    }

    fn make_room_for(&mut self, bytes: usize) -> Result<(), RenderError> {
        self.room = self.room.checked_sub(bytes).ok_or_else(RenderError::too_large)?;
        Ok(())
    }

    fn resolve(&self, path: &Path) -> Option<Json> {
        let source = match &path.root {
            Root::Input => &self.input,
            Root::Execution => &self.execution,
            Root::Node(id) => return self.nodes.get(id.as_str())?.as_ref()?.follow(&path.steps),
            Root::Item => self.item.as_ref()?,
            Root::Loop(field) => self.repetition.get(field)?,
        };
        source.follow(&path.steps)
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
