//! Cancelling a remote task, and finding out what became of it.

use std::time::Duration;

use agentchains_machine::RemoteCancel;
use tokio::time::{Instant, sleep_until};

use super::{
    client::A2aClient,
    error::RpcErrorKind,
    interface::Interface,
    task::{Task, TaskState},
};
use crate::error::CallError;

/// How long to wait before asking whether a task that is being cancelled has ended.
const PAUSE: Duration = Duration::from_millis(100);

/// Cancels a task and says what the agent says about it until `deadline`.
pub(super) async fn cancel(
    client: &A2aClient,
    interface: &Interface,
    task_id: &str,
    deadline: Instant,
) -> RemoteCancel {
    let mut answer = client.cancel_task(interface, task_id, deadline).await;
    if matches!(&answer, Err(CallError::Rpc(error)) if error.kind == RpcErrorKind::NotCancelable) {
        // It has probably ended by itself, or somebody else has cancelled it.
        return match client.get_task(interface, task_id, 0, deadline).await {
            Ok(Task {
                state: TaskState::Canceled,
                ..
            }) => RemoteCancel::Confirmed,
            _ => RemoteCancel::Refused,
        };
    }
    loop {
        match answer {
            Ok(Task {
                state: TaskState::Canceled,
                ..
            }) => return RemoteCancel::Confirmed,
            Ok(Task {
                state: TaskState::Live | TaskState::InputRequired | TaskState::AuthRequired,
                ..
            }) => {}
            Ok(_) => return RemoteCancel::Refused,
            Err(_) => return RemoteCancel::Unknown,
        }
        if Instant::now() + PAUSE >= deadline {
            return RemoteCancel::Unknown;
        }
        sleep_until(Instant::now() + PAUSE).await;
        answer = client.get_task(interface, task_id, 0, deadline).await;
    }
}
