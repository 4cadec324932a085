//! An engine on a store in memory, with a clock that stands still and agents that follow a script.
//!
//! Nothing here waits for real time: the tests run on one thread, and [`settle`] lets every task run until it waits
//! for something that only the test can do.

mod breakers;
mod reads;
mod store;
mod tree;
mod witness;

use std::{sync::Arc, time::Duration};

use agentchains_engine::{
    Caller, Caps, Engine, EngineError, StartRequest,
    breaker::{Settings, State},
    machine::{
        ApprovalRow, Decision, Event, EventType, ExecutionId, ExecutionRow, NodeState, Waiting, WorkflowId,
    },
    ports::{AgentKey, ApprovalFilter, Creation, PageRequest},
    workflow::Limits,
};
use agentchains_testkit::{Answer, ManualClock, ScriptedAgents};
use serde_json::{Value, json};
use tokio::runtime::Builder;

pub(crate) use store::FaultyStore;
pub(crate) use tree::{named, starts, starts_with};
use witness::Witness;

/// One process: an engine, and the world that outlives it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: FaultyStore,
    pub(crate) agents: ScriptedAgents,
    pub(crate) clock: ManualClock,
    limits: Limits,
    caps: Caps,
}

/// Runs what happens in one process, and then kills it.
pub(crate) fn process<T>(life: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(life)
}

/// Lets every task run until it can go no further.
pub(crate) async fn settle() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

/// Agent calls, each of the agent with the node's id, and edges such as `a>b`.
pub(crate) fn calls(nodes: &str, edges: &str) -> Value {
    let nodes: Vec<Value> = nodes
        .split_whitespace()
        .map(|id| json!({"id": id, "type": "agent_call", "agent_id": id}))
        .collect();
    let edges: Vec<Value> = edges
        .split_whitespace()
        .filter_map(|edge| edge.split_once('>'))
        .map(|(from, to)| json!({"from": from, "to": to}))
        .collect();
    json!({"name": "test", "nodes": nodes, "edges": edges})
}

/// One agent call with these fields.
pub(crate) fn call(fields: Value) -> Value {
    let mut workflow = calls("a", "");
    let (Some(node), Value::Object(fields)) = (workflow["nodes"][0].as_object_mut(), fields) else {
        panic!("fields are an object");
    };
    node.extend(fields);
    workflow
}

