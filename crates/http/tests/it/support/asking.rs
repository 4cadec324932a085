//! An agent that asks something in the middle of its task.

use std::sync::Arc;

use agentchains_engine::{
    LocalAgents,
    cost::ReportedCost,
    machine::{AgentQuestion, AgentReply, Call, ExecutionId, RemoteCancel, RemoteTask},
    ports::{AgentKey, AgentProfile, CallOutcome, CallProgress, NodeRunner},
};
use async_trait::async_trait;
use serde_json::json;

const TELLER: &str = "teller";

/// Agents in this process, and `teller` besides: it asks for a sum, and completes with what it was told.
pub(super) struct Asking(pub(super) LocalAgents);

#[async_trait]
impl NodeRunner for Asking {
    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        match agent.agent_id() {
            TELLER => Some(Arc::default()),
            _ => self.0.profile(agent),
        }
    }

    async fn call(
        &self,
        agent: &AgentKey,
        execution: ExecutionId,
        call: &Call,
        progress: &dyn CallProgress,
    ) -> CallOutcome {
        if call.agent_id != TELLER {
            return self.0.call(agent, execution, call, progress).await;
        }
        let Some(answer) = &call.answer else {
            progress.task_accepted(task()).await;
            return CallOutcome::InputRequired(question());
        };
        let told = json!({"comment": answer.comment, "data": answer.data});
        assert_eq!(call.remote_task, Some(task()), "it is told what it did not ask");
        CallOutcome::Reply(AgentReply {
            output: told.into(),
            cost: ReportedCost::Absent,
            usage: None,
        })
    }

    async fn cancel(&self, agent: &AgentKey, task: &RemoteTask) -> RemoteCancel {
        match agent.agent_id() {
            TELLER => RemoteCancel::Confirmed,
            _ => self.0.cancel(agent, task).await,
        }
    }
}

fn task() -> RemoteTask {
    RemoteTask {
        task_id: "payment".to_owned(),
        context_id: None,
    }
}

fn question() -> AgentQuestion {
    let form = json!({"type": "object", "properties": {"sum": {"type": "number"}}});
    AgentQuestion {
        id: Some("question".to_owned()),
        message: "Which sum?".to_owned(),
        shown: json!([{"text": "Which sum?"}, {"data": form}]).into(),
        form: Some(form),
        may_move_on: false,
    }
}
