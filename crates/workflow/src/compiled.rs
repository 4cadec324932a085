//! The check of a document, and what it leads to: diagnostics, and the compiled workflow where there are no errors.

use serde_json::Value;

use crate::{
    barriers,
    composite::{ScopeIndex, Subworkflow},
    decode::{self, Draft},
    diagnostic::{Code, Diagnostics},
    document::{AgentCall, Node, NodeKind, Scheduling, Settings},
    graph::Graph,
    import, json,
    layout::Layout,
    limits::Limits,
    reachability, references,
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
    check_within(text, Limits::default())
}

/// As [`check`], held to limits of one's own.
#[must_use]
pub fn check_within(text: &str, limits: Limits) -> Checked {
    let mut report = Report::new(limits);
    let workflow = match json::parse_within(text, limits.max_json_depth) {
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
    let Draft {
        settings,
        output_uses,
        graph,
    } = decode::decode(root, report)?;
    let layout = Layout::of(&graph, report)?;
    let references = references::resolve(&layout, &output_uses, report);
    let wiring = wiring::connect(&layout, report)?;
    references::check_order(&layout, &references, &wiring, report);
    reachability::check(&layout, &wiring, report);
    if settings.scheduling == Scheduling::Layered {
        barriers::check(&layout, &wiring, report);
    }
    if report.has_errors() {
        return None;
    }
    let scope_of = layout.into_scopes();
    Some(Compiled {
        document: root.to_json(),
        settings,
        limits: *report.limits(),
        scopes: wiring::split(graph, &scope_of, wiring)?,
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
    pub(crate) limits: Limits,
    /// The workflow's own nodes, then the members of groups and loops.
    pub(crate) scopes: Vec<Graph>,
}

impl Compiled {
    /// What holds for the whole workflow.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The limits that its executions are held to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The workflow's own nodes and edges.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        self.scope(ScopeIndex::TOP)
    }

    /// The nodes and edges of a scope. One of another workflow may panic, as an index into a slice does.
    #[must_use]
    pub fn scope(&self, scope: ScopeIndex) -> &Graph {
        &self.scopes[scope.index()]
    }

    /// All nodes, nested ones included, scope by scope.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.scopes
            .iter()
            .flat_map(|graph| graph.indices().map(|index| graph.node(index)))
    }

    /// The workflows that nodes start, each with the JSON pointer of the place that names it.
    pub fn subworkflows(&self) -> impl Iterator<Item = (String, &Subworkflow)> {
        self.nodes().filter_map(Node::subworkflow)
    }

    /// The document: what is stored and returned. Checking its text gives the same workflow.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The agents that nodes call, each with the JSON pointer of the place that names it, scope by scope.
    pub fn agents(&self) -> impl Iterator<Item = (String, &AgentCall)> {
        self.nodes().filter_map(|node| match &node.kind {
            NodeKind::AgentCall(call) => {
                let field = if call.inline {
                    "config/endpoint"
                } else {
                    "agent_id"
                };
                Some((format!("{}/{field}", node.pointer), call))
            }
            _ => None,
        })
    }
}
