//! Questions to people, asked through the client where it can show forms (elicitation, SEP-1330 and SEP-2322).
//!
//! A form has a field for the decision, one for a comment, and those of the question's own form where that is flat. What
//! comes back is as untrusted as every request: it names the question and what was shown, and is decided as the caller, by
//! the same checks as everywhere.

use agentchains_engine::{
    Caller, Engine, EngineError,
    machine::{ApprovalId, ApprovalKind, ApprovalRow, Decision, ExecutionRow},
    ports::Right,
};
use rmcp::{
    model::{
        ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest,
        InputRequests, InputResponses, JsonObject, ProtocolVersion,
    },
    service::{RequestContext, RoleServer},
};
use serde_json::{Map, Value, json};

use crate::{McpServer, outcome::ToolError, standing::pending};

/// The fields of every form, and that of an agent's question which has no form of its own.
const DECISION: &str = "decision";
const COMMENT: &str = "comment";
const ANSWER: &str = "answer";

/// Bytes of what is shown with a question. Where there is more, no form is asked for: nobody should decide on a part.
const MAX_SHOWN_BYTES: usize = 16 << 10;

/// Whether this client may be asked to put questions to the person behind it.
pub(crate) fn can_ask(server: &McpServer, caller: &Caller, context: &RequestContext<RoleServer>) -> bool {
    let capabilities = context.client_capabilities();
    let elicitation = capabilities.and_then(|capabilities| capabilities.elicitation);
    // Before there were other ways, a client that named none meant forms.
    let shows_forms = elicitation.is_some_and(|can| can.form.is_some() || can.url.is_none());
    let version = context.protocol_version();
    let is_modern = version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    server.approvals && caller.may(Right::Decide) && shows_forms && is_modern
}

/// What the person behind the client is to be asked about an execution, each under a name that says of which question
/// and of what was shown it is.
pub(crate) async fn requests(
    engine: &Engine,
    caller: &Caller,
    row: &ExecutionRow,
) -> Result<InputRequests, EngineError> {
    let questions = pending(engine, caller, row).await?;
    let own = questions
        .iter()
        .filter(|question| question.is_addressed_to(&caller.name, &caller.roles));
    Ok(own
        .filter_map(|question| Some((name(question), request(question)?)))
        .collect())
}

fn name(question: &ApprovalRow) -> String {
    format!("{}.{}", question.id, question.shown_hash)
}

/// None where a form cannot say what is asked.
fn request(question: &ApprovalRow) -> Option<InputRequest> {
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message(question)?,
        requested_schema: form(question)?,
    };
    Some(InputRequest::Elicitation(ElicitRequest::new(params)))
}

fn message(question: &ApprovalRow) -> Option<String> {
    let shown = question.shown.to_value();
    let is_nothing = match &shown {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if is_nothing {
        return Some(question.message.clone());
    }
    let shown = match shown {
        Value::String(text) => text,
        other => serde_json::to_string_pretty(&other).ok()?,
    };
    (shown.len() <= MAX_SHOWN_BYTES).then(|| format!("{}\n\n{shown}", question.message))
}

fn form(question: &ApprovalRow) -> Option<ElicitationSchema> {
    let mut fields = Map::new();
    match (&question.form, question.kind) {
        (Some(form), _) => {
            let own = form.get("properties")?.as_object()?;
            if own.contains_key(DECISION) || own.contains_key(COMMENT) {
                return None;
            }
            fields.extend(own.clone());
        }
        (None, ApprovalKind::AgentInput) => {
            fields.insert(ANSWER.into(), json!({"type": "string", "title": "Answer"}));
        }
        (None, ApprovalKind::Approval) => {}
    }
    fields.insert(
        DECISION.into(),
        json!({"type": "string", "title": "Decision", "enum": question.actions}),
    );
    fields.insert(COMMENT.into(), json!({"type": "string", "title": "Comment"}));
    // Who rejects need not fill in the rest; what a decision must come with is checked when it is made.
    let schema = json!({"type": "object", "properties": fields, "required": [DECISION]});
    ElicitationSchema::from_json_schema(object(schema)).ok()
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(members) => members,
        _ => JsonObject::default(),
    }
}

/// Decides by what has come back. False where the person did not want to decide, and should not be asked again at once.
pub(crate) async fn decide(
    engine: &Engine,
    caller: &Caller,
    row: &ExecutionRow,
    responses: InputResponses,
) -> Result<bool, ToolError> {
    let mut all_decided = true;
    for (name, response) in responses {
        let unfit = || {
            ToolError::new(format!(
                "the response {name:?} is none to a question of this execution"
            ))
        };
        let (id, shown_hash) = name.split_once('.').ok_or_else(unfit)?;
        let id: ApprovalId = id.parse().map_err(|_| unfit())?;
        let question = engine.approval(caller, id).await?;
        let root = row
            .parent
            .as_ref()
            .map_or(row.id, |parent| parent.root_execution_id);
        if question.root_execution_id != root {
            return Err(unfit());
        }
        let result: ElicitResult = serde_json::from_value(response)
            .map_err(|error| ToolError::new(format!("the response {name:?} cannot be read: {error}")))?;
        if !matches!(result.action, ElicitationAction::Accept) {
            all_decided = false;
            continue;
        }
        let decision = decision(
            &question,
            shown_hash,
            caller,
            object(result.content.unwrap_or_default()),
        )?;
        match engine.decide(caller, decision).await {
            // Somebody else was faster, which the execution's standing tells.
            Ok(_) | Err(EngineError::ApprovalClosed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all_decided)
}

fn decision(
    question: &ApprovalRow,
    shown_hash: &str,
    caller: &Caller,
    mut content: JsonObject,
) -> Result<Decision, ToolError> {
    let Some(Value::String(decision)) = content.remove(DECISION) else {
        let actions = question.actions.join(", ");
        return Err(ToolError::new(format!("{DECISION:?} must be one of {actions}")));
    };
    let comment = match content.remove(COMMENT) {
        Some(Value::String(comment)) if !comment.is_empty() => Some(comment),
        _ => None,
    };
    let data = match (&question.form, question.kind) {
        (Some(_), _) => Some(Value::Object(content)).filter(|data| data != &json!({})),
        (None, ApprovalKind::AgentInput) => content.remove(ANSWER),
        (None, ApprovalKind::Approval) => None,
    };
    Ok(Decision {
        approval_id: question.id,
        decision,
        by: caller.name.clone(),
        roles: caller.roles.clone(),
        comment,
        data,
        shown_hash: Some(shown_hash.to_owned()),
        request_key: None,
    })
}
