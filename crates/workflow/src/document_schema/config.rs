//! What nodes of each type have in their `config`.

use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::{
    Edge,
    node::Node,
    scalar::{Any, Duration, Expression, Items, ValueSchema, never_null},
};
use crate::{composite::OnExhausted, condition::Operator, document::OnTimeout, limits};

/// One or several ids of nodes.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum Targets {
    One(String),
    Several(Vec<String>),
}

/// What a condition tests, and where it leads.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowCondition", untagged, deny_unknown_fields)]
pub(super) enum Condition {
    /// One expression.
    #[schemars(transform = never_null)]
    Expression {
        expression: Expression,
        /// The nodes that run where it holds.
        then: Option<Targets>,
        /// The nodes that run where it does not.
        r#else: Option<Targets>,
    },
    /// Several expressions, of which the first that holds is taken.
    #[schemars(transform = never_null)]
    Cases {
        #[schemars(length(min = 1, max = limits::MAX_CASES))]
        cases: Vec<Case>,
        /// The nodes that run where none holds.
        default: Option<Targets>,
    },
    /// A path, an operator and a value; `exists` needs no value.
    #[schemars(transform = never_null, transform = value_of_operator)]
    Comparison {
        path: Expression,
        operator: Operator,
        /// A template.
        value: Option<Any>,
        /// The nodes that run where it holds.
        then: Option<Targets>,
        /// The nodes that run where it does not.
        r#else: Option<Targets>,
    },
}

/// What an operator is compared with. A template may render to anything.
fn value_of_operator(comparison: &mut Schema) {
    let with = |operators: &[&str], value: Value| json!({"properties": {"operator": {"enum": operators}, "value": value}});
    let or_template = |kind: &str| json!({"anyOf": [{"type": kind}, {"type": "string", "pattern": r"\{\{"}]});
    let needing = |mut form: Value| {
        form["required"] = json!(["value"]);
        form
    };
    let forms = json!([
        with(&["exists"], or_template("boolean")),
        needing(with(&["in", "not_in"], or_template("array"))),
        needing(with(
            &["gt", "gte", "lt", "lte"],
            json!({"type": ["number", "string"]})
        )),
        needing(with(&["eq", "neq", "contains"], json!({}))),
    ]);
    comparison.insert("oneOf".into(), forms);
}

/// One case of a condition.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowCase", deny_unknown_fields, transform = never_null)]
pub(super) struct Case {
    when: Expression,
    /// The nodes that run.
    to: Option<Targets>,
    /// For the edges that the case makes live; the case's number, counted from 0, unless given.
    #[schemars(length(min = 1, max = limits::MAX_LABEL_CHARS))]
    label: Option<String>,
}

/// What a group or a loop runs.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowBody", deny_unknown_fields, transform = never_null)]
pub(super) struct Body {
    #[schemars(length(min = 1))]
    nodes: Vec<Member>,
    edges: Option<Vec<Edge>>,
}

/// A node, or the id of one of this document, which moves here.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowMember", untagged)]
pub(super) enum Member {
    Written(Box<Node>),
    Named(String),
}

/// What a group runs.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowGroup", untagged, deny_unknown_fields)]
pub(super) enum Group {
    /// Nodes, each once.
    #[schemars(transform = never_null)]
    Members {
        #[schemars(length(min = 1))]
        nodes: Vec<Member>,
        edges: Option<Vec<Edge>>,
        #[schemars(flatten)]
        settings: GroupSettings,
    },
    /// A body, once for each item.
    #[schemars(transform = never_null)]
    Items {
        items: Items,
        body: Body,
        #[schemars(flatten)]
        settings: GroupSettings,
    },
}

#[derive(JsonSchema)]
#[schemars(inline, transform = never_null)]
pub(super) struct GroupSettings {
    /// Members or bodies that run at once; all unless given.
    #[schemars(range(max = limits::MAX_CONCURRENCY))]
    max_concurrency: Option<NonZeroU32>,
    /// How many must succeed; `all` unless given.
    mode: Option<Mode>,
    /// What a failure does; `fail` unless given, or `tolerated_failures` is.
    on_item_error: Option<OnItemError>,
    /// How many failures become null: a number, or a part such as `"10%"`.
    tolerated_failures: Option<Tolerance>,
}

