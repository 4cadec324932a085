//! What the runner needs of an agent, whatever protocol it speaks.

use std::{fmt::Debug, sync::Arc};

use agentchains_machine::{AgentReply, Call, MessageId, RemoteCancel, RemoteTask};
use agentchains_ports::{AgentDefinition, CallOutcome, CallProgress, Protocol};
use async_trait::async_trait;

use crate::{
    a2a::A2aAgent,
    failure::Classified,
    http_json::HttpAgent,
    mcp::McpAgent,
    net::{Channel, Endpoint},
    openai::OpenAiAgent,
    trace::TraceContext,
};

/// An agent behind its protocol, with the way to it.
#[async_trait]
pub(crate) trait Agent: Debug + Send + Sync {
    /// Carries one attempt to its end. All requests for it say that they belong to `trace`.
    async fn call(&self, call: &Call, trace: &TraceContext, progress: &dyn CallProgress) -> CallOutcome;

    /// Cancels a task of the agent. One whose protocol has no tasks never named any.
    async fn cancel(&self, _task: &RemoteTask) -> RemoteCancel {
        RemoteCancel::Unknown
    }

    /// Ends the work on a message that was given up before a task was known. An agent that cannot be asked for its tasks
    /// may have the message or not, and may go on with it.
    async fn withdraw(&self, _message_id: MessageId) -> RemoteCancel {
        RemoteCancel::Unknown
    }

    /// Whether a task that waited for somebody does so no more. `asked` is the id of the question that it waited with.
    async fn has_moved_on(&self, _task: &RemoteTask, _asked: Option<&str>) -> bool {
        false
    }

    /// Whether the agent can be asked for the task that it has made of a message.
    fn finds_tasks(&self) -> bool {
        false
    }
}

/// An agent whose calls are an exchange each: it names no tasks, so that there are none to find or to cancel.
#[async_trait]
pub(crate) trait Exchange: Debug + Send + Sync {
    /// Carries one attempt to its end.
    async fn exchange(
        &self,
        call: &Call,
        trace: &TraceContext,
        progress: &dyn CallProgress,
    ) -> Result<AgentReply, Box<Classified>>;
}

#[async_trait]
impl<E: Exchange> Agent for E {
    async fn call(&self, call: &Call, trace: &TraceContext, progress: &dyn CallProgress) -> CallOutcome {
        if call.is_lookup {
            return CallOutcome::TaskLost;
        }
        match self.exchange(call, trace, progress).await {
            Ok(reply) => CallOutcome::Reply(reply),
            Err(failure) => failure.outcome(call),
        }
    }
}

/// The agent of a definition, whose address is `endpoint`. Nothing is sent yet.
pub(crate) fn connect(definition: &AgentDefinition, channel: Channel, endpoint: Endpoint) -> Arc<dyn Agent> {
    match definition.protocol {
        Protocol::A2a => Arc::new(A2aAgent::new(channel, endpoint)),
        Protocol::Http => {
            let settings = definition.http.clone().unwrap_or_default();
            Arc::new(HttpAgent::new(channel, endpoint, &settings))
        }
        Protocol::OpenAi => {
            let settings = definition.openai.clone().unwrap_or_default();
            Arc::new(OpenAiAgent::new(channel, endpoint, settings))
        }
        Protocol::Mcp => {
            let settings = definition.mcp.clone().unwrap_or_default();
            Arc::new(McpAgent::new(channel, endpoint, settings))
        }
    }
}