/// One question with this config, and an agent call `b` after it.
pub(crate) fn question(config: Value) -> Value {
    let mut workflow = calls("b", "");
    workflow["nodes"].as_array_mut().unwrap().push(json!({
        "id": "q", "type": "human_approval", "config": config,
    }));
    workflow["edges"] = json!([{"from": "q", "to": "b"}]);
    workflow
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    /// A first process. Must be called within a runtime.
    pub(crate) fn new() -> Self {
        Self::within(Limits::default())
    }

    /// A first process that holds everything to these limits.
    pub(crate) fn within(limits: Limits) -> Self {
        let agents = ScriptedAgents::new(["a", "b", "c"]);
        Self::on(
            FaultyStore::default(),
            agents,
            ManualClock::default(),
            limits,
            Caps::default(),
        )
    }

    /// A first process that holds every tenant to these caps.
    pub(crate) fn capped(caps: Caps) -> Self {
        let agents = ScriptedAgents::new(["a", "b", "c"]);
        let limits = Limits::default();
        Self::on(
            FaultyStore::default(),
            agents,
            ManualClock::default(),
            limits,
            caps,
        )
    }

    fn on(
        store: FaultyStore,
        agents: ScriptedAgents,
        clock: ManualClock,
        limits: Limits,
        caps: Caps,
    ) -> Self {
        let runner = Witness::new(agents.clone(), store.memory().clone());
        let engine = Engine::builder(Arc::new(store.clone()), Arc::new(runner))
            .clock(Arc::new(clock.clone()))
            .limits(limits)
            .caps(caps)
            .start();
        Self {
            engine,
            store,
            agents,
            clock,
            limits,
            caps,
        }
    }

    /// A later process in the same world.
    pub(crate) fn restarted(&self) -> Self {
        let Self {
            agents,
            clock,
            limits,
            caps,
            ..
        } = self.clone();
        Self::on(self.store.reopened(), agents, clock, limits, caps)
    }

    pub(crate) async fn workflow(&self, document: &Value) -> WorkflowId {
        let created = self
            .engine
            .create_workflow(&Caller::anonymous(), &document.to_string(), None)
            .await;
        match created {
            Ok(Creation::Created(view)) => view.record.id,
            other => panic!("{other:?}"),
        }
    }

    /// Lets an agent fail until its breaker, which has the default settings, opens.
    pub(crate) async fn trip(&self, agent_id: &str) {
        let failures = Settings::default().failure_threshold.get() as usize;
        self.agents.script(agent_id, vec![Answer::unwell(); failures]);
        let workflow = self.workflow(&calls(agent_id, "")).await;
        for _ in 0..failures {
            self.start_again(workflow).await;
            settle().await;
        }
        assert_eq!(
            self.engine.breaker(&AgentKey::shared(agent_id)).state,
            State::Open
        );
    }

    pub(crate) async fn start(&self, document: &Value) -> ExecutionId {
        let workflow = self.workflow(document).await;
        self.start_again(workflow).await
    }

    pub(crate) async fn start_again(&self, workflow: WorkflowId) -> ExecutionId {
        let started = self.try_start(workflow, StartRequest::default()).await;
        started.unwrap().id
    }

    pub(crate) async fn try_start(
        &self,
        workflow: WorkflowId,
        request: StartRequest,
    ) -> Result<ExecutionRow, EngineError> {
        self.engine.start(&Caller::anonymous(), workflow, request).await
    }

    /// Time passes, and everything that follows from it happens.
    pub(crate) async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
        settle().await;
    }

    pub(crate) async fn row(&self, id: ExecutionId) -> ExecutionRow {
        self.engine.execution(&Caller::anonymous(), id).await.unwrap()
    }

    /// The execution's status, with the code of its error: `failed(agent_timeout)`.
    pub(crate) async fn status(&self, id: ExecutionId) -> String {
        let row = self.row(id).await;
        match row.error {
            Some(error) => format!("{}({})", row.status, error.code),
            None => row.status.to_string(),
        }
    }

    /// The nodes that have a row: `a:completed b:running`.
    pub(crate) async fn nodes(&self, id: ExecutionId) -> String {
        let view = self
            .engine
            .execution_view(&Caller::anonymous(), id)
            .await
            .unwrap();
        let states: Vec<String> = view
            .nodes
            .iter()
            .map(|row| {
                let state = match &row.state {
                    NodeState::Failed(failed) => format!("failed({})", failed.failure.code),
                    NodeState::Waiting(Waiting::Retry { .. }) => "retrying".to_owned(),
                    NodeState::Cancelled {
                        remote_cancel: Some(said),
                    } => format!("cancelled({said})"),
                    state => state.status().to_string(),
                };
                format!("{}:{state}", row.node_id)
            })
            .collect();
        states.join(" ")
    }

    pub(crate) async fn events(&self, id: ExecutionId) -> Vec<Event> {
        let caller = Caller::anonymous();
        self.engine.events(&caller, id, 0, 1_000).await.unwrap()
    }

    pub(crate) async fn kinds(&self, id: ExecutionId) -> Vec<EventType> {
        self.events(id).await.iter().map(|event| event.kind).collect()
    }

    pub(crate) async fn asked(&self, id: ExecutionId) -> ApprovalRow {
        let filter = ApprovalFilter {
            execution_id: Some(id),
            ..ApprovalFilter::default()
        };
        let page = PageRequest {
            limit: 10,
            cursor: None,
        };
        let page = self.engine.approvals(&Caller::anonymous(), &filter, &page).await;
        page.unwrap().items.remove(0)
    }

    pub(crate) async fn decide(
        &self,
        question: &ApprovalRow,
        decision: &str,
        by: &str,
    ) -> Result<ApprovalRow, EngineError> {
        let decision = self::decision(question, decision, by);
        self.engine.decide(&Caller::anonymous(), decision).await
    }
}

pub(crate) fn decision(question: &ApprovalRow, decision: &str, by: &str) -> Decision {
    Decision {
        approval_id: question.id,
        decision: decision.to_owned(),
        by: by.to_owned(),
        roles: Vec::new(),
        comment: None,
        data: None,
        shown_hash: None,
        request_key: None,
    }
}
