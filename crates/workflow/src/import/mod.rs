//! Import of the older form of a workflow, in which `graph_json` holds the nodes by their ids (section 1).
//!
//! The older form is converted when it is received, and the converted document is checked like any other; what is
//! found is told at the place in the original. Owns the older form and nothing of what the language means. What has
//! no counterpart is refused, never left out.

mod node;
mod origins;

use std::collections::HashSet;

use jsonc_parser::ast;
use serde_json::{Map, Value};

use crate::{
    compiled::{self, Checked, Compiled, check},
    decode,
    diagnostic::{Code, Diagnostics},
    json::{self, NoTree, type_name},
    limits::Limits,
    places::Offsets,
    report::{Report, quoted},
    tree::{At, Spot},
};
use origins::member;

pub(crate) use origins::Origins;

/// The field that tells the older form apart.
const GRAPH: &str = "graph_json";
/// The older name of `max_budget`.
const BUDGET: &str = "max_budget_usd";
const NODES: &str = "nodes";

/// Converts a valid document of the older form, in which `graph_json` holds the nodes by their ids, to the current
/// form (section 1).
///
/// # Errors
///
/// What is wrong with the document, and what in it has no counterpart; that it is not of the older form.
pub fn import(text: &str) -> Result<Value, Diagnostics> {
    let Checked {
        diagnostics,
        workflow,
    } = check(text);
    let is_older = json::parse(text).is_ok_and(|tree| is_older(&At::root(&tree)));
    match workflow {
        Some(workflow) if is_older => Ok(workflow.document),
        Some(_) => {
            let mut report = Report::new(Limits::default());
            let message = "the document has no `graph_json`: it is not of the older form";
            report.add(Code::MissingField, Spot::document(), message);
            Err(report.finish(text))
        }
        None => Err(diagnostics),
    }
}

/// Whether a document is of the older form.
pub(crate) fn is_older(root: &At<'_>) -> bool {
    root.members().any(|(key, _)| key == GRAPH)
}

/// Converts and compiles a document of the older form.
pub(crate) fn compile(root: &At<'_>, report: &mut Report) -> Option<Compiled> {
    let graph = root.members().find(|(key, _)| *key == GRAPH)?.1;
    let offsets = Offsets::of(root);
    let Some(lit) = graph.value.as_string_lit() else {
        return with_graph(root, &graph, &offsets, report);
    };
    match json::parse(&lit.value) {
        Ok(tree) => {
            let inner = At::root(&tree);
            let start = report.mark();
            decode::check_tree(&inner, report);
            report.relocate(start, |pointer| place(&offsets, format!("/{GRAPH}{pointer}")));
            with_graph(root, &inner, &offsets, report)
        }
        Err(NoTree { code, message, .. }) => {
            // That the text around it is JSON stays true.
            let code = if code == Code::TooDeep {
                code
            } else {
                Code::InvalidValue
            };
            report.add(code, graph.spot(), format!("in `{GRAPH}`, {message}"));
            None
        }
    }
}

/// Where the parts of the converted document come from; `None` where the document is not of the older form.
pub(crate) fn origins(root: &At<'_>) -> Option<Origins> {
    let graph = root.members().find(|(key, _)| *key == GRAPH)?.1;
    let mut report = Report::new(Limits::default());
    let Some(lit) = graph.value.as_string_lit() else {
        return Some(convert(root, &graph, &mut report).1);
    };
    let tree = json::parse(&lit.value).ok()?;
    Some(convert(root, &At::root(&tree), &mut report).1)
}

fn with_graph(root: &At<'_>, graph: &At<'_>, offsets: &Offsets, report: &mut Report) -> Option<Compiled> {
    let start = report.mark();
    let (document, origins) = convert(root, graph, report);
    report.relocate(start, |pointer| place(offsets, pointer.to_owned()));
    let text = document?.to_string();
    let tree = json::parse(&text).ok()?;
    let start = report.mark();
    let compiled = compiled::compile(&At::root(&tree), report);
    report.relocate(start, |pointer| place(offsets, origins.of(pointer)));
    compiled.filter(|_| !report.has_errors())
}

/// The converted document, as far as there is one.
fn convert(root: &At<'_>, graph: &At<'_>, report: &mut Report) -> (Option<Value>, Origins) {
    let mut converter = Converter {
        report,
        origins: Origins::default(),
        ids: HashSet::new(),
        seen: HashSet::new(),
    };
    let document = converter.document(root, graph);
    (document, converter.origins)
}

/// The place of a pointer into the original. What is written inside of a text has the text's place.
fn place(offsets: &Offsets, pointer: String) -> Spot {
    Spot {
        offset: offsets.find(&pointer),
        pointer,
    }
}

/// Converts one document. Findings have pointers into the original.
struct Converter<'c> {
    report: &'c mut Report,
    origins: Origins,
    /// The ids of all nodes.
    ids: HashSet<String>,
    /// The dependencies so far: the older form does not mind when one is written twice.
    seen: HashSet<(String, String)>,
}

