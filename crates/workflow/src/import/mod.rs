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
    report::{Report, quoted},
    tree::{At, Spot},
};
use origins::{Origins, locate, member};

/// The field that tells the older form apart.
const GRAPH: &str = "graph_json";
const FIELDS: [&str; 4] = ["name", "description", GRAPH, BUDGET];
const GRAPH_FIELDS: [&str; 3] = ["nodes", "edges", BUDGET];
const BUDGET: &str = "max_budget_usd";

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
    let Some(lit) = graph.value.as_string_lit() else {
        return with_graph(root, &graph, report);
    };
    match json::parse(&lit.value) {
        Ok(tree) => {
            let inner = At::root(&tree);
            let start = report.mark();
            decode::check_tree(&inner, report);
            report.relocate(start, |pointer| locate(root, &format!("/{GRAPH}{pointer}")));
            with_graph(root, &inner, report)
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

fn with_graph(root: &At<'_>, graph: &At<'_>, report: &mut Report) -> Option<Compiled> {
    let start = report.mark();
    let mut converter = Converter {
        report,
        origins: Origins::default(),
        seen: HashSet::new(),
    };
    let document = converter.document(root, graph);
    let origins = converter.origins;
    report.relocate(start, |pointer| locate(root, pointer));
    let text = document?.to_string();
    let tree = json::parse(&text).ok()?;
    let start = report.mark();
    let compiled = compiled::compile(&At::root(&tree), report);
    report.relocate(start, |pointer| locate(root, &origins.of(pointer)));
    compiled.filter(|_| !report.has_errors())
}

/// Converts one document. Findings have pointers into the original.
struct Converter<'c> {
    report: &'c mut Report,
    origins: Origins,
    /// The dependencies so far: the older form does not mind when one is written twice.
    seen: HashSet<(String, String)>,
}

impl Converter<'_> {
    fn document(&mut self, root: &At<'_>, graph: &At<'_>) -> Option<Value> {
        let mut document = Map::new();
        for (key, at) in root.members() {
            match key {
                "name" => self.copy(&mut document, key, &at),
                "description" if is_null(&at) => {}
                "description" => self.copy(&mut document, key, &at),
                GRAPH => {}
                BUDGET => self.budget(&mut document, "", &at),
                _ => self.unknown("", key, &FIELDS, "the older form"),
            }
        }
        let pointer = format!("/{GRAPH}");
        if graph.value.as_object().is_none() {
            self.wrong_type(&pointer, "an object", graph);
            return None;
        }
        let nodes = graph.members().find(|(key, _)| *key == "nodes");
        let Some((_, nodes)) = nodes else {
            let message = "`nodes` is required";
            self.refuse(Code::MissingField, member(&pointer, "nodes"), message);
            return None;
        };
        document.insert("nodes".to_owned(), self.nodes(&nodes)?);
        for (key, at) in graph.members() {
            match key {
                "nodes" => {}
                "edges" => self.edges(&mut document, &at),
                BUDGET => self.budget(&mut document, &pointer, &at),
                _ => self.unknown(&pointer, key, &GRAPH_FIELDS, "the older form's graph"),
            }
        }
        Some(Value::Object(document))
    }

    fn nodes(&mut self, nodes: &At<'_>) -> Option<Value> {
        let around = format!("/{GRAPH}/nodes");
        self.origins.insert("/nodes".to_owned(), around.clone());
        if nodes.value.as_object().is_none() {
            self.wrong_type(&around, "an object with the nodes by their ids", nodes);
            return None;
        }
        let mut converted = Vec::new();
        for (id, at) in nodes.members() {
            let original = member(&around, id);
            if at.value.as_object().is_none() {
                self.wrong_type(&original, "an object", &at);
                continue;
            }
            let pointer = format!("/nodes/{}", converted.len());
            // The key is the id.
            self.origins.insert(format!("{pointer}/id"), original.clone());
            self.origins.insert(pointer.clone(), original.clone());
            converted.push(node::convert(self, id, &at, &pointer, &original));
        }
        Some(Value::Array(converted))
    }

    fn edges(&mut self, document: &mut Map<String, Value>, edges: &At<'_>) {
        let original = format!("/{GRAPH}/edges");
        self.origins.insert("/edges".to_owned(), original.clone());
        if edges.value.as_array().is_none() {
            document.insert("edges".to_owned(), edges.to_json());
            return;
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
        document.insert("edges".to_owned(), Value::Array(kept));
    }

    fn budget(&mut self, document: &mut Map<String, Value>, around: &str, at: &At<'_>) {
        let original = member(around, BUDGET);
        if is_null(at) {
            return;
        }
        if document.insert("max_budget".to_owned(), at.to_json()).is_some() {
            self.refuse(Code::InvalidValue, original, "the budget is given twice");
            return;
        }
        self.origins.insert("/max_budget".to_owned(), original);
    }

    fn copy(&mut self, document: &mut Map<String, Value>, key: &str, at: &At<'_>) {
        document.insert(key.to_owned(), at.to_json());
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
