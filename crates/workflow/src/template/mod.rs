//! Templates: JSON values whose strings may hold `{{ expressions }}` (section 2).
//!
//! Owns syntax, the compiled form and rendering. Which nodes exist and which of them come before is asked
//! elsewhere, with the uses that compiling leaves behind.

mod engine;
mod expression;
mod filters;
mod path;
mod reader;
mod render;
mod scope;
mod split;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use jsonc_parser::ast;
use serde_json::Value;

use crate::{
    diagnostic::Code,
    limits,
    report::Report,
    tree::{At, Spot},
    value::Json,
};
use expression::Expression;
use path::{Need, Path, Root};
use split::{Part, Unclosed};
use token::UNCLOSED_QUOTE;

pub use render::{RenderError, RenderErrorCode};
pub use scope::{LoopField, Scope, SettledNode};

/// The nodes that a template refers to, each with what the reference needs.
pub type References = BTreeMap<String, ReferenceKind>;

/// How a template refers to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// The value must be there.
    Required,
    /// No use needs it: each has a `default`, or is one.
    Defaulted,
}

/// A reference to something that is not there for every template and expression, and where it is written.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) target: Target,
    pub(crate) kind: ReferenceKind,
    pub(crate) spot: Spot,
}

/// What is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The node of that id.
    Node(String),
    /// `item`.
    Item,
    /// A member of `loop`, or `loop` itself.
    Loop(Option<LoopField>),
}

/// A JSON value whose strings may hold `{{ }}`, checked and compiled.
#[derive(Debug, Clone)]
pub struct Template {
    source: Value,
    shape: Shape,
    needs: Needs,
    /// Bytes that it may render to.
    max_bytes: usize,
}

/// What rendering asks the scope for.
#[derive(Debug, Clone, Default)]
struct Needs {
    nodes: References,
    input: bool,
    item: bool,
    repetition: BTreeSet<LoopField>,
}

/// The compiled form of a value.
#[derive(Debug, Clone)]
enum Shape {
    /// A value without expressions.
    Constant(Json),
    /// A string that is exactly one expression.
    Expression(Expression),
    /// A string with expressions among other text.
    Text(Vec<TextPart>),
    Array(Vec<Shape>),
    Object(Vec<(String, Shape)>),
}

#[derive(Debug, Clone)]
enum TextPart {
    Literal(String),
    Expression(Expression),
}

impl Template {
    /// The value as it was written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The nodes that the template refers to.
    #[must_use]
    pub fn references(&self) -> &References {
        &self.needs.nodes
    }

    /// Whether the template refers to the execution's input.
    pub(crate) fn reads_input(&self) -> bool {
        self.needs.input
    }

    /// Whether the template refers to `item`.
    pub(crate) fn reads_item(&self) -> bool {
        self.needs.item
    }

    /// Whether the template refers to that member of `loop`.
    pub(crate) fn reads_loop(&self, field: LoopField) -> bool {
        self.needs.repetition.contains(&field)
    }

    /// The value with every expression replaced by what it yields.
    ///
    /// A string that is exactly one expression keeps the JSON type of its value.
    ///
    /// # Errors
    ///
    /// [`RenderErrorCode::TemplateMissing`] when a path without a `default` does not exist,
    /// [`RenderErrorCode::TemplateError`] when an expression cannot be evaluated or the result is too large.
    pub fn render(&self, scope: &dyn Scope) -> Result<Json, RenderError> {
        render::render(&self.shape, &self.needs, self.max_bytes, scope)
    }

    /// Whether it renders to a text, whatever the values are.
    pub(crate) fn is_text(&self) -> bool {
        match &self.shape {
            Shape::Text(_) => true,
            Shape::Constant(value) => value.as_text().is_some(),
            _ => false,
        }
    }

    /// A template without expressions.
    pub(crate) fn constant(value: Value) -> Self {
        Self {
            shape: Shape::Constant(Json::from(&value)),
            source: value,
            needs: Needs::default(),
            max_bytes: limits::MAX_VALUE_BYTES,
        }
    }

