//! The check of a document, and what it leads to: diagnostics, and the compiled workflow where there are no errors.

use serde_json::Value;

use crate::{
    decode,
    diagnostic::{Code, Diagnostics},
    document::{NodeKind, Settings},
    graph::Graph,
    import, json, references,
    report::Report,
    tree::{At, Spot},
    wiring,
};

/// All errors and warnings of a document at once, and the compiled workflow where there are no errors.
///
/// A document of the older form, with `graph_json`, is converted first (section 1); its findings stand in the text
/// that was given, and the workflow's [`document`](Compiled::document) is the converted one.
///
/// Takes any text, in time and memory linear in its length, and does not panic.
#[must_use]
pub fn check(text: &str) -> Checked {
    let mut report = Report::new();
    let workflow = match json::parse(text) {
        Ok(tree) => {
            let root = At::root(&tree);
            decode::check_tree(&root, &mut report);
            if import::is_older(&root) {
                import::compile(&root, &mut report)
            } else {
                compile(&root, &mut report)
            }
        }
        Err(json::NoTree {
            code,
            offset,
            message,
        }) => {
            report.add(
                code,
                Spot {
                    offset,
                    pointer: String::new(),
                },
                message,
            );
            None
        }
    };
    Checked {
        diagnostics: report.finish(text),
        workflow,
    }
}

/// Compiles a document of the current form.
pub(crate) fn compile(root: &At<'_>, report: &mut Report) -> Option<Compiled> {
    let mut draft = decode::decode(root, report)?;
    let ids = wiring::ids(&draft, report);
    references::check_names(&draft, &ids, report);
    let wiring = wiring::connect(&draft, &ids, report)?;
    references::check_order(&draft, &ids, &wiring, report);
    if report.has_errors() {
        return None;
    }
    wiring.settle_defaults(&mut draft.nodes);
    let nodes = draft
        .nodes
        .drain(..)
        .map(|node| node.node)
        .collect::<Option<Vec<_>>>()?;
    Some(Compiled {
        document: root.to_json(),
        settings: draft.settings,
        graph: Graph::build(nodes, wiring),
    })
}

/// What [`check`] found, and what it built.
#[derive(Debug)]
pub struct Checked {
    /// Errors and warnings, in the order of the document.
    pub diagnostics: Diagnostics,
    /// The workflow; there is one exactly when there are no errors.
    pub workflow: Option<Compiled>,
}

impl Checked {
    /// Whether the text is JSON at all, whatever it says.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.diagnostics
            .iter()
            .all(|found| found.code != Code::InvalidJson)
    }
}

/// A workflow that may be executed; immutable.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) document: Value,
    pub(crate) settings: Settings,
    pub(crate) graph: Graph,
}

impl Compiled {
    /// What holds for the whole workflow.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The nodes and edges.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The document: what is stored and returned. Checking its text gives the same workflow.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The agents that nodes call, each with the JSON pointer of the place that names it, in document order.
    pub fn agents(&self) -> impl Iterator<Item = (String, &str)> {
        self.graph
            .indices()
            .filter_map(|index| match &self.graph.node(index).kind {
                NodeKind::AgentCall(call) => {
                    let field = if call.inline {
                        "config/endpoint"
                    } else {
                        "agent_id"
                    };
                    Some((
                        format!("/nodes/{}/{field}", index.index()),
                        call.agent_id.as_str(),
                    ))
                }
                NodeKind::Condition(_) | NodeKind::HumanApproval(_) => None,
            })
    }
}
