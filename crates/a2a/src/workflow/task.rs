//! How an execution stands, as a task.

use agentchains_engine::{
    EngineError,
    machine::{
        ApprovalKind, ApprovalRow, ApprovalStatus, ExecutionRow, ExecutionStatus, Failure, PauseReason,
        hash_of,
    },
    ports::{ApprovalFilter, PageRequest},
    workflow::Json,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{WorkflowAgent, start::context_id};
use crate::{
    card::USAGE_EXTENSION,
    error::A2aError,
    model::{Artifact, Message, Part, Task, TaskState, TaskStatus},
};

/// The one artifact of a task: what its execution has given.
const OUTPUT: &str = "output";

/// Questions of one task that are looked at.
const MAX_QUESTIONS: u32 = 200;

impl WorkflowAgent {
    /// An execution as a task, with what it has cost so far.
    pub(super) async fn billed_task(&self, row: &ExecutionRow) -> Result<Task, A2aError> {
        let mut task = self.task_of(row).await?;
        task.metadata = self.usage(row).await?;
        Ok(task)
    }

    /// An execution as a task.
    pub(super) async fn task_of(&self, row: &ExecutionRow) -> Result<Task, A2aError> {
        let output = row
            .output
            .as_ref()
            .filter(|_| row.status == ExecutionStatus::Completed);
        Ok(Task {
            id: row.id.to_string(),
            context_id: context_id(row),
            status: self.status_of(row).await?,
            artifacts: output.map(artifact).into_iter().collect(),
            history: self.first_message(row).into_iter().collect(),
            metadata: Map::new(),
        })
    }

    /// Its state, with what there is to say about it.
    pub(super) async fn status_of(&self, row: &ExecutionRow) -> Result<TaskStatus, A2aError> {
        let state = state_of(row);
        let (message, timestamp) = match state {
            TaskState::InputRequired => {
                let questions = self.pending_questions(row).await?;
                let asked_at = questions.iter().map(|question| question.created_at).max();
                (ask(row, &questions), asked_at)
            }
            TaskState::Failed => (row.error.as_ref().map(|error| explain(row, error)), None),
            _ => (None, None),
        };
        Ok(TaskStatus {
            state,
            message,
            timestamp: timestamp.unwrap_or_else(|| since(row)),
        })
    }

    /// The questions that an execution asks, or one below it, oldest first.
    pub(super) async fn pending_questions(
        &self,
        row: &ExecutionRow,
    ) -> Result<Vec<ApprovalRow>, EngineError> {
        self.questions(row, Some(ApprovalStatus::Pending)).await
    }

    /// Those of one status, or all that were ever asked.
    pub(super) async fn questions(
        &self,
        row: &ExecutionRow,
        status: Option<ApprovalStatus>,
    ) -> Result<Vec<ApprovalRow>, EngineError> {
        let is_root = row.parent.is_none();
        let filter = ApprovalFilter {
            status,
            execution_id: (!is_root).then_some(row.id),
            root_execution_id: is_root.then_some(row.id),
        };
        let page = PageRequest {
            limit: MAX_QUESTIONS,
            cursor: None,
        };
        let mut found = self.engine.approvals(&self.caller, &filter, &page).await?.items;
        found.reverse();
        Ok(found)
    }

    /// What it has cost and used so far, under the names that agents commonly use and under those of our extension. What
    /// nobody knows is left out.
    async fn usage(&self, row: &ExecutionRow) -> Result<Map<String, Value>, A2aError> {
        let total = self.engine.bill(&self.caller, row.id).await?.total;
        let mut usage = Map::new();
        let tokens = [
            ("input_tokens", total.input_tokens),
            ("output_tokens", total.output_tokens),
        ];
        for (name, count) in tokens {
            usage.extend(count.map(|count| (name.to_owned(), count.into())));
        }
        let counted = tokens.into_iter().filter_map(|(_, count)| count);
        if let Some(sum) = counted.reduce(u64::saturating_add) {
            usage.insert("total_tokens".to_owned(), sum.into());
        }
        if total.cost_known || !total.cost.is_zero() {
            usage.insert("cost_usd".to_owned(), json!(total.cost));
        }
        usage.insert("cost_known".to_owned(), total.cost_known.into());
        let usage = Value::Object(usage);
        Ok(Map::from_iter([
            ("usage".to_owned(), usage.clone()),
            (USAGE_EXTENSION.to_owned(), usage),
        ]))
    }
}

/// The state of a task, by its execution. One that is paused for another reason than a question goes on without the
/// client's doing.
pub(super) fn state_of(row: &ExecutionRow) -> TaskState {
    match row.status {
        ExecutionStatus::Pending => TaskState::Submitted,
        ExecutionStatus::Paused if row.pause_reason == Some(PauseReason::Approval) => {
            TaskState::InputRequired
        }
        ExecutionStatus::Running | ExecutionStatus::Paused | ExecutionStatus::Cancelling => {
            TaskState::Working
        }
        ExecutionStatus::Completed => TaskState::Completed,
        ExecutionStatus::Failed => TaskState::Failed,
        ExecutionStatus::Cancelled => TaskState::Canceled,
    }
}

/// Since when it is in its state, as far as the execution tells.
fn since(row: &ExecutionRow) -> Timestamp {
    row.finished_at.or(row.started_at).unwrap_or(row.created_at)
}

fn artifact(output: &Json) -> Artifact {
    let part = match output.to_value() {
        Value::String(text) => Part::text(text),
        data => Part::data(data),
    };
    Artifact {
        artifact_id: OUTPUT.to_owned(),
        name: OUTPUT.to_owned(),
        parts: vec![part],
    }
}

fn explain(row: &ExecutionRow, failure: &Failure) -> Message {
    let parts = vec![Part::text(format!("{}: {}", failure.code, failure.message))];
    Message::of_agent(
        format!("{}-failure", row.id),
        &row.id.to_string(),
        &context_id(row),
        parts,
    )
}

/// What a person is asked: for each question its words, its form where it has one, and what is needed to answer it.
/// `None` where nothing is asked any more.
fn ask(row: &ExecutionRow, questions: &[ApprovalRow]) -> Option<Message> {
    let parts: Vec<Part> = questions.iter().flat_map(question_parts).collect();
    if parts.is_empty() {
        return None;
    }
    // Another id whenever something else is asked, or the same is asked of another person, so that clients can tell.
    let asked = questions
        .iter()
        .map(|question| json!([question.id, question.decisions.len()]));
    let message_id = hash_of(&Json::from(asked.collect::<Value>()));
    Some(Message::of_agent(
        message_id,
        &row.id.to_string(),
        &context_id(row),
        parts,
    ))
}

/// The words, for whoever reads no more than text what may be said, a schema of the data that answers, and what else
/// there is to know.
fn question_parts(question: &ApprovalRow) -> impl Iterator<Item = Part> {
    let particulars = json!({
        "approval_id": question.id,
        "kind": question.kind,
        "actions": question.actions,
        "shown": question.shown,
        "shown_hash": question.shown_hash,
    });
    let (choices, schema) = match question.kind {
        ApprovalKind::Approval => (
            Some(Part::text(format!(
                "Answer with one of: {}.",
                question.actions.join(", ")
            ))),
            Some(decision_schema(question)),
        ),
        ApprovalKind::AgentInput => (None, question.form.clone()),
    };
    [Part::text(question.message.as_str())]
        .into_iter()
        .chain(choices)
        .chain(schema.map(Part::data))
        .chain([Part::data(particulars)])
}

/// The JSON Schema of the data that decide an approval.
fn decision_schema(question: &ApprovalRow) -> Value {
    let mut properties = Map::from_iter([
        ("decision".to_owned(), json!({"enum": question.actions})),
        ("comment".to_owned(), json!({"type": "string"})),
    ]);
    properties.extend(question.form.clone().map(|form| ("data".to_owned(), form)));
    json!({"type": "object", "properties": properties, "required": ["decision"]})
}
