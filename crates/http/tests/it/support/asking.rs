//! An agent that asks something in the middle of its task.

use std::sync::Arc;

use agentchains_engine::{
    LocalAgents,
    cost::ReportedCost,
    machine::{AgentQuestion, AgentReply, Call, ExecutionId, RemoteCancel, RemoteTask},
    ports::{AgentProfile, CallOutcome, CallProgress, NodeRunner},
};
use async_trait::async_trait;
use serde_json::json;

const TELLER: &str = "teller";

/// Agents in this process, and `teller` besides: it asks for a sum, and completes with what it was told.
pub(super) struct Asking(pub(super) LocalAgents);

#[async_trait]
impl NodeRunner for Asking {
    fn profile(&self, agent_id: &str) -> Option<Arc<AgentProfile>> {
        match agent_id {
            TELLER => Some(Arc::default()),
            other => self.0.profile(other),
        }
    }

    async fn call(&self, execution: ExecutionId, call: &Call, progress: &dyn CallProgress) -> CallOutcome {
        if call.agent_id != TELLER {
            return self.0.call(execution, call, progress).await;
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

    async fn cancel(&self, agent_id: &str, task: &RemoteTask) -> RemoteCancel {
        match agent_id {
            TELLER => RemoteCancel::Confirmed,
            other => self.0.cancel(other, task).await,
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