/// How many members or items must succeed; what is still running then is cancelled.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowGroupMode", rename_all = "snake_case")]
pub(super) enum Mode {
    All,
    Any,
    AtLeast(NonZeroU32),
}

/// What the failure of a member or item does.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowOnItemError", rename_all = "snake_case")]
pub(super) enum OnItemError {
    /// The group fails.
    Fail,
    /// Its result is null.
    Null,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum Tolerance {
    Count(u32),
    Part(#[schemars(regex(pattern = r"^[0-9]+(\.[0-9]{1,4})?%$"))] String),
}

/// What a loop repeats: `body`, or `nodes` with `edges`; and for how long: `until`, `while` or `items`.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowLoop", deny_unknown_fields, transform = never_null)]
#[schemars(extend(
    "allOf" = [
        {"oneOf": [{"required": ["body"], "not": {"required": ["edges"]}}, {"required": ["nodes"]}]},
        {"oneOf": [{"required": ["until"]}, {"required": ["while"]}, {"required": ["items"]}]},
    ],
    "dependentRequired" = {"until": ["max_iterations"], "while": ["max_iterations"]}
))]
pub(super) struct Loop {
    body: Option<Body>,
    #[schemars(length(min = 1))]
    nodes: Option<Vec<Member>>,
    edges: Option<Vec<Edge>>,
    /// It ends when this holds after an iteration.
    until: Option<Expression>,
    /// It goes on as long as this holds before an iteration.
    r#while: Option<Expression>,
    /// One iteration for each, one after the other.
    items: Option<Items>,
    /// Iterations at the most; with items, the number of items at the most.
    max_iterations: Option<NonZeroU32>,
    /// What happens when they are used up; `fail` unless given.
    on_exhausted: Option<OnExhausted>,
}

/// What a person is asked.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowApproval", deny_unknown_fields, transform = never_null)]
pub(super) struct Approval {
    /// A template; `Approve?` unless given.
    message: Option<String>,
    /// A template of what is shown; without it the outputs of the live predecessors.
    show: Option<Any>,
    /// Who may decide; everybody who may, unless given.
    #[schemars(
        length(max = limits::MAX_APPROVERS),
        inner(length(max = limits::MAX_NAME_CHARS), regex(pattern = "^(user|role):.")),
        extend("uniqueItems" = true)
    )]
    approvers: Option<Vec<String>>,
    /// People that must agree; 1 unless given.
    #[schemars(range(max = limits::MAX_APPROVERS))]
    quorum: Option<NonZeroU32>,
    /// Whether the person who started the execution may not decide.
    forbid_initiator: Option<bool>,
    /// What the decision's `data` must fit.
    form: Option<ValueSchema>,
    /// How long a decision is waited for; without it for ever.
    timeout: Option<Duration>,
    /// What happens when that is over; `reject` unless given.
    on_timeout: Option<OnTimeout>,
    /// The decisions to choose from; `approve` and `reject` unless given.
    #[schemars(
        length(min = 1, max = limits::MAX_ACTIONS),
        inner(length(min = 1, max = limits::MAX_LABEL_CHARS)),
        extend("uniqueItems" = true)
    )]
    actions: Option<Vec<String>>,
}

/// Which workflow is run.
#[derive(JsonSchema)]
#[schemars(rename = "WorkflowSubworkflow", deny_unknown_fields, transform = never_null)]
pub(super) struct Subworkflow {
    /// Its id or name.
    #[schemars(length(min = 1, max = limits::MAX_NAME_CHARS))]
    workflow_id: String,
    /// Its version; the latest unless given.
    version: Option<Version>,
    /// A template; without it the execution's input with each live predecessor's output under its id.
    input: Option<Any>,
    /// Whether the node waits for its end; true unless given.
    wait: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(inline, untagged)]
pub(super) enum Version {
    Number(NonZeroU32),
    Latest(#[schemars(extend("const" = "latest"))] String),
}
