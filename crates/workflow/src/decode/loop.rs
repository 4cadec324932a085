//! The type `loop` (section 7).

use std::num::NonZeroU32;

use crate::{
    composite::{Loop, OnExhausted, Repeat, ScopeIndex},
    condition::Predicate,
    decode::{
        Asked, DraftGraph, Fields, Provided, Repetition,
        scalar::{count, invalid},
        scope,
    },
    diagnostic::Code,
    expression::Expression,
    graph::NodeIndex,
    report::Report,
    template::Use,
    tree::At,
};

const FIELDS: [&str; 6] = [
    "body",
    "until",
    "while",
    "items",
    "max_iterations",
    "on_exhausted",
];
const FLAT_FIELDS: [&str; 7] = [
    "nodes",
    "edges",
    "until",
    "while",
    "items",
    "max_iterations",
    "on_exhausted",
];
const ON_EXHAUSTED: [(&str, OnExhausted); 2] =
    [("fail", OnExhausted::Fail), ("complete", OnExhausted::Complete)];

/// Decodes the `config` of a `loop`, and its members.
pub(super) fn decode(
    node: &Fields<'_>,
    owner: NodeIndex,
    uses: &mut Vec<Use>,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> Option<Loop> {
    let config = node.require("config", report)?;
    let fields = Fields::open(&config, report)?;
    let provided = Provided {
        item: fields.get("items").is_some(),
        repetition: Some(Repetition::Sequential),
    };
    let body = graph.open(owner, provided);
    if fields.get("nodes").is_some() {
        fields.refuse_others(&FLAT_FIELDS, "a loop with `nodes`", report);
        scope::members(&fields, body, Code::EmptyLoop, graph, report);
    } else {
        fields.refuse_others(&FIELDS, "a loop with `body`", report);
        if let Some(at) = fields.require_one_of("body", "`body` or `nodes`", report) {
            scope::body(&at, body, Code::EmptyLoop, graph, report);
        }
    }
    let repeat = repeat(&fields, body, uses, graph, report);
    let most = report.limits().max_iterations;
    let max_iterations = fields.get("max_iterations");
    if max_iterations.is_none() && ["until", "while"].iter().any(|name| fields.get(name).is_some()) {
        let hint = Some(format!("a whole number from 1 to {most} (max_iterations)"));
        let message = "a loop with `until` or `while` needs `max_iterations`: else it might never end";
        let spot = config.missing_spot("max_iterations");
        report.add_with_hint(Code::LoopUnbounded, spot, message, hint);
    }
    Some(Loop {
        body,
        max_iterations: max_iterations
            .and_then(|at| count(&at, most, report))
            .unwrap_or(NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN)),
        on_exhausted: fields.choice("on_exhausted", &ON_EXHAUSTED, report),
        repeat: repeat?,
    })
}

/// For how long the loop goes on. Leaves with the scope what its condition refers to.
fn repeat(
    fields: &Fields<'_>,
    body: ScopeIndex,
    uses: &mut Vec<Use>,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> Option<Repeat> {
    let mut ask = |at: &At<'_>, sees_members| {
        let mut uses = Vec::new();
        let expression = Expression::compile(at, &mut uses, report);
        graph.scopes[body.index()].asked = Some(Asked { uses, sees_members });
        expression.map(|expression| Predicate { expression })
    };
    match (fields.get("until"), fields.get("while"), fields.get("items")) {
        (Some(at), None, None) => ask(&at, true).map(Repeat::Until),
        (None, Some(at), None) => ask(&at, false).map(Repeat::While),
        (None, None, Some(at)) => scope::items(&at, uses, report).map(Repeat::Items),
        (None, None, None) => {
            let message = "`until`, `while` or `items` is required";
            report.add(Code::MissingField, fields.at.missing_spot("until"), message);
            None
        }
        _ => {
            invalid(
                fields.at,
                "`until`, `while` and `items` exclude each other",
                report,
            );
            None
        }
    }
}
