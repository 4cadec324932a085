//! One that calls an agent as the engine does, for the benchmarks of calls.

use std::{sync::Arc, time::Duration};

use agentchains_agents::{AgentRunner, Outbound, Registry};
use agentchains_machine::{Call, ExecutionId, MessageId, NodePath, NodeRequest, RemoteTask};
use agentchains_ports::{AgentDefinition, AgentKey, CallOutcome, CallProgress, NodeRunner};
use agentchains_testkit::{ManualClock, MemoryStore};
use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::constant(1_790_000_000, 0);

/// Calls one agent, on one thread.
pub(crate) struct Caller {
    runtime: Runtime,
    runner: AgentRunner,
    call: Call,
}

impl Caller {
    /// Registers the agent at `url`.
    pub(crate) fn new(url: &str) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let runner = runtime.block_on(runner(url));
        let path = NodePath::top_level("node");
        let call = Call {
            message_id: MessageId::of_attempt(execution(), &path, 1),
            path,
            agent_id: "a".to_owned(),
            attempt: 1,
            deadline: NOW.checked_add(Duration::from_secs(60)).expect("a deadline"),
            request: Arc::new(NodeRequest {
                config: json!({"depth": 2}).into(),
                items: None,
                upstream: vec!["before".to_owned()],
            }),
            input: json!({"topic": "quantum computing"}).into(),
            upstream: json!({"before": {"text": "It is so."}}).into(),
            item: None,
            loop_context: None,
            remote_task: None,
            output_schema: None,
            is_lookup: false,
            answer: None,
            admitted: true,
        };
        Self {
            runtime,
            runner,
            call,
        }
    }

    /// Makes calls at the same time and waits for their outcomes.
    pub(crate) fn call(&self, count: u32) {
        self.runtime
            .block_on(join_all((0..count).map(|_| self.attempt())));
    }

    async fn attempt(&self) {
        let outcome = self
            .runner
            .call(
                &AgentKey::of("default", &self.call.agent_id),
                execution(),
                &self.call,
                &Unwatched,
            )
            .await;
        assert!(matches!(outcome, CallOutcome::Reply(_)), "{outcome:?}");
    }
}

fn execution() -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128(7))
}

async fn runner(url: &str) -> AgentRunner {
    let policy = "loopback".parse().expect("a policy");
    let outbound = Outbound::new(policy, Arc::new(ManualClock::new(NOW))).expect("a way out");
    let registry = Registry::load(Arc::<MemoryStore>::default(), outbound)
        .await
        .expect("no agents");
    let definition: AgentDefinition =
        serde_json::from_value(json!({"agent_id": "a", "url": url})).expect("a definition");
    registry
        .upsert("default", definition, NOW)
        .await
        .expect("an agent");
    AgentRunner::new(registry)
}

/// Nobody looks.
struct Unwatched;

#[async_trait]
impl CallProgress for Unwatched {
    async fn task_accepted(&self, _: RemoteTask) {}
}
