//! The list of a workflow's executions, as tasks.
//!
//! The engine lists executions by when they were made, and knows no order by when their state has changed; so the newest
//! tasks come first. The total is exact, but for what only each task by itself shows: where the state working or
//! input-required is wanted, or a least time, it is what was listed so far, and one more where there are more.

use agentchains_engine::{
    machine::ExecutionStatus,
    ports::{ExecutionFilter, PageRequest},
};

use super::{WorkflowAgent, start::CONTEXT_ID};
use crate::{
    agent::TaskPage,
    error::A2aError,
    model::{Task, TaskState},
    request::ListRequest,
};

/// How often the engine is asked for one part of a list, where few of the executions are wanted. A part may be smaller
/// than was asked for.
const MAX_READS: usize = 5;

/// Where a part of a list ended.
#[derive(Debug, Default)]
struct Token {
    /// Tasks in the parts before.
    listed: u64,
    cursor: Option<String>,
}

impl Token {
    /// # Errors
    /// When no list gave it out.
    fn read(token: Option<&str>) -> Result<Self, A2aError> {
        let Some(token) = token else {
            return Ok(Self::default());
        };
        let read = token.split_once('.').and_then(|(listed, cursor)| {
            Some(Self {
                listed: listed.parse().ok()?,
                cursor: Some(cursor.to_owned()),
            })
        });
        read.ok_or_else(|| A2aError::field("pageToken", "is not one that this list gave out"))
    }
}

impl WorkflowAgent {
    pub(super) async fn list(&self, wanted: &ListRequest) -> Result<TaskPage, A2aError> {
        let Some(statuses) = statuses(wanted.state) else {
            return Ok(TaskPage::default());
        };
        let token = Token::read(wanted.page_token.as_deref())?;
        let context = wanted
            .context_id
            .iter()
            .map(|id| (CONTEXT_ID.to_owned(), id.clone()));
        let filter = ExecutionFilter {
            workflow_id: Some(self.view.record.id),
            statuses,
            labels: context.collect(),
            ..ExecutionFilter::default()
        };
        let (tasks, cursor) = self.page(wanted, &filter, token.cursor).await?;
        let listed = token.listed.saturating_add(tasks.len() as u64);
        let total_size = match &cursor {
            None => listed,
            Some(_) if is_counted(wanted) => self.engine.count_executions(&self.caller, &filter).await?,
            Some(_) => listed.saturating_add(1),
        };
        Ok(TaskPage {
            tasks,
            total_size,
            next_page_token: cursor
                .map(|cursor| format!("{listed}.{cursor}"))
                .unwrap_or_default(),
        })
    }

    /// The tasks that are wanted, and where the next ones begin.
    async fn page(
        &self,
        wanted: &ListRequest,
        filter: &ExecutionFilter,
        mut cursor: Option<String>,
    ) -> Result<(Vec<Task>, Option<String>), A2aError> {
        let mut tasks = Vec::new();
        for _ in 0..MAX_READS {
            let listed = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
            let page = PageRequest {
                limit: wanted.page_size.saturating_sub(listed),
                cursor,
            };
            let page = self.engine.executions(&self.caller, filter, &page).await?;
            for row in &page.items {
                let mut task = self.task_of(row).await?;
                if !wanted.include_artifacts {
                    task.artifacts.clear();
                }
                tasks.extend(Some(task).filter(|task| wanted.wants(&task.status)));
            }
            cursor = page.next_cursor;
            if cursor.is_none() || tasks.len() as u64 >= u64::from(wanted.page_size) {
                break;
            }
        }
        Ok((tasks, cursor))
    }
}

/// Whether an execution is wanted by what the store knows of it, so that it can be counted there.
fn is_counted(wanted: &ListRequest) -> bool {
    let is_of_one_status = !matches!(wanted.state, Some(TaskState::Working | TaskState::InputRequired));
    is_of_one_status && wanted.status_since.is_none()
}

/// The statuses among which executions of a state are; `None` where none is ever in it, and empty for any.
fn statuses(state: Option<TaskState>) -> Option<Vec<ExecutionStatus>> {
    Some(match state {
        None => Vec::new(),
        Some(TaskState::Submitted) => vec![ExecutionStatus::Pending],
        Some(TaskState::Working) => vec![
            ExecutionStatus::Running,
            ExecutionStatus::Paused,
            ExecutionStatus::Cancelling,
        ],
        Some(TaskState::InputRequired) => vec![ExecutionStatus::Paused],
        Some(TaskState::Completed) => vec![ExecutionStatus::Completed],
        Some(TaskState::Failed) => vec![ExecutionStatus::Failed],
        Some(TaskState::Canceled) => vec![ExecutionStatus::Cancelled],
        Some(TaskState::AuthRequired | TaskState::Rejected) => return None,
    })
}