impl Converter<'_> {
    fn document(&mut self, root: &At<'_>, graph: &At<'_>) -> Option<Value> {
        let mut document = Map::new();
        for (key, at) in root.members().filter(|(key, _)| *key != GRAPH) {
            self.field(&mut document, "", key, &at);
        }
        let pointer = format!("/{GRAPH}");
        if graph.value.as_object().is_none() {
            self.wrong_type(&pointer, "an object", graph);
            return None;
        }
        let nodes = graph.members().find(|(key, _)| *key == NODES);
        let Some((_, nodes)) = nodes else {
            let message = "`nodes` is required";
            self.refuse(Code::MissingField, member(&pointer, NODES), message);
            return None;
        };
        document.insert(NODES.to_owned(), self.nodes(&nodes)?);
        for (key, at) in graph.members().filter(|(key, _)| *key != NODES) {
            self.field(&mut document, &pointer, key, &at);
        }
        Some(Value::Object(document))
    }

    /// Takes over a field that is written beside the graph or beside its nodes.
    fn field(&mut self, document: &mut Map<String, Value>, around: &str, key: &str, at: &At<'_>) {
        let field = if key == BUDGET { "max_budget" } else { key };
        if field == NODES || !decode::WORKFLOW_FIELDS.contains(&field) {
            let known = [&decode::WORKFLOW_FIELDS[..], &[GRAPH, BUDGET]].concat();
            self.unknown(around, key, &known, "the older form");
            return;
        }
        // The older form has null where nothing is given.
        if is_null(at) && field != "name" {
            return;
        }
        let (converted, original) = (format!("/{field}"), member(around, key));
        if document.contains_key(field) {
            self.given_twice(field, &converted, original);
            return;
        }
        let value = if field == "edges" {
            self.edges(&original, at)
        } else {
            at.to_json()
        };
        self.origins.insert(converted, original);
        document.insert(field.to_owned(), value);
    }

    /// Refuses what is there already; the same key twice in one object is reported where objects are read.
    fn given_twice(&mut self, field: &str, converted: &str, original: String) {
        if self.origins.of(converted) != original {
            let message = format!("`{field}` is given twice");
            self.refuse(Code::InvalidValue, original, message);
        }
    }

    fn nodes(&mut self, nodes: &At<'_>) -> Option<Value> {
        let around = format!("/{GRAPH}/nodes");
        self.origins.insert("/nodes".to_owned(), around.clone());
        if nodes.value.as_object().is_none() {
            self.wrong_type(&around, "an object with the nodes by their ids", nodes);
            return None;
        }
        self.ids = nodes.members().map(|(id, _)| id.to_owned()).collect();
        let mut converted = Vec::new();
        let mut known = HashSet::new();
        for (id, at) in nodes.members().filter(|(id, _)| known.insert(*id)) {
            let original = member(&around, id);
            let pointer = format!("/nodes/{}", converted.len());
            // The key is the id.
            self.origins.insert(format!("{pointer}/id"), original.clone());
            self.origins.insert(pointer.clone(), original.clone());
            converted.push(if at.value.as_object().is_some() {
                node::convert(self, id, &at, &pointer, &original)
            } else {
                at.to_json()
            });
        }
        Some(Value::Array(converted))
    }

    fn edges(&mut self, original: &str, edges: &At<'_>) -> Value {
        if edges.value.as_array().is_none() {
            return edges.to_json();
        }
        let mut kept = Vec::new();
        for (position, at) in edges.items().enumerate() {
            let edge = at.to_json();
            if let (Some(from), Some(to)) = (edge["from"].as_str(), edge["to"].as_str())
                && !self.seen.insert((from.to_owned(), to.to_owned()))
            {
                continue;
            }
            self.origins
                .insert(format!("/edges/{}", kept.len()), format!("{original}/{position}"));
            kept.push(edge);
        }
        Value::Array(kept)
    }

    fn unknown(&mut self, around: &str, key: &str, known: &[&str], whose: &str) {
        let hint = self.report.did_you_mean(key, known.iter().copied());
        let message = format!(
            "{} is not a field of {whose}, and has no counterpart",
            quoted(key)
        );
        let spot = unplaced(member(around, key));
        self.report.add_with_hint(Code::UnknownField, spot, message, hint);
    }

    fn wrong_type(&mut self, pointer: &str, expected: &str, found: &At<'_>) {
        let message = format!("expected {expected}, found {}", type_name(found.value));
        self.refuse(Code::WrongType, pointer.to_owned(), message);
    }

    fn refuse(&mut self, code: Code, pointer: String, message: impl Into<String>) {
        self.report.add(code, unplaced(pointer), message);
    }
}

/// A pointer whose offset is looked up when everything has been found.
fn unplaced(pointer: String) -> Spot {
    Spot { offset: 0, pointer }
}

fn is_null(at: &At<'_>) -> bool {
    matches!(at.value, ast::Value::NullKeyword(_))
}
