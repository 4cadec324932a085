//! The people of a dry run: as many as a question needs, all of one mind.

use agentchains_machine::{ApprovalRow, Decision};

use super::SupposedDecision;

/// The action that is supposed where none is given and there is such a one.
const APPROVE: &str = "approve";

/// The decisions that close a question, where the people who may decide are enough for that.
pub(super) fn decisions(
    question: &ApprovalRow,
    supposed: Option<&SupposedDecision>,
    initiator: &str,
) -> Vec<Decision> {
    let action = match supposed {
        Some(supposed) => supposed.decision.clone(),
        None => default_action(question),
    };
    let people = people(question).into_iter();
    let allowed = people.filter(|(name, _)| !(question.forbid_initiator && name == initiator));
    let decisions = allowed.map(|(by, roles)| Decision {
        approval_id: question.id,
        decision: action.clone(),
        by,
        roles,
        comment: None,
        data: supposed.and_then(|supposed| supposed.data.clone()),
        shown_hash: Some(question.shown_hash.clone()),
        request_key: None,
    });
    decisions.take(question.quorum as usize).collect()
}

/// The action that a question is answered with unless another one is given.
pub(super) fn default_action(question: &ApprovalRow) -> String {
    let approve = question.actions.iter().find(|action| *action == APPROVE);
    approve.or(question.actions.first()).cloned().unwrap_or_default()
}

/// People who may decide, with their roles: those who are named, and as many as are wanted of those who are not.
fn people(question: &ApprovalRow) -> Vec<(String, Vec<String>)> {
    let anyone = (1..=question.quorum).map(|number| format!("approver {number}"));
    let role = question
        .approvers
        .iter()
        .find_map(|approver| approver.strip_prefix("role:"));
    match role {
        Some(role) => anyone.map(|name| (name, vec![role.to_owned()])).collect(),
        None if question.approvers.is_empty() => anyone.map(|name| (name, Vec::new())).collect(),
        None => {
            let named = question.approvers.iter();
            named
                .map(|approver| approver.strip_prefix("user:").unwrap_or(approver))
                .map(|name| (name.to_owned(), Vec::new()))
                .collect()
        }
    }
}