    /// Compiles a value of the document, and adds what it refers to to `uses`.
    pub(crate) fn compile(at: &At<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Self> {
        let mut compiler = Compiler {
            uses,
            needs: Needs::default(),
            report,
        };
        let shape = compiler.shape(at)?;
        let needs = compiler.needs;
        Some(Self {
            max_bytes: report.limits().max_value_bytes,
            source: at.to_json(),
            shape,
            needs,
        })
    }
}

struct Compiler<'c> {
    uses: &'c mut Vec<Use>,
    needs: Needs,
    report: &'c mut Report,
}

impl Compiler<'_> {
    /// Goes on after an error, so that all are found; the answer is then `None`.
    fn shape(&mut self, at: &At<'_>) -> Option<Shape> {
        let shape = match at.value {
            ast::Value::StringLit(lit) => return self.string(&lit.value, at),
            ast::Value::Array(_) => {
                let items: Vec<_> = at.items().map(|item| self.shape(&item)).collect();
                Shape::Array(items.into_iter().collect::<Option<_>>()?)
            }
            ast::Value::Object(_) => {
                let members: Vec<_> = at
                    .members()
                    .map(|(key, member)| Some((key.to_owned(), self.shape(&member)?)))
                    .collect();
                Shape::Object(members.into_iter().collect::<Option<_>>()?)
            }
            _ => return Some(Shape::Constant(at.to_json().into())),
        };
        Some(shape)
    }

    fn string(&mut self, text: &str, at: &At<'_>) -> Option<Shape> {
        let parts = match split::split(text) {
            Ok(parts) => parts,
            Err(unclosed) => {
                let (message, hint) = match unclosed {
                    Unclosed::Quote => (UNCLOSED_QUOTE, None),
                    Unclosed::Braces => (
                        "a `{{` has no matching `}}`",
                        Some("to write braces as they are: {{ \"{{\" }}"),
                    ),
                };
                self.report
                    .add_with_hint(Code::InvalidTemplate, at.spot(), message, hint);
                return None;
            }
        };
        match parts.as_slice() {
            [Part::Text(text)] => Some(Shape::Constant(Json::from(*text))),
            [Part::Expression(text)] => self.expression(text, at).map(Shape::Expression),
            parts => {
                let parts: Vec<_> = parts.iter().map(|part| self.part(part, at)).collect();
                parts.into_iter().collect::<Option<_>>().map(Shape::Text)
            }
        }
    }

    fn part(&mut self, part: &Part<'_>, at: &At<'_>) -> Option<TextPart> {
        match part {
            Part::Text(text) => Some(TextPart::Literal((*text).to_owned())),
            Part::Expression(text) => self.expression(text, at).map(TextPart::Expression),
        }
    }

    fn expression(&mut self, text: &str, at: &At<'_>) -> Option<Expression> {
        let expression = match Expression::compile(text) {
            Ok(expression) => expression,
            Err(problem) => {
                self.report
                    .add_with_hint(problem.code, at.spot(), problem.message, problem.hint);
                return None;
            }
        };
        for path in expression.paths() {
            self.refer(path, at);
        }
        Some(expression)
    }

    /// Notes what a path begins at.
    fn refer(&mut self, path: &Path, at: &At<'_>) {
        let kind = match path.need {
            Need::Required => ReferenceKind::Required,
            Need::Optional => ReferenceKind::Defaulted,
        };
        let target = match &path.root {
            Root::Input => {
                self.needs.input = true;
                return;
            }
            Root::Execution => return,
            Root::Node(node) => {
                let known = self.needs.nodes.entry(node.clone()).or_insert(kind);
                if kind == ReferenceKind::Required {
                    *known = kind;
                }
                Target::Node(node.clone())
            }
            Root::Item => {
                self.needs.item = true;
                Target::Item
            }
            Root::Loop(field) => {
                self.needs.repetition.insert(*field);
                Target::Loop(Some(*field))
            }
        };
        self.uses.push(Use {
            target,
            kind,
            spot: at.spot(),
        });
    }
}
