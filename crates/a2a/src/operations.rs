//! The operations of the protocol (section 3.1 of A2A), whatever the version and the binding.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    agent::{Agent, Followed, Sent, TaskPage},
    error::{A2aError, Reason},
    model::{Message, Task, TaskState},
    request::{Operation, SendRequest},
};

/// How long a message is waited on, as the server may not notice that a client is gone. One that wants to know more
/// follows the task, or asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long a task that is being cancelled is waited for.
const CANCEL_WAIT: Duration = Duration::from_secs(2);

/// What an operation gives.
pub(crate) enum Answer {
    /// The task that a message belongs to.
    SentTask(Task),
    /// The answer to a message that made no task.
    SentMessage(Message),
    Task(Task),
    Tasks {
        page: TaskPage,
        page_size: u32,
    },
    /// A task, and what becomes of it until it needs somebody or is terminal.
    Stream(Followed),
}

/// Carries out an operation. Waiting for a task ends early when the server is to stop.
///
/// # Errors
/// Why it was not carried out.
pub(crate) async fn perform(
    agent: &dyn Agent,
    operation: Operation,
    stop: &CancellationToken,
) -> Result<Answer, A2aError> {
    match operation {
        Operation::Send(request) => send(agent, request, stop).await,
        Operation::Stream(request) => match accepted(agent, &request).await? {
            Sent::Task(followed) => Ok(Answer::Stream(until_rest(followed, request.history_length))),
            Sent::Message(message) => Ok(Answer::SentMessage(message)),
        },
        Operation::Get(request) => {
            let task = agent.task(&request.id).await?;
            Ok(Answer::Task(shortened(task, request.history_length)))
        }
        Operation::List(request) => {
            let mut page = agent.tasks(&request).await?;
            let tasks = page.tasks.into_iter();
            page.tasks = tasks
                .map(|task| shortened(task, request.history_length))
                .collect();
            Ok(Answer::Tasks {
                page,
                page_size: request.page_size,
            })
        }
        Operation::Cancel(id) => cancel(agent, &id, stop).await.map(Answer::Task),
        Operation::Subscribe(id) => {
            let followed = agent.follow(&id).await?;
            if followed.task.status.state.is_terminal() {
                let message = "the task has ended, so that there is nothing to subscribe to; get it";
                return Err(A2aError::unsupported(message));
            }
            Ok(Answer::Stream(with_last_at_rest(followed)))
        }
        Operation::PushNotifications => Err(no_push_notifications()),
        Operation::ExtendedCard => Err(A2aError::unsupported(
            "there is no extended card; the public one says everything",
        )),
    }
}

async fn send(agent: &dyn Agent, request: SendRequest, stop: &CancellationToken) -> Result<Answer, A2aError> {
    let followed = match accepted(agent, &request).await? {
        Sent::Task(followed) => followed,
        Sent::Message(message) => return Ok(Answer::SentMessage(message)),
    };
    let task = if request.waits {
        settled(agent, followed, TaskState::is_at_rest, LONGEST_WAIT, stop).await?
    } else {
        followed.task
    };
    Ok(Answer::SentTask(shortened(task, request.history_length)))
}

async fn accepted(agent: &dyn Agent, request: &SendRequest) -> Result<Sent, A2aError> {
    if request.wants_push {
        return Err(no_push_notifications());
    }
    agent.send(request.message.clone()).await
}

fn no_push_notifications() -> A2aError {
    A2aError::new(
        Reason::PushNotificationNotSupported,
        "push notifications are not supported; stream, subscribe or ask again",
    )
}

async fn cancel(agent: &dyn Agent, id: &str, stop: &CancellationToken) -> Result<Task, A2aError> {
    let followed = agent.follow(id).await?;
    if followed.task.status.state.is_terminal() {
        return Err(A2aError::new(Reason::TaskNotCancelable, "the task has ended"));
    }
    agent.cancel(id).await?;
    settled(agent, followed, TaskState::is_terminal, CANCEL_WAIT, stop).await
}

/// The task, once it is in a state that is waited for, or as it is when that has taken too long.
async fn settled(
    agent: &dyn Agent,
    followed: Followed,
    is_awaited: fn(TaskState) -> bool,
    within: Duration,
    stop: &CancellationToken,
) -> Result<Task, A2aError> {
    let Followed { task, mut updates } = followed;
    if is_awaited(task.status.state) {
        return Ok(task);
    }
    let reached = async {
        while let Some(update) = updates.next().await {
            if update?.state().is_some_and(is_awaited) {
                break;
            }
        }
        Ok::<_, A2aError>(())
    };
    tokio::select! {
        reached = timeout(within, reached) => reached.unwrap_or(Ok(()))?,
        () = stop.cancelled() => {}
    }
    agent.task(&task.id).await
}

/// A stream that ends with the first moment at which the task is at rest, which may be its first.
fn until_rest(followed: Followed, history_length: Option<usize>) -> Followed {
    let Followed { task, updates } = if followed.task.status.state.is_at_rest() {
        Followed {
            updates: stream::empty().boxed(),
            ..followed
        }
    } else {
        with_last_at_rest(followed)
    };
    Followed {
        task: shortened(task, history_length),
        updates,
    }
}

/// A stream that ends with the next update by which the task comes to rest: a client may subscribe to one that asks for
/// something, to see what others answer.
fn with_last_at_rest(followed: Followed) -> Followed {
    let updates = stream::unfold(Some(followed.updates), |updates| async {
        let mut updates = updates?;
        let update = updates.next().await?;
        let ends = match &update {
            Ok(update) => update.state().is_some_and(TaskState::is_at_rest),
            Err(_) => true,
        };
        Some((update, (!ends).then_some(updates)))
    });
    Followed {
        updates: updates.boxed(),
        ..followed
    }
}

/// The task with no more than its last messages (section 3.2.4).
fn shortened(mut task: Task, history_length: Option<usize>) -> Task {
    if let Some(length) = history_length {
        let excess = task.history.len().saturating_sub(length);
        task.history.drain(..excess);
    }
    task
}
