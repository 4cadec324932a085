//! Explanations: why a node waits, and why it was skipped.

use agentchains_cost::Usd;
use agentchains_workflow::{NodeKind, Scheduling, When};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    ApprovalId, ExecutionId, Failure, Gate, Machine, NodePath, NodeState, NodeStatus, PauseReason, SkipCause,
    Waiting, Wanted,
    join::{EdgeState, Verdict},
    scope::NodeKey,
};

/// Nodes that an explanation names when it could name a whole layer.
const NAMED_NODES: usize = 10;

/// Why a node is where it is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Its id in the document.
    pub node_id: String,
    /// Where it stands.
    pub path: NodePath,
    /// Its status.
    pub status: NodeStatus,
    /// What it waits for, or why it was skipped.
    pub reason: Reason,
    /// The same in one sentence.
    pub message: String,
}

/// What a node waits for, or why it was skipped.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(rename = "ExplanationReason")]
pub enum Reason {
    /// Its join is not decided.
    Edges {
        /// The edges that have not become live.
        edges: Vec<UnmetEdge>,
    },
    /// Nodes of lower layers have not settled.
    Layer {
        /// The first of those nodes.
        waits_for: Vec<NodePath>,
    },
    /// As many attempts, or members of its group, are in flight as may be.
    Limit {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: u32,
    },
    /// A place among its agent's calls.
    Agent {
        /// The agent.
        agent_id: String,
    },
    /// Room in a budget, which calls in flight may give back.
    Budget {
        /// What it may cost in USD; absent where that is not known, so that it waits for whatever is left.
        wanted_usd: Option<Usd>,
    },
    /// The execution is paused.
    Paused {
        /// Why.
        pause_reason: PauseReason,
    },
    /// The execution, or what is around the node, is coming to its end.
    Ending,
    /// An attempt is in flight.
    Attempt {
        /// The agent.
        agent_id: String,
        /// The attempt.
        attempt: u32,
        /// When it is given up.
        #[serde(with = "crate::time::rfc3339_millis")]
        #[schemars(with = "Timestamp")]
        deadline: Timestamp,
    },
    /// Its members have not come to their end.
    Members,
    /// A child execution has not come to its end.
    Child {
        /// The child.
        execution_id: ExecutionId,
        /// Why that is paused.
        pause_reason: Option<PauseReason>,
    },
    /// The time of its next attempt.
    Retry {
        /// When that is.
        #[serde(with = "crate::time::rfc3339_millis")]
        #[schemars(with = "Timestamp")]
        due_at: Timestamp,
        /// Why the last one failed.
        error: Failure,
    },
    /// Its agent's breaker is open.
    Breaker {
        /// The agent.
        agent_id: String,
        /// When it may let a call through.
        #[serde(with = "crate::time::rfc3339_millis")]
        #[schemars(with = "Timestamp")]
        retry_at: Timestamp,
    },
    /// A person.
    Person {
        /// The question.
        approval_id: ApprovalId,
    },
    /// It will not run.
    Skipped {
        /// Why.
        cause: SkipCause,
        /// The node that it is due to.
        by: NodePath,
    },
}

/// An edge that keeps a node from running.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UnmetEdge {
    /// Where it begins.
    pub from: NodePath,
    /// The labels of which one must be chosen; empty where none is needed.
    pub when: Vec<String>,
    /// `pending` or `dead`.
    pub state: &'static str,
}

impl Machine {
    /// Why each node that has not settled waits, and each one that was skipped was skipped.
    #[must_use]
    pub fn explain(&self, now: Timestamp, gate: &dyn Gate) -> Vec<Explanation> {
        self.all_keys()
            .into_iter()
            .filter_map(|key| {
                let row = self.row(key);
                let reason = self.reason(now, key, gate)?;
                Some(Explanation {
                    node_id: row.node_id.clone(),
                    path: row.path.clone(),
                    status: row.state.status(),
                    message: reason.sentence(),
                    reason,
                })
            })
            .collect()
    }

    fn reason(&self, now: Timestamp, key: NodeKey, gate: &dyn Gate) -> Option<Reason> {
        Some(match self.row(key).state.clone() {
            NodeState::Pending => self.reason_of_pending(now, key, gate),
            NodeState::Running(attempt) => Reason::Attempt {
                agent_id: attempt.agent_id,
                attempt: attempt.number,
                deadline: attempt.deadline,
            },
            NodeState::Open { .. } => Reason::Members,
            NodeState::Child(child) => Reason::Child {
                execution_id: child.execution_id,
                pause_reason: child.pause_reason,
            },
            NodeState::Waiting(Waiting::Retry { due_at, error }) => Reason::Retry { due_at, error },
            NodeState::Waiting(Waiting::Breaker {
                agent_id, retry_at, ..
            }) => Reason::Breaker { agent_id, retry_at },
            NodeState::Waiting(Waiting::Approval { approval_id, .. } | Waiting::Held { approval_id, .. }) => {
                Reason::Person { approval_id }
            }
            NodeState::Skipped(reason) => Reason::Skipped {
                cause: reason.cause,
                by: reason.by,
            },
            NodeState::Completed(_) | NodeState::Failed(_) | NodeState::Cancelled { .. } => return None,
        })
    }

