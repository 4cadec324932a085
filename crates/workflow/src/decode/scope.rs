//! The `nodes` and `edges` of a scope: of the workflow, or of the body of a group or loop (sections 1 and 7).

use crate::{
    composite::ScopeIndex,
    decode::{
        DraftEdge, DraftGraph, Fields, Named, node,
        scalar::{invalid, wrong_type},
    },
    diagnostic::Code,
    report::Report,
    template::{Template, Use},
    tree::At,
};

const BODY_FIELDS: [&str; 2] = ["nodes", "edges"];
const EDGE_FIELDS: [&str; 3] = ["from", "to", "when"];

/// Decodes the `body` of a group or loop.
pub(super) fn body(at: &At<'_>, scope: ScopeIndex, empty: Code, graph: &mut DraftGraph, report: &mut Report) {
    if let Some(fields) = Fields::open(at, report) {
        fields.refuse_others(&BODY_FIELDS, "a body", report);
        members(&fields, scope, empty, graph, report);
    }
}

/// The items that a group or loop runs for: an array, or what renders to one.
pub(super) fn items(at: &At<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Template> {
    if at.value.as_string_lit().is_none() && at.value.as_array().is_none() {
        wrong_type(at, "a template or an array", report);
        return None;
    }
    let items = Template::compile(at, uses, report)?;
    if items.is_text() {
        invalid(
            at,
            "this renders to a text: the items are an array, or `{{ … }}` and nothing else",
            report,
        );
    }
    Some(items)
}

/// Decodes the `nodes`, of which there must be one, and the `edges` beside them. Inside of a group or loop, a node
/// may be named instead; the answer is how many members are written or named.
pub(super) fn members(
    fields: &Fields<'_>,
    scope: ScopeIndex,
    empty: Code,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> usize {
    let nodes = fields.require("nodes", report);
    let count = nodes.map_or(0, |at| nodes_of(&at, scope, empty, graph, report));
    if let Some(at) = fields.get("edges") {
        edges_of(&at, scope, graph, report);
    }
    count
}

fn nodes_of(
    at: &At<'_>,
    scope: ScopeIndex,
    empty: Code,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> usize {
    if at.value.as_array().is_none() {
        wrong_type(at, "an array", report);
        return 0;
    }
    if at.items().len() == 0 {
        report.add(empty, at.spot(), "at least one node is needed");
    }
    let is_named = |item: &At<'_>| scope != ScopeIndex::TOP && item.value.as_string_lit().is_some();
    let written = at.items().filter(|item| !is_named(item)).count();
    let most = report.limits().max_nodes;
    if written > most.saturating_sub(graph.counted) {
        let message = format!("a workflow has at most {most} nodes, nested ones included (max_nodes)");
        report.add(Code::TooManyNodes, at.spot(), message);
        return 0;
    }
    graph.counted += written;
    for item in at.items() {
        if is_named(&item) {
            let named = Named::decode(&item, report);
            graph.scopes[scope.index()].named.extend(named);
        } else {
            node::decode(&item, scope, graph, report);
        }
    }
    at.items().len()
}

fn edges_of(at: &At<'_>, scope: ScopeIndex, graph: &mut DraftGraph, report: &mut Report) {
    if at.value.as_array().is_none() {
        wrong_type(at, "an array", report);
        return;
    }
    let most = report.limits().max_edges;
    if graph.edges.len() + at.items().len() > most {
        let message = format!("a workflow has at most {most} edges (max_edges)");
        report.add(Code::TooManyEdges, at.spot(), message);
        return;
    }
    let edges = at.items().filter_map(|item| edge(&item, scope, report));
    graph.edges.extend(edges);
}

fn edge(at: &At<'_>, written_in: ScopeIndex, report: &mut Report) -> Option<DraftEdge> {
    let fields = Fields::open(at, report)?;
    fields.refuse_others(&EDGE_FIELDS, "an edge", report);
    let from = fields
        .require("from", report)
        .and_then(|at| Named::decode(&at, report));
    let to = fields
        .require("to", report)
        .and_then(|at| Named::decode(&at, report));
    let label = fields.get("when").and_then(|at| Named::decode(&at, report));
    Some(DraftEdge {
        written_in,
        from: from?,
        to: to?,
        label,
        spot: at.spot(),
    })
}
