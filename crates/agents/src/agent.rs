//! What the runner needs of an agent, whatever protocol it speaks.

use std::fmt::Debug;

use agentchains_machine::{Call, RemoteCancel, RemoteTask};
use agentchains_ports::{CallOutcome, CallProgress};
use async_trait::async_trait;

/// An agent behind its protocol, with the way to it.
#[async_trait]
pub(crate) trait Agent: Debug + Send + Sync {
    /// Carries one attempt to its end.
    async fn call(&self, call: &Call, progress: &dyn CallProgress) -> CallOutcome;

    /// Cancels a task of the agent. One whose protocol has no tasks never named any.
    async fn cancel(&self, _task: &RemoteTask) -> RemoteCancel {
        RemoteCancel::Unknown
    }
}
