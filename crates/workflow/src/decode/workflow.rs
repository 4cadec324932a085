//! The document's own fields (section 1).

use std::num::NonZeroU32;

use crate::{
    composite::ScopeIndex,
    decode::{
        Draft, DraftGraph, Fields,
        scalar::{at_least_one, count, text, time_limit, usd},
        scope,
    },
    diagnostic::Code,
    document::{OnBudget, OnFailure, Scheduling, Settings, UnknownCost},
    limits,
    report::Report,
    schema::Schema,
    template::{Template, Use},
    tree::At,
};

/// Fields of a document.
pub(crate) const FIELDS: [&str; 13] = [
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
    let mut graph = DraftGraph::new();
    scope::members(&fields, ScopeIndex::TOP, Code::EmptyWorkflow, &mut graph, report);
    Some(Draft {
        settings,
        output_uses,
        graph,
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
