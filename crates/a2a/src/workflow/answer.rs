//! A message that goes on with a task: it answers a question that the task asks.
//!
//! A data part `{"decision", "comment"?, "data"?, "approval_id"?, "shown_hash"?}` says everything. Words alone decide an
//! approval where they are the name of an action, or a plain yes or no; for an agent's question they are the answer.
//! Other data is what fills in the question's form.

use agentchains_engine::machine::{ApprovalId, ApprovalKind, ApprovalRow, Decision, ExecutionRow, hash_of};
use serde_json::{Map, Value};

use super::{WorkflowAgent, start::context_id};
use crate::{error::A2aError, model::Message};

/// What answers an agent's question.
const ANSWER: &str = "answer";

/// Other words for the usual actions. An engine that asks on behalf of a person who had nothing to add says "ok".
const SYNONYMS: [(&str, &str); 3] = [("yes", "approve"), ("ok", "approve"), ("no", "reject")];

/// Where the parts of an answer stand in the request.
const PARTS: &str = "message.parts";

/// What somebody wants to be decided.
#[derive(Debug, Default, PartialEq)]
struct Choice {
    decision: String,
    comment: Option<String>,
    data: Option<Value>,
    shown_hash: Option<String>,
}

impl WorkflowAgent {
    /// Decides a question of the task by a message, and gives the execution as it is then. A message that has decided
    /// one before changes nothing.
    pub(super) async fn answer(&self, task_id: &str, message: &Message) -> Result<ExecutionRow, A2aError> {
        let row = self.execution(task_id).await?;
        let named = message.context_id.as_ref();
        if named.is_some_and(|named| *named != context_id(&row)) {
            return Err(A2aError::field(
                "message.contextId",
                "is not the context of the task",
            ));
        }
        let request_key = hash_of(&format!("a2a {}", message.message_id).as_str().into());
        let asked = self.questions(&row, None).await?;
        if asked
            .iter()
            .any(|question| was_decided_by(question, &request_key))
        {
            return Ok(row);
        }
        if row.status.is_terminal() {
            return Err(A2aError::unsupported(
                "the task has ended and takes no further messages",
            ));
        }
        let particulars = particulars(message);
        let question = match particulars.and_then(|said| said.get("approval_id")) {
            Some(id) => named_question(asked, id)?,
            // What is pending comes last, and of that the oldest first.
            None => self.pending_questions(&row).await?.into_iter().next(),
        };
        let question =
            question.ok_or_else(|| A2aError::unsupported("the task asks nothing at the moment"))?;
        let choice = choice(&question, message, particulars)?;
        let decision = Decision {
            approval_id: question.id,
            decision: choice.decision,
            by: self.caller.name.clone(),
            roles: self.caller.roles.clone(),
            comment: choice.comment,
            data: choice.data,
            shown_hash: choice.shown_hash,
            request_key: Some(request_key),
        };
        Ok(self.engine.decide_in(&self.caller, row.id, decision).await?)
    }
}

fn was_decided_by(question: &ApprovalRow, request_key: &str) -> bool {
    let mut keys = question
        .decisions
        .iter()
        .map(|decision| decision.request_key.as_deref());
    keys.any(|key| key == Some(request_key))
}

fn named_question(asked: Vec<ApprovalRow>, id: &Value) -> Result<Option<ApprovalRow>, A2aError> {
    let id: Option<ApprovalId> = id.as_str().and_then(|id| id.parse().ok());
    let found = asked.into_iter().find(|question| Some(question.id) == id);
    found
        .map(Some)
        .ok_or_else(|| A2aError::field(PARTS, "approval_id names no question of this task"))
}

/// The data part that says what is decided, where there is one.
fn particulars(message: &Message) -> Option<&Map<String, Value>> {
    let mut objects = message.data().filter_map(Value::as_object);
    objects.find(|object| object.contains_key("decision") || object.contains_key("approval_id"))
}

fn choice(
    question: &ApprovalRow,
    message: &Message,
    particulars: Option<&Map<String, Value>>,
) -> Result<Choice, A2aError> {
    let text = message
        .text()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    let said = |name: &str| {
        particulars
            .and_then(|said| said.get(name))
            .filter(|value| !value.is_null())
    };
    let said_text = |name: &str| said(name).and_then(Value::as_str).map(str::to_owned);
    let data = match particulars {
        Some(_) => said("data"),
        None => message.data().next(),
    };
    let choice = Choice {
        shown_hash: said_text("shown_hash"),
        data: data.cloned(),
        ..Choice::default()
    };
    if let Some(decision) = said_text("decision") {
        let comment = said_text("comment").or(text);
        return Ok(Choice {
            decision,
            comment,
            ..choice
        });
    }
    match (question.kind, text) {
        (ApprovalKind::AgentInput, text) => Ok(Choice {
            decision: ANSWER.to_owned(),
            comment: said_text("comment").or(text),
            ..choice
        }),
        (ApprovalKind::Approval, Some(text)) => {
            let decision = action(&question.actions, &text).ok_or_else(|| undecided(question))?;
            let comment = said_text("comment");
            Ok(Choice {
                decision,
                comment,
                ..choice
            })
        }
        (ApprovalKind::Approval, None) => Err(undecided(question)),
    }
}

/// The action that words name.
fn action(actions: &[String], words: &str) -> Option<String> {
    let is = |word: &str| words.eq_ignore_ascii_case(word);
    let meant = SYNONYMS
        .iter()
        .find(|(word, _)| is(word))
        .map(|(_, action)| *action);
    let mut actions = actions.iter();
    let found = actions.find(|action| is(action) || meant == Some(action.as_str()));
    found.cloned()
}

fn undecided(question: &ApprovalRow) -> A2aError {
    let actions = question.actions.join(", ");
    let rule = format!("must say one of {actions}, as text or in a data part {{\"decision\": …}}");
    A2aError::field(PARTS, rule)
}
