//! Agents in the same process: closures and `tower` services, for programs that embed the engine.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    sync::Arc,
};

use agentchains_cost::{ReportedCost, Usage, Usd};
use agentchains_machine::{
    AgentReply, AttemptFailure, Call, ExecutionId, FailureCode, MessageId, RemoteCancel, RemoteTask,
};
use agentchains_ports::{AgentKey, AgentProfile, CallOutcome, CallProgress, NodeRunner};
use agentchains_workflow::Json;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tower_service::Service;

/// What an in-process agent is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRequest {
    /// The execution that asks.
    pub execution_id: ExecutionId,
    /// The same for every time that this attempt is made: what a careful agent deduplicates by.
    pub message_id: MessageId,
    /// Counts from 1.
    pub attempt: u32,
    /// The node's config, rendered.
    pub config: Value,
    /// The execution's input.
    pub input: Value,
    /// The outputs of the live predecessors, by node id.
    pub upstream: Map<String, Value>,
    /// The item, inside a body that runs over items.
    pub item: Option<Value>,
    /// `{"index", "last"?}`, inside of a body.
    pub loop_context: Option<Value>,
}

/// What an in-process agent answers. A JSON value becomes an answer that costs nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentAnswer {
    output: Value,
    cost: Usd,
    usage: Option<Usage>,
}

impl AgentAnswer {
    /// An answer that cost this much.
    #[must_use]
    pub fn costing(output: Value, cost: Usd) -> Self {
        Self {
            output,
            cost,
            usage: None,
        }
    }

    /// Adds what was used.
    #[must_use]
    pub fn using(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }
}

impl From<Value> for AgentAnswer {
    fn from(output: Value) -> Self {
        Self::costing(output, Usd::ZERO)
    }
}

/// Why an in-process agent failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFailed {
    message: String,
    retryable: bool,
}

impl AgentFailed {
    /// A failure that another attempt may mend.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: true,
        }
    }

    /// A failure that will not go away.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: false,
        }
    }
}

type Handler =
    Arc<dyn Fn(AgentRequest) -> BoxFuture<'static, Result<AgentAnswer, AgentFailed>> + Send + Sync>;

/// In-process agents by id.
#[derive(Clone, Default)]
pub struct LocalAgents {
    agents: HashMap<String, (Arc<AgentProfile>, Handler)>,
}

impl LocalAgents {
    /// No agents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an agent that is a function.
    ///
    /// # Examples
    /// ```
    /// use agentchains_engine::{AgentRequest, LocalAgents};
    /// use serde_json::json;
    ///
    /// let agents = LocalAgents::new().with("shout", async |request: AgentRequest| {
    ///     Ok(json!({"text": request.input["text"].to_string().to_uppercase()}).into())
    /// });
    /// ```
    #[must_use]
    pub fn with<F, Fut>(self, agent_id: &str, handler: F) -> Self
    where
        F: Fn(AgentRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<AgentAnswer, AgentFailed>> + Send + 'static,
    {
        self.with_profile(agent_id, AgentProfile::default(), handler)
    }

    /// Adds an agent with its own limits and prices.
    #[must_use]
    pub fn with_profile<F, Fut>(mut self, agent_id: &str, profile: AgentProfile, handler: F) -> Self
    where
        F: Fn(AgentRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<AgentAnswer, AgentFailed>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        self.agents
            .insert(agent_id.to_owned(), (Arc::new(profile), handler));
        self
    }

    /// Adds an agent that is a `tower` service, so that middleware can be put around it.
    ///
    /// Each call goes to a clone of its own, which is waited for until it is ready. What has to be shared by all calls,
    /// such as a limit, has to be shared by clones, as `tower`'s own middleware does it. An error of the service, be it
    /// that it never becomes ready, fails the attempt; whether another one may help is up to its conversion.
    ///
    /// # Examples
    /// ```
    /// use agentchains_engine::{AgentAnswer, AgentFailed, AgentRequest, LocalAgents, ports::AgentProfile};
    /// use tower::{BoxError, ServiceBuilder, service_fn};
    ///
    /// let echo = service_fn(async |request: AgentRequest| Ok::<AgentAnswer, BoxError>(request.input.into()));
    /// let gentle = ServiceBuilder::new()
    ///     .map_err(|error: BoxError| AgentFailed::retryable(error.to_string()))
    ///     .concurrency_limit(2)
    ///     .service(echo);
    /// let agents = LocalAgents::new().with_service("echo", AgentProfile::default(), gentle);
    /// ```
    #[must_use]
    pub fn with_service<S>(self, agent_id: &str, profile: AgentProfile, service: S) -> Self
    where
        S: Service<AgentRequest, Response = AgentAnswer> + Clone + Send + Sync + 'static,
        S::Error: Into<AgentFailed>,
        S::Future: Send,
    {
        self.with_profile(agent_id, profile, move |request| {
            let mut service = service.clone();
            async move {
                poll_fn(|context| service.poll_ready(context))
                    .await
                    .map_err(Into::into)?;
                service.call(request).await.map_err(Into::into)
            }
        })
    }
}

#[async_trait]
impl NodeRunner for LocalAgents {
    fn profile(&self, agent: &AgentKey) -> Option<Arc<AgentProfile>> {
        self.agents
            .get(agent.agent_id())
            .map(|(profile, _)| Arc::clone(profile))
    }

    async fn call(
        &self,
        agent: &AgentKey,
        execution: ExecutionId,
        call: &Call,
        _progress: &dyn CallProgress,
    ) -> CallOutcome {
        let Some((_, handler)) = self.agents.get(agent.agent_id()) else {
            let message = format!("there is no agent {:?} in this process", call.agent_id);
            return failed(FailureCode::AgentDisabled, message, false);
        };
        let request = AgentRequest {
            execution_id: execution,
            message_id: call.message_id,
            attempt: call.attempt,
            config: call.request.config.to_value(),
            input: call.input.to_value(),
            upstream: call.upstream.read().unwrap_or_default(),
            item: call.item.as_ref().map(Json::to_value),
            loop_context: call.loop_context.as_ref().map(Json::to_value),
        };
        match handler(request).await {
            Ok(answer) => CallOutcome::Reply(AgentReply {
                output: answer.output.into(),
                cost: ReportedCost::Usd(answer.cost),
                usage: answer.usage,
            }),
            Err(error) => {
                let message = format!("agent {:?} failed: {}", call.agent_id, error.message);
                failed(FailureCode::AgentFailed, message, error.retryable)
            }
        }
    }

    async fn cancel(&self, _agent: &AgentKey, _task: &RemoteTask) -> RemoteCancel {
        RemoteCancel::Unknown
    }
}

fn failed(code: FailureCode, message: String, retryable: bool) -> CallOutcome {
    CallOutcome::Failed {
        failure: AttemptFailure {
            code,
            message,
            retryable,
            retry_after: None,
            reached_agent: true,
            cost: ReportedCost::Absent,
            usage: None,
        },
        agent_unhealthy: false,
    }
}
