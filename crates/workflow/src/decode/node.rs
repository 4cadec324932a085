//! One node: what all types have in common, and the choice of the type (sections 1 and 7).

use crate::{
    composite::ScopeIndex,
    decode::{
        DraftGraph, DraftNode, Fields, Named, agent_call, condition, human_approval, list, r#loop,
        parallel_group,
        policy::{join, on_error, retry},
        scalar::{duration, string, text, time_limit, usd},
        subworkflow,
    },
    diagnostic::Code,
    document::{Node, NodeKind, OnUnknown},
    graph::NodeIndex,
    limits,
    report::{Report, listed, quoted},
    schema::Schema,
    tree::At,
};

/// Fields of every node.
pub(crate) const FIELDS: [&str; 15] = [
    "id",
    "type",
    "name",
    "description",
    "depends_on",
    "config",
    "join",
    "timeout",
    "retry",
    "max_cost",
    "on_unknown",
    "on_error",
    "breaker_wait",
    "input_schema",
    "output_schema",
];
/// What only an `agent_call` has.
pub(crate) const AGENT: &str = "agent_id";
const TYPES: [(&str, Type); 6] = [
    ("agent_call", Type::AgentCall),
    ("condition", Type::Condition),
    ("parallel_group", Type::ParallelGroup),
    ("loop", Type::Loop),
    ("human_approval", Type::HumanApproval),
    ("subworkflow", Type::Subworkflow),
];
const ON_UNKNOWN: [(&str, OnUnknown); 3] = [
    ("resend", OnUnknown::Resend),
    ("ask", OnUnknown::Ask),
    ("fail", OnUnknown::Fail),
];
/// Words that expressions give a meaning.
pub(crate) const RESERVED: [&str; 6] = ["input", "nodes", "loop", "item", "execution", "secrets"];
const MAX_ID_CHARS: usize = 100;

#[derive(Debug, Clone, Copy)]
enum Type {
    AgentCall,
    Condition,
    ParallelGroup,
    Loop,
    HumanApproval,
    Subworkflow,
}

/// Decodes a node that is written in a scope, and its members after it.
pub(super) fn decode(at: &At<'_>, scope: ScopeIndex, graph: &mut DraftGraph, report: &mut Report) {
    let index = NodeIndex::new(graph.nodes.len());
    graph.nodes.push(DraftNode::new(at.spot(), scope));
    let Some(fields) = Fields::open(at, report) else {
        return;
    };
    let mut draft = DraftNode::new(at.spot(), scope);
    draft.id = fields.require("id", report).and_then(|at| id(&at, report));
    if let Some(at) = fields.get("depends_on") {
        draft.depends_on = list(&at, report, Named::decode).unwrap_or_default();
    }
    if let Some(at) = fields.get("join") {
        draft.join = join(&at, report).unwrap_or_default();
        draft.join_spot = at.spot();
    }
    let kind = kind(&fields, index, &mut draft, graph, report);
    draft.node = node(&fields, index, &mut draft, kind, report);
    graph.nodes[index.index()] = draft;
}

fn node(
    fields: &Fields<'_>,
    index: NodeIndex,
    draft: &mut DraftNode,
    kind: Option<NodeKind>,
    report: &mut Report,
) -> Option<Node> {
    let name = fields
        .get("name")
        .and_then(|at| text(&at, 0..=limits::MAX_NAME_CHARS, report));
    if let Some(at) = fields.get("description") {
        text(&at, 0..=limits::MAX_DESCRIPTION_CHARS, report);
    }
    let timeout = fields.get("timeout").and_then(|at| time_limit(&at, report));
    let retry = fields.get("retry").and_then(|at| retry(&at, report));
    let max_cost = fields.get("max_cost").and_then(|at| usd(&at, report));
    let on_unknown = fields.get("on_unknown");
    let on_error = fields.get("on_error").and_then(|at| on_error(&at, report));
    let (on_error, goto) = on_error.unwrap_or_default();
    draft.goto = goto;
    let breaker_wait = fields.get("breaker_wait").and_then(|at| duration(&at, report));
    let input_schema = fields
        .get("input_schema")
        .and_then(|at| Schema::compile(&at, report));
    let output_schema = fields
        .get("output_schema")
        .and_then(|at| Schema::compile(&at, report));
    let on_unknown = on_unknown.and_then(|at| super::scalar::choice(&at, &ON_UNKNOWN, report));
    Some(Node {
        id: draft.id.as_ref()?.name.clone(),
        position: index.position(),
        pointer: fields.at.pointer(),
        name,
        join: draft.join,
        timeout,
        retry,
        max_cost,
        on_unknown,
        on_error,
        breaker_wait,
        input_schema,
        output_schema,
        kind: kind?,
    })
}

/// An id (section 1). One that is not spelled well is reported, and still names its node.
fn id(at: &At<'_>, report: &mut Report) -> Option<Named> {
    let found = Named::decode(at, report)?;
    let name = found.name.as_str();
    if !is_id(name) {
        let hint = Some("an id is a letter, then up to 99 letters, digits, `_` or `-`");
        let message = format!("{} is not an id", quoted(name));
        report.add_with_hint(Code::InvalidNodeId, at.spot(), message, hint);
    } else if RESERVED.contains(&name) {
        let message = format!("`{name}` has a meaning of its own in expressions");
        report.add(Code::ReservedNodeId, at.spot(), message);
    }
    Some(found)
}

fn is_id(name: &str) -> bool {
    name.len() <= MAX_ID_CHARS
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The node's type with the fields that only it has.
fn kind(
    fields: &Fields<'_>,
    index: NodeIndex,
    draft: &mut DraftNode,
    graph: &mut DraftGraph,
    report: &mut Report,
) -> Option<NodeKind> {
    let at = fields.require("type", report)?;
    let name = string(&at, report)?;
    let Some((name, kind)) = TYPES.iter().find(|(known, _)| *known == name) else {
        unknown_type(&at, name, report);
        return None;
    };
    let own: &[&str] = if let Type::AgentCall = kind { &[AGENT] } else { &[] };
    fields.refuse_others(&[&FIELDS, own].concat(), &format!("`{name}`"), report);
    if !matches!(kind, Type::Condition | Type::HumanApproval) {
        draft.labels = Some(Vec::new());
    }
    let uses = &mut draft.uses;
    Some(match kind {
        Type::AgentCall => NodeKind::AgentCall(agent_call::decode(fields, uses, report)?),
        Type::Condition => NodeKind::Condition(condition::decode(fields, draft, report)?),
        Type::ParallelGroup => NodeKind::ParallelGroup(Box::new(parallel_group::decode(
            fields, index, uses, graph, report,
        )?)),
        Type::Loop => NodeKind::Loop(Box::new(r#loop::decode(fields, index, uses, graph, report)?)),
        Type::HumanApproval => {
            let approval = human_approval::decode(fields, uses, report)?;
            draft.labels = Some(human_approval::labels(&approval));
            NodeKind::HumanApproval(Box::new(approval))
        }
        Type::Subworkflow => NodeKind::Subworkflow(Box::new(subworkflow::decode(fields, uses, report)?)),
    })
}

fn unknown_type(at: &At<'_>, name: &str, report: &mut Report) {
    let valid = listed(TYPES.map(|(known, _)| known));
    let hint = match report.did_you_mean(name, TYPES.map(|(known, _)| known)) {
        Some(similar) => format!("{similar} (valid types: {valid})"),
        None => format!("valid types: {valid}"),
    };
    let message = format!("{} is not a node type", quoted(name));
    report.add_with_hint(Code::UnknownNodeType, at.spot(), message, Some(hint));
}
