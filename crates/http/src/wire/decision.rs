//! A person's decision, as it comes in by every way: the approval's own route, `resume`, a WebSocket.

use agentchains_engine::{
    machine::{ApprovalId, Decision as MachineDecision},
    workflow::limits,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    app::Api,
    problem::{Finding, Problem},
    wire::execute::Resume,
};

/// Characters of a comment.
const MAX_COMMENT_CHARS: usize = 10_000;

/// The body of `POST /approvals/{id}/decision`; on a WebSocket, what its frame has besides its type and the
/// question's id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    decision: String,
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    shown_hash: Option<String>,
    /// Who decides, where nobody has to say who they are.
    #[serde(default)]
    by: Option<String>,
}

impl Decision {
    /// The decision on that question.
    ///
    /// # Errors
    /// 422 where a text is too long, or somebody else is said to decide.
    pub(crate) fn on(self, approval_id: ApprovalId, api: &Api) -> Result<MachineDecision, Problem> {
        check("decision", &self.decision, 1, limits::MAX_LABEL_CHARS)?;
        let caller = api.caller();
        if self.by.is_some() && !api.doorkeeper.is_open() {
            let message = "who decides is who the key belongs to; leave `by` out";
            return Err(Problem::invalid(vec![Finding::new(
                "invalid_value",
                "/by",
                message,
            )]));
        }
        let by = self.by.unwrap_or_else(|| caller.name.clone());
        check("by", &by, 1, limits::MAX_NAME_CHARS)?;
        let comment = self.comment.as_deref().unwrap_or_default();
        check("comment", comment, 0, MAX_COMMENT_CHARS)?;
        Ok(MachineDecision {
            approval_id,
            decision: self.decision,
            by,
            roles: caller.roles.clone(),
            comment: self.comment,
            data: self.data,
            shown_hash: self.shown_hash,
            request_key: None,
        })
    }
}

impl Resume {
    /// The decision that a resume carries; `None` where it carries none.
    ///
    /// # Errors
    /// 422 where it names a decision or a question alone, or a budget too.
    pub(crate) fn into_decision(self) -> Result<Option<(ApprovalId, Decision)>, Problem> {
        let rest = self.comment.is_some() || self.data.is_some();
        let (pointer, message) = match (self.approval_id, self.decision) {
            (None, None) if !rest => return Ok(None),
            (Some(_), Some(_)) if self.max_budget.is_some() => (
                "/max_budget",
                "a resume brings a higher budget or a decision, not both",
            ),
            (Some(approval_id), Some(decision)) => {
                let decision = Decision {
                    decision,
                    comment: self.comment,
                    data: self.data,
                    shown_hash: None,
                    by: None,
                };
                return Ok(Some((approval_id, decision)));
            }
            (None, _) => ("/approval_id", "`approval_id` is required with a decision"),
            (Some(_), None) => ("/decision", "`decision` is required with an approval"),
        };
        let code = if pointer == "/max_budget" {
            "invalid_value"
        } else {
            "missing_field"
        };
        Err(Problem::invalid(vec![Finding::new(code, pointer, message)]))
    }
}

fn check(field: &str, text: &str, least: usize, most: usize) -> Result<(), Problem> {
    let length = text.chars().take(most + 1).count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    let message = format!("`{field}` has {least} to {most} characters");
    let finding = Finding::new("invalid_value", format!("/{field}"), message);
    Err(Problem::invalid(vec![finding]))
}