    fn reason_of_pending(&self, now: Timestamp, key: NodeKey, gate: &dyn Gate) -> Reason {
        if self.execution.ending.is_some() || self.is_stopping(key.scope) || self.is_closed(key.scope) {
            return Reason::Ending;
        }
        if self.verdict(key) == Verdict::Wait {
            return Reason::Edges {
                edges: self.unmet_edges(key),
            };
        }
        if let Some(pause_reason) = self.execution.pause_reason {
            return Reason::Paused { pause_reason };
        }
        self.lower_layers(key)
            .unwrap_or_else(|| self.reason_of_ready(now, key, gate))
    }

    fn unmet_edges(&self, key: NodeKey) -> Vec<UnmetEdge> {
        let incoming = self.graph(key.scope).incoming(key.node);
        let unmet = incoming.filter_map(|edge| {
            let state = match self.edge(key.scope, &edge) {
                EdgeState::Live => return None,
                EdgeState::Pending => "pending",
                EdgeState::Dead | EdgeState::CutOff => "dead",
            };
            let from = NodeKey {
                node: edge.from,
                ..key
            };
            Some(UnmetEdge {
                from: self.path(from).clone(),
                when: match edge.when {
                    When::Labels(labels) => labels.clone(),
                    When::Always | When::OnError => Vec::new(),
                },
                state,
            })
        });
        unmet.collect()
    }

    fn lower_layers(&self, key: NodeKey) -> Option<Reason> {
        if self.workflow.settings().scheduling != Scheduling::Layered {
            return None;
        }
        let graph = self.graph(key.scope);
        let open = self.scope(key.scope).waitlist.open_layer();
        if open >= graph.layer_of(key.node) {
            return None;
        }
        let waits_for: Vec<NodePath> = graph.layers()[open as usize]
            .iter()
            .map(|node| self.row(NodeKey { node: *node, ..key }))
            .filter(|row| !row.state.status().is_settled())
            .map(|row| row.path.clone())
            .take(NAMED_NODES)
            .collect();
        (!waits_for.is_empty()).then_some(Reason::Layer { waits_for })
    }

    /// Its join holds, and still it has not started.
    fn reason_of_ready(&self, now: Timestamp, key: NodeKey, gate: &dyn Gate) -> Reason {
        if let Some(value) = self.scope(key.scope).waitlist.limit_reached() {
            let name = "config.max_concurrency";
            return Reason::Limit { name, value };
        }
        match &self.node(key).kind {
            NodeKind::AgentCall(call) => {
                let value = self.workflow.settings().max_concurrency.get();
                if self.execution.in_flight >= value {
                    let name = "max_concurrency";
                    return Reason::Limit { name, value };
                }
                self.shortage_of(now, key, &call.agent_id, gate)
                    .unwrap_or_else(|| Reason::Agent {
                        agent_id: call.agent_id.clone(),
                    })
            }
            _ => Reason::Edges { edges: Vec::new() },
        }
    }

    fn shortage_of(&self, now: Timestamp, key: NodeKey, agent_id: &str, gate: &dyn Gate) -> Option<Reason> {
        let wanted = self.wanted(key, &*gate.terms(agent_id)?);
        gate.shortage(&self.budget(), wanted, now)?;
        let wanted_usd = match wanted {
            Wanted::Exactly(amount) => Some(amount),
            Wanted::Nothing | Wanted::Rest => None,
        };
        Some(Reason::Budget { wanted_usd })
    }
}

impl Reason {
    fn sentence(&self) -> String {
        let listed = |paths: Vec<&str>| paths.join(", ");
        match self {
            Self::Edges { edges } if edges.is_empty() => "it is about to start".into(),
            Self::Edges { edges } => {
                let open: Vec<&str> = edges.iter().map(|edge| edge.from.as_str()).collect();
                format!("its join is not decided: waiting for {}", listed(open))
            }
            Self::Layer { waits_for } => {
                let open: Vec<&str> = waits_for.iter().map(NodePath::as_str).collect();
                format!("layers below it have not settled: {}", listed(open))
            }
            Self::Limit { name, value } => format!("{name} lets {value} run at once"),
            Self::Agent { agent_id } => {
                format!("it waits for a place among the calls of agent {agent_id:?}")
            }
            Self::Budget {
                wanted_usd: Some(wanted),
            } => format!("a budget has no room for {wanted} USD before calls in flight have settled"),
            Self::Budget { wanted_usd: None } => {
                "a budget has nothing left before calls in flight have settled".into()
            }
            Self::Paused { pause_reason } => format!("the execution is paused ({pause_reason})"),
            Self::Ending => "nothing new starts any more".into(),
            Self::Attempt {
                agent_id, attempt, ..
            } => format!("attempt {attempt} at agent {agent_id:?} is in flight"),
            Self::Members => "its members have not come to their end".into(),
            Self::Child {
                execution_id,
                pause_reason: Some(reason),
            } => format!("child execution {execution_id} is paused ({reason})"),
            Self::Child { execution_id, .. } => format!("child execution {execution_id} is running"),
            Self::Retry { error, .. } => format!("another attempt is due; the last one failed: {error}"),
            Self::Breaker { agent_id, .. } => format!("the circuit breaker of agent {agent_id:?} is open"),
            Self::Person { approval_id } => format!("a person must answer approval {approval_id}"),
            Self::Skipped { cause, by } => format!("it was skipped ({cause}) because of {by}"),
        }
    }
}
