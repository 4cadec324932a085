//! The document's own fields, its nodes and its edges (section 1).

use std::num::NonZeroU32;

use crate::{
    decode::{
        Draft, DraftEdge, DraftNode, Fields, Named, node,
        scalar::{self, at_least_one, count, text, time_limit, usd},
    },
    diagnostic::Code,
    document::{OnBudget, OnFailure, Scheduling, Settings, UnknownCost},
    limits,
    report::Report,
    schema::Schema,
    template::{Template, Use},
    tree::At,
};

const FIELDS: [&str; 13] = [
    "name",
    "description",
    "nodes",
    "edges",
    "input_schema",
    "output",
    "max_budget",
    "on_budget",
    "unknown_cost",
    "timeout",
    "scheduling",
    "max_concurrency",
    "on_failure",
];
const EDGE_FIELDS: [&str; 3] = ["from", "to", "when"];
const DEFAULT_CONCURRENCY: NonZeroU32 = at_least_one(64);
const ON_BUDGET: [(&str, OnBudget); 2] = [("fail", OnBudget::Fail), ("pause", OnBudget::Pause)];
const UNKNOWN_COST: [(&str, UnknownCost); 3] = [
    ("allow", UnknownCost::Allow),
    ("serialize", UnknownCost::Serialize),
    ("refuse", UnknownCost::Refuse),
];
const SCHEDULING: [(&str, Scheduling); 2] = [("eager", Scheduling::Eager), ("layered", Scheduling::Layered)];
const ON_FAILURE: [(&str, OnFailure); 3] = [
    ("drain", OnFailure::Drain),
    ("cancel", OnFailure::Cancel),
    ("continue", OnFailure::Continue),
];

/// Decodes a document; `None` where it is no object.
pub(crate) fn decode(root: &At<'_>, report: &mut Report) -> Option<Draft> {
    let fields = Fields::open(root, report)?;
    fields.refuse_others(&FIELDS, "a workflow", report);
    let mut output_uses = Vec::new();
    let settings = settings(&fields, &mut output_uses, report);
    let nodes = fields.require("nodes", report);
    let nodes = nodes.map(|at| nodes_of(&at, report)).unwrap_or_default();
    let edges = fields
        .get("edges")
        .map(|at| edges_of(&at, report))
        .unwrap_or_default();
    Some(Draft {
        settings,
        output_uses,
        nodes,
        edges,
    })
}

/// The settings; where one is wrong, its default stands in, and the error refuses the document.
fn settings(fields: &Fields<'_>, output_uses: &mut Vec<Use>, report: &mut Report) -> Settings {
    let name = fields
        .require("name", report)
        .and_then(|at| text(&at, 1..=limits::MAX_NAME_CHARS, report));
    let description = fields.get("description");
    let concurrency = fields.get("max_concurrency");
    Settings {
        name: name.unwrap_or_default(),
        description: description.and_then(|at| text(&at, 0..=limits::MAX_DESCRIPTION_CHARS, report)),
        input_schema: fields
            .get("input_schema")
            .and_then(|at| Schema::compile(&at, report)),
        output: fields
            .get("output")
            .and_then(|at| Template::compile(&at, output_uses, report)),
        max_budget: fields.get("max_budget").and_then(|at| usd(&at, report)),
        on_budget: fields.choice("on_budget", &ON_BUDGET, report),
        unknown_cost: fields.choice("unknown_cost", &UNKNOWN_COST, report),
        timeout: fields.get("timeout").and_then(|at| time_limit(&at, report)),
        scheduling: fields.choice("scheduling", &SCHEDULING, report),
        max_concurrency: concurrency
            .and_then(|at| count(&at, limits::MAX_CONCURRENCY, report))
            .unwrap_or(DEFAULT_CONCURRENCY),
        on_failure: fields.choice("on_failure", &ON_FAILURE, report),
    }
}

fn nodes_of(at: &At<'_>, report: &mut Report) -> Vec<DraftNode> {
    let Some(array) = at.value.as_array() else {
        scalar::wrong_type(at, "an array", report);
        return Vec::new();
    };
    if array.elements.is_empty() {
        report.add(
            Code::EmptyWorkflow,
            at.spot(),
            "a workflow needs at least one node",
        );
    }
    if array.elements.len() > limits::MAX_NODES {
        let message = format!("a workflow has at most {} nodes", limits::MAX_NODES);
        report.add(Code::TooManyNodes, at.spot(), message);
        return Vec::new();
    }
    at.items().map(|item| node::decode(&item, report)).collect()
}

fn edges_of(at: &At<'_>, report: &mut Report) -> Vec<DraftEdge> {
    let Some(array) = at.value.as_array() else {
        scalar::wrong_type(at, "an array", report);
        return Vec::new();
    };
    if array.elements.len() > limits::MAX_EDGES {
        let message = format!("a workflow has at most {} edges", limits::MAX_EDGES);
        report.add(Code::TooManyEdges, at.spot(), message);
        return Vec::new();
    }
    at.items().filter_map(|item| edge(&item, report)).collect()
}

fn edge(at: &At<'_>, report: &mut Report) -> Option<DraftEdge> {
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
        from: from?,
        to: to?,
        label,
        spot: at.spot(),
    })
}
