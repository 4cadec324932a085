//! The outside witness: every call that reaches an agent was recorded before (I12).

use std::sync::Arc;

use agentchains_engine::{
    machine::{AttemptStatus, Call, ExecutionId, MessageId, RemoteCancel, RemoteTask},
    ports::{AgentKey, AgentProfile, CallOutcome, CallProgress, ExecutionQuery, NodeRunner},
};
use agentchains_testkit::{MemoryStore, ScriptedAgents};
use async_trait::async_trait;

/// The scripted agents, behind a look into the store. A call without an intent fails its node as `internal`.
pub(super) struct Witness {
    agents: ScriptedAgents,
    store: MemoryStore,
}

impl Witness {
    pub(super) fn new(agents: ScriptedAgents, store: MemoryStore) -> Self {
        Self { agents, store }
    }
}

#[async_trait]
impl NodeRunner for Witness {
    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        self.agents.profile(agent)
    }

    async fn call(
        &self,
        agent: &AgentKey,
        execution: ExecutionId,
        call: &Call,
        progress: &dyn CallProgress,
    ) -> CallOutcome {
        let attempts = self.store.attempts(execution).await.unwrap();
        let intent = attempts
            .iter()
            .find(|line| line.path == call.path && line.number == call.attempt);
        assert!(
            intent.is_some_and(
                |line| line.status == AttemptStatus::Running && line.message_id == call.message_id
            ),
            "attempt {} of {} was sent without being recorded",
            call.attempt,
            call.path
        );
        self.agents.call(agent, execution, call, progress).await
    }

    async fn cancel(&self, agent: &AgentKey, task: &RemoteTask) -> RemoteCancel {
        self.agents.cancel(agent, task).await
    }

    async fn withdraw(&self, agent: &AgentKey, message_id: MessageId) -> Option<RemoteCancel> {
        self.agents.withdraw(agent, message_id).await
    }

    async fn has_moved_on(&self, agent: &AgentKey, task: &RemoteTask, question_id: Option<&str>) -> bool {
        self.agents.has_moved_on(agent, task, question_id).await
    }
}
