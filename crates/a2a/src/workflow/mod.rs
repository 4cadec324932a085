//! A published workflow as an agent: its executions are the tasks, and the engine keeps them.

mod answer;
mod input;
mod list;
mod start;
mod task;
mod updates;

use std::sync::Arc;

use agentchains_engine::{
    Caller, Engine, EngineError, WorkflowView,
    machine::{ExecutionId, ExecutionRow, ExecutionStatus, Rejected, WorkflowId},
    ports::{PageRequest, WorkflowFilter, WorkflowRecord},
};
use async_trait::async_trait;
use serde_json::Value;

use self::input::TextInput;
use crate::{
    agent::{Agent, Followed, Profile, Sent, TaskPage},
    error::{A2aError, Reason},
    model::{Message, Task},
    request::ListRequest,
};

/// A workflow, as one caller uses it. Clones share it.
#[derive(Clone)]
pub(crate) struct WorkflowAgent {
    engine: Engine,
    caller: Caller,
    view: Arc<WorkflowView>,
}

impl WorkflowAgent {
    /// The workflow of that id, where it is offered to this caller.
    ///
    /// # Errors
    /// [`A2aError`] when there is none that is, or the store could not be read.
    pub(crate) async fn find(
        engine: &Engine,
        caller: Caller,
        id: &str,
        publish_all: bool,
    ) -> Result<Self, A2aError> {
        let id = id.parse().map_err(|_| A2aError::agent_not_found())?;
        let view = match engine.workflow(&caller, id, None).await {
            Ok(view) if is_published(&view.record, publish_all) => view,
            Ok(_) | Err(EngineError::NotFound { .. }) => return Err(A2aError::agent_not_found()),
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            engine: engine.clone(),
            caller,
            view: Arc::new(view),
        })
    }

    /// The id of the only workflow that is offered to this caller.
    ///
    /// # Errors
    /// [`A2aError`] when there are none or several, or the store could not be read.
    pub(crate) async fn only(
        engine: &Engine,
        caller: &Caller,
        publish_all: bool,
    ) -> Result<WorkflowId, A2aError> {
        let offered = WorkflowFilter {
            archived: Some(false),
            published: (!publish_all).then_some(true),
            ..WorkflowFilter::default()
        };
        let first_two = PageRequest {
            limit: 2,
            cursor: None,
        };
        let found = engine.workflows(caller, &offered, &first_two).await?;
        match found.items.as_slice() {
            [only] => Ok(only.id),
            _ => Err(A2aError::agent_not_found()),
        }
    }

    /// The execution that is the task of that id.
    async fn execution(&self, id: &str) -> Result<ExecutionRow, A2aError> {
        let id: ExecutionId = id.parse().map_err(|_| A2aError::task_not_found())?;
        let row = self.engine.execution(&self.caller, id).await?;
        if row.workflow_id == self.view.record.id {
            Ok(row)
        } else {
            Err(A2aError::task_not_found())
        }
    }

    fn text_input(&self) -> Option<TextInput> {
        TextInput::of(self.input_schema())
    }

    fn input_schema(&self) -> Option<&Value> {
        let schema = self.view.workflow.settings().input_schema.as_ref();
        schema.map(|schema| schema.source())
    }
}

/// An archived workflow takes no new tasks, and so is no agent.
const fn is_published(record: &WorkflowRecord, publish_all: bool) -> bool {
    !record.archived && (record.published || publish_all)
}

#[async_trait]
impl Agent for WorkflowAgent {
    fn profile(&self) -> Profile {
        let record = &self.view.record;
        let description = record.description.as_deref().filter(|text| !text.is_empty());
        Profile {
            name: record.name.clone(),
            description: description
                .map_or_else(|| format!("Runs the workflow {}", record.name), str::to_owned),
            version: record.version.to_string(),
            skill_id: record.id.to_string(),
            input_modes: match self.text_input() {
                Some(_) => vec!["application/json", "text/plain"],
                None => vec!["application/json"],
            },
            input_schema: self.input_schema().cloned(),
            modified: record.updated_at,
            has_old_card: true,
        }
    }

    async fn send(&self, message: Message) -> Result<Sent, A2aError> {
        let row = match message.task_id.clone() {
            Some(id) => self.answer(&id, &message).await?,
            None => self.start(message).await?,
        };
        self.followed(row).await.map(Sent::Task)
    }

    async fn task(&self, id: &str) -> Result<Task, A2aError> {
        let row = self.execution(id).await?;
        self.billed_task(&row).await
    }

    async fn tasks(&self, wanted: &ListRequest) -> Result<TaskPage, A2aError> {
        self.list(wanted).await
    }

    async fn cancel(&self, id: &str) -> Result<(), A2aError> {
        let row = self.execution(id).await?;
        if row.status == ExecutionStatus::Cancelling {
            return Ok(());
        }
        match self.engine.cancel(&self.caller, row.id).await {
            Ok(_) => Ok(()),
            Err(EngineError::Rejected(Rejected::Conflict { status, .. })) if status.is_terminal() => {
                Err(A2aError::new(Reason::TaskNotCancelable, "the task has ended"))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn follow(&self, id: &str) -> Result<Followed, A2aError> {
        let row = self.execution(id).await?;
        self.followed(row).await
    }
}
