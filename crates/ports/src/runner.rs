//! Calling agents.

use std::{num::NonZeroU32, sync::Arc};

use agentchains_breaker::{Outcome, Settings as BreakerSettings, Verdict};
use agentchains_machine::{
    AgentQuestion, AgentReply, AgentTerms, AttemptFailure, Call, ExecutionId, MessageId, RemoteCancel,
    RemoteTask,
};
use async_trait::async_trait;

use crate::{AgentKey, RateLimit};

/// What the engine needs to know of an agent before it calls it.
#[derive(Debug, Clone, Default)]
pub struct AgentProfile {
    /// What holds for its calls.
    pub terms: Arc<AgentTerms>,
    /// Its circuit breaker's settings.
    pub breaker: BreakerSettings,
    /// Calls that it may have in flight, over all executions; absent is no limit.
    pub max_concurrency: Option<NonZeroU32>,
    /// How often it may be called, over all executions; absent is no limit.
    pub rate_limit: Option<RateLimit>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutcome {
    /// The agent answered with a result.
    Reply(AgentReply),
    /// The call failed.
    Failed {
        /// Why.
        failure: AttemptFailure,
        /// Whether the circuit breaker counts it: transport errors, timeouts, 5xx and 429, and nothing else.
        agent_unhealthy: bool,
    },
    /// The agent no longer knows the task that the call was to go on with.
    TaskLost,
    /// The agent asks something before it goes on. The task is named to [`CallProgress`] before.
    InputRequired(AgentQuestion),
}

impl CallOutcome {
    /// What the outcome says about the agent's health, by the rule of [`Outcome`].
    ///
    /// An agent that answered is well, whatever it answered, be it that its own work has failed: a half-open breaker
    /// whose probe counted as nothing would wait for ever. A call that did not reach it says nothing about it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Failed {
                agent_unhealthy: true,
                ..
            } => Verdict::Failure,
            Self::Failed { failure, .. } if failure.reached_agent => Outcome::AgentFailed.verdict(),
            Self::Failed { .. } => Outcome::InvalidInput.verdict(),
            Self::Reply(_) | Self::TaskLost | Self::InputRequired(_) => Verdict::Success,
        }
    }
}

/// Told what becomes known while a call is under way.
#[async_trait]
pub trait CallProgress: Send + Sync {
    /// The message is about to be sent: from here on the agent may have it, and may go on with it when the call is
    /// dropped.
    fn sending(&self) {}

    /// The agent has taken the message and named its task. Returns when that is durable.
    async fn task_accepted(&self, task: RemoteTask);

    /// The agent has named its task together with what became of it: it is recorded with the outcome.
    fn task_told(&self, _task: RemoteTask) {}

    /// The agent has said something while it works. For those who watch only: nothing depends on it, and some of it is
    /// dropped when there is too much.
    fn said(&self, _text: &str) {}
}

/// Calls agents: over the network, or in the same process.
///
/// A call is cancelled by dropping its future; the engine then asks [`NodeRunner::cancel`] to end the remote task, or
/// [`NodeRunner::withdraw`] where none is known. The engine also enforces [`Call::deadline`].
#[async_trait]
pub trait NodeRunner: Send + Sync + 'static {
    /// Which agent a tenant's workflow means by an id. Must not block.
    fn key(&self, _tenant: &str, agent_id: &str) -> AgentKey {
        AgentKey::shared(agent_id)
    }

    /// What is known of an agent; `None` when it is not registered. Must not block.
    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>>;

    /// Sends one attempt and waits for its outcome, or goes on with the task that [`Call::remote_task`] names. A
    /// [lookup](Call::is_lookup) sends no message: it goes on with the task that the agent has made of the message, and
    /// is [lost](CallOutcome::TaskLost) when there is none to be found.
    async fn call(
        &self,
        agent: &AgentKey,
        execution: ExecutionId,
        call: &Call,
        progress: &dyn CallProgress,
    ) -> CallOutcome;

    /// Cancels a remote task.
    async fn cancel(&self, agent: &AgentKey, task: &RemoteTask) -> RemoteCancel;

    /// Ends the work on a message that the agent has, or may have, without having named a task: looks for the task that
    /// it may have made of it, and cancels that. `None` where nothing goes on once the call's future is dropped.
    async fn withdraw(&self, _agent: &AgentKey, _message_id: MessageId) -> Option<RemoteCancel> {
        None
    }

    /// Whether a task that waited for somebody does so no more, so that it is worth to go on with it. `question_id` is
    /// that of the [question](AgentQuestion::id) that it waited with.
    async fn has_moved_on(&self, _agent: &AgentKey, _task: &RemoteTask, _question_id: Option<&str>) -> bool {
        false
    }
}
