//! Questions to people, asked through the client where it can show forms (elicitation, SEP-1330 and SEP-2322).
//!
//! A form has a field for the decision, one for a comment, and those of the question's own form where that is flat. What
//! comes back is as untrusted as every request: it names the question and what was shown, and is decided as the caller, by
//! the same checks as everywhere.

use std::time::Duration;

use agentchains_engine::{
    Caller, Engine, EngineError,
    machine::{ApprovalId, ApprovalKind, ApprovalRow, Decision, ExecutionId, ExecutionRow, Rejected},
    ports::Right,
};
use rmcp::{
    model::{
        CallToolRequestParams, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationSchema, InputRequest, InputRequests, InputResponses, JsonObject, ProtocolVersion,
    },
    service::{Peer, RequestContext, RoleServer},
};
use serde_json::{Map, Value, json};

use crate::{McpServer, outcome::ToolError, standing::pending};

/// The fields of every form, and that of an agent's question which has no form of its own.
const DECISION: &str = "decision";
const COMMENT: &str = "comment";
const ANSWER: &str = "answer";

/// How long a person may take to answer while a request waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// Bytes of what is shown with a question. Where there is more, no form is asked for: nobody should decide on a part.
const MAX_SHOWN_BYTES: usize = 16 << 10;

/// How a client is asked to put questions to the person behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a result that is none yet: the client sends its request once more with the answers.
    Result,
    /// By requests of the server's own, as up to revision 2025-11-25.
    Request,
}

/// How this client may be asked; `None` where it may not.
pub(crate) fn way(server: &McpServer, caller: &Caller, context: &RequestContext<RoleServer>) -> Option<Way> {
    let capabilities = context.client_capabilities();
    let elicitation = capabilities.and_then(|capabilities| capabilities.elicitation);
    // Before there were other ways, a client that named none meant forms.
    let shows_forms = elicitation.is_some_and(|can| can.form.is_some() || can.url.is_none());
    let way = if is_newest(context) {
        Way::Result
    } else {
        Way::Request
    };
    Some(way).filter(|_| server.approvals && caller.may(Right::Decide) && shows_forms)
}

/// Whether a request is of the first revision that knows results which are none yet.
pub(crate) fn is_newest(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// What the person behind the client is to be asked about an execution, each under a name that says of which question
/// and of what was shown it is.
pub(crate) async fn requests(
    engine: &Engine,
    caller: &Caller,
    row: &ExecutionRow,
) -> Result<InputRequests, EngineError> {
    let questions = pending(engine, caller, row).await?;
    let may_decide = |question: &&ApprovalRow| {
        question.is_addressed_to(&caller.name, &caller.roles)
            && !(question.forbid_initiator && row.initiated_by == caller.name)
            && question.decisions.iter().all(|earlier| earlier.by != caller.name)
    };
    let own = questions.iter().filter(may_decide);
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

/// Asks a client in the middle of its request, one question after the other, as far as it answers.
pub(crate) async fn ask(peer: &Peer<RoleServer>, requests: InputRequests) -> InputResponses {
    let mut responses = InputResponses::new();
    for (name, request) in requests {
        let InputRequest::Elicitation(request) = request else {
            continue;
        };
        let asked = peer
            .create_elicitation_with_timeout(request.params, Some(ANSWER_WITHIN))
            .await;
        // A client that cannot, or whose person is not there, leaves the question to others.
        let Ok(answer) = asked.map(serde_json::to_value) else {
            break;
        };
        responses.extend(answer.ok().map(|answer| (name, answer)));
    }
    responses
}

/// What has come back of what a client was asked.
pub(crate) struct Answers {
    /// Of which it was asked.
    pub(crate) execution: ExecutionId,
    responses: InputResponses,
    /// Whether this client may answer at all.
    is_heard: bool,
}

impl Answers {
    /// Those of a request that is sent once more; none where it is sent for the first time.
    pub(crate) fn of(request: &CallToolRequestParams, is_heard: bool) -> Result<Option<Self>, ToolError> {
        let Some(state) = &request.request_state else {
            return Ok(None);
        };
        let unknown =
            |_| ToolError::new("the request's state is none that this server gave out; leave it out");
        Ok(Some(Self {
            execution: state.parse().map_err(unknown)?,
            responses: request.input_responses.clone().unwrap_or_default(),
            is_heard,
        }))
    }

    /// The error of answers about another execution than the request is about.
    pub(crate) fn elsewhere(&self) -> ToolError {
        ToolError::new("the request's state is that of another request; leave it out")
    }

    /// Decides by them. False where the person did not want to, and should not be asked again at once.
    pub(crate) async fn decide(&self, engine: &Engine, caller: &Caller) -> Result<bool, ToolError> {
        if !self.is_heard {
            return Ok(true);
        }
        decide(engine, caller, self.execution, &self.responses).await
    }
}

/// Decides questions of an execution by what was answered; answers to what is not asked, or not any more, count for
/// nothing. False where somebody did not want to decide.
pub(crate) async fn decide(
    engine: &Engine,
    caller: &Caller,
    execution: ExecutionId,
    responses: &InputResponses,
) -> Result<bool, ToolError> {
    let mut all_decided = true;
    for (name, response) in responses {
        let Some((id, shown_hash)) = name.split_once('.') else {
            continue;
        };
        let Ok(id) = id.parse::<ApprovalId>() else {
            continue;
        };
        let question = match engine.approval(caller, id).await {
            Err(EngineError::NotFound { .. }) => continue,
            found => found?,
        };
        let result: ElicitResult = serde_json::from_value(response.clone())
            .map_err(|error| ToolError::new(format!("the response {name:?} cannot be read: {error}")))?;
        if !matches!(result.action, ElicitationAction::Accept) {
            all_decided = false;
            continue;
        }
        let content = object(result.content.unwrap_or_default());
        let decision = decision(&question, shown_hash, caller, content)?;
        match engine.decide_in(caller, execution, decision).await {
            Ok(_)
            | Err(
                EngineError::ApprovalClosed { .. }
                | EngineError::ApprovalElsewhere { .. }
                | EngineError::Rejected(Rejected::ApprovalChanged { .. }),
            ) => {}
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
