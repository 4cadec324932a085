//! The type `human_approval` (section 7).

use std::{collections::HashSet, num::NonZeroU32};

use crate::{
    decode::{
        Fields, list,
        scalar::{at_least_one, boolean, count, invalid, text, time_limit, wrong_type},
    },
    diagnostic::Code,
    document::{HumanApproval, OnTimeout},
    limits,
    report::{Report, quoted},
    schema::Schema,
    template::{Template, Use},
    tree::At,
};

const FIELDS: [&str; 9] = [
    "message",
    "show",
    "approvers",
    "quorum",
    "forbid_initiator",
    "form",
    "timeout",
    "on_timeout",
    "actions",
];
const ON_TIMEOUT: [(&str, OnTimeout); 3] = [
    ("reject", OnTimeout::Reject),
    ("approve", OnTimeout::Approve),
    ("fail", OnTimeout::Fail),
];
const DEFAULT_MESSAGE: &str = "Approve?";
const DEFAULT_ACTIONS: [&str; 2] = ["approve", "reject"];
const DEFAULT_QUORUM: NonZeroU32 = at_least_one(1);
/// Nobody can be asked for more people than may be named.
const MAX_QUORUM: u32 = limits::MAX_APPROVERS as u32;

/// Decodes the `config` of a `human_approval`; without one, every field has its default.
pub(super) fn decode(node: &Fields<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<HumanApproval> {
    let Some(config) = node.get("config") else {
        return Some(defaults());
    };
    let fields = Fields::open(&config, report)?;
    fields.refuse_others(&FIELDS, "the config of `human_approval`", report);
    let message = fields.get("message").and_then(|at| message(&at, uses, report));
    let approvers = fields
        .get("approvers")
        .and_then(|at| approvers(&at, report))
        .unwrap_or_default();
    let actions = fields.get("actions").and_then(|at| actions(&at, report));
    let quorum = quorum(&fields, &approvers, report);
    let defaults = defaults();
    Some(HumanApproval {
        message: message.unwrap_or(defaults.message),
        show: fields
            .get("show")
            .and_then(|at| Template::compile(&at, uses, report)),
        approvers,
        quorum: quorum.unwrap_or(DEFAULT_QUORUM),
        forbid_initiator: fields
            .get("forbid_initiator")
            .and_then(|at| boolean(&at, report))
            .unwrap_or_default(),
        form: fields.get("form").and_then(|at| Schema::compile(&at, report)),
        timeout: fields.get("timeout").and_then(|at| time_limit(&at, report)),
        on_timeout: fields.choice("on_timeout", &ON_TIMEOUT, report),
        actions: actions.unwrap_or(defaults.actions),
    })
}

fn defaults() -> HumanApproval {
    HumanApproval {
        message: Template::constant(DEFAULT_MESSAGE.into()),
        show: None,
        approvers: Vec::new(),
        quorum: DEFAULT_QUORUM,
        forbid_initiator: false,
        form: None,
        timeout: None,
        on_timeout: OnTimeout::default(),
        actions: DEFAULT_ACTIONS.map(str::to_owned).to_vec(),
    }
}

/// The labels that edges of the approval may have: one for each outcome that lets the workflow go on.
pub(super) fn labels(approval: &HumanApproval) -> Vec<String> {
    let mut labels: Vec<_> = approval
        .actions
        .iter()
        .map(|action| label(action).to_owned())
        .collect();
    if approval.timeout.is_some() {
        let outcome = match approval.on_timeout {
            OnTimeout::Approve => Some(label("approve")),
            OnTimeout::Reject => Some(label("reject")),
            OnTimeout::Fail => None,
        };
        labels.extend(
            outcome
                .filter(|outcome| !approval.actions.iter().any(|a| label(a) == *outcome))
                .map(str::to_owned),
        );
    }
    labels
}

/// The label of the edges that an action makes live.
fn label(action: &str) -> &str {
    match action {
        "approve" => "approved",
        "reject" => "rejected",
        own => own,
    }
}

fn message(at: &At<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Template> {
    if at.value.as_string_lit().is_none() {
        wrong_type(at, "a string", report);
        return None;
    }
    Template::compile(at, uses, report)
}

fn approvers(at: &At<'_>, report: &mut Report) -> Option<Vec<String>> {
    let listed = list(at, report, |item, report| {
        let approver = text(item, 1..=limits::MAX_NAME_CHARS, report)?;
        let named = approver
            .strip_prefix("user:")
            .or_else(|| approver.strip_prefix("role:"));
        if named.is_none_or(str::is_empty) {
            let message = format!("{} is neither `user:…` nor `role:…`", quoted(&approver));
            invalid(item, message, report);
        }
        Some(approver)
    })?;
    refuse_repeated_or_many(at, &listed, limits::MAX_APPROVERS, report);
    Some(listed)
}

fn actions(at: &At<'_>, report: &mut Report) -> Option<Vec<String>> {
    let listed = list(at, report, |item, report| {
        text(item, 1..=limits::MAX_LABEL_CHARS, report)
    })?;
    if at.items().len() == 0 {
        invalid(at, "an approval needs at least one action", report);
    }
    let labels: Vec<_> = listed.iter().map(|action| label(action)).collect();
    refuse_repeated_or_many(at, &labels, limits::MAX_ACTIONS, report);
    Some(listed)
}

fn refuse_repeated_or_many<T: AsRef<str>>(at: &At<'_>, listed: &[T], most: usize, report: &mut Report) {
    if listed.len() > most {
        report.add(
            Code::ValueTooLong,
            at.spot(),
            format!("the list has more than {most} members"),
        );
    }
    let mut seen = HashSet::new();
    for member in listed.iter().map(AsRef::as_ref) {
        if !seen.insert(member) {
            invalid(at, format!("{} is listed more than once", quoted(member)), report);
        }
    }
}

/// How many must agree: not more than there are, where everyone is named.
fn quorum(fields: &Fields<'_>, approvers: &[String], report: &mut Report) -> Option<NonZeroU32> {
    let at = fields.get("quorum")?;
    let quorum = count(&at, MAX_QUORUM, report)?;
    let all_named = !approvers.is_empty() && approvers.iter().all(|approver| approver.starts_with("user:"));
    if all_named && quorum.get() as usize > approvers.len() {
        invalid(&at, format!("only {} people may decide", approvers.len()), report);
    }
    Some(quorum)
}
