//! Estimates: what an execution may cost and take before anything of it runs (language reference, section 9).
//!
//! The worst case follows from caps, prices, timeouts and limits, what is expected from the past of the version.

mod answer;
mod body;
mod choices;
mod items;
mod node;
mod span;
mod worst_case;

use std::{collections::HashMap, time::Duration};

use agentchains_cost::{Bound, Usd};
use agentchains_machine::WorkflowId;
use agentchains_ports::{History, HistoryRequest, PastRun, Seconds};
use agentchains_workflow::{Compiled, Graph, Json, NodeIndex, Scheduling};

pub use self::answer::{CostEstimate, DurationEstimate, Estimate, EstimateRequest, NodeEstimate, Remark};
use self::{
    answer::spread,
    span::{Pace, Span, longest_way},
    worst_case::{Analysis, Surroundings, WorstCase},
};
use crate::{
    Caller, Engine, EngineError,
    library::{Key, Library},
    start::check_input,
};

/// Past executions that expectations are drawn from.
const MAX_EXECUTIONS: u32 = 100;
/// Runs of their nodes that are looked at.
const MAX_NODE_RUNS: u32 = 10_000;

impl Engine {
    /// Says what an execution of a workflow may cost and take.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use agentchains_engine::{Caller, Engine, EstimateRequest, LocalAgents, ports::Creation};
    /// # use agentchains_store::{Store, StoreOptions};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
    /// # let engine = Engine::builder(Arc::new(store), Arc::new(LocalAgents::new())).start();
    /// # let caller = Caller::anonymous();
    /// let document = r#"{"name": "draft", "nodes": [{"id": "draft", "type": "agent_call", "agent_id": "writer",
    ///     "max_cost": 0.25, "timeout": "30s", "retry": {"max_attempts": 2, "initial_interval": "1s"}}]}"#;
    /// # let Creation::Created(workflow) = engine.create_workflow(&caller, document, None).await? else {
    /// #     return Err("without an idempotency key nothing is replayed".into());
    /// # };
    /// let estimate = engine
    ///     .estimate(&caller, workflow.record.id, EstimateRequest::default())
    ///     .await?;
    /// assert_eq!(estimate.cost.worst_case_usd, Some("0.5".parse()?));
    /// assert_eq!(serde_json::to_value(estimate.duration.worst_case_seconds)?, 61);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`EngineError`] when there is no such workflow, when the input is none that it takes, when it starts itself in
    /// the end, or when the store could not be read.
    pub async fn estimate(
        &self,
        caller: &Caller,
        workflow_id: WorkflowId,
        request: EstimateRequest,
    ) -> Result<Estimate, EngineError> {
        let record = self.workflow_record(caller, workflow_id).await?;
        let key = (workflow_id, request.version.unwrap_or(record.version));
        let workflow = self.compiled(key.0, key.1).await?;
        let input = request.input.map(Json::from);
        if let Some(input) = &input {
            check_input(&workflow, input)?;
        }
        let history = self.history(&caller.tenant, key).await?;
        let library = self.library(&caller.tenant, key, workflow).await?;
        let (whole, nodes) = self.worst_case_of(&caller.tenant, &library, key, input.as_ref())?;
        let Some(volume) = library.get(key) else {
            return Err(EngineError::not_found("workflow", workflow_id));
        };
        let max_budget = request.max_budget.or(volume.workflow.settings().max_budget);
        Ok(assembled(
            &volume.workflow,
            key,
            max_budget,
            whole,
            nodes,
            &history,
        ))
    }

    /// The past of a version, as far as it is looked at.
    pub(crate) async fn history(&self, tenant: &str, key: Key) -> Result<History, EngineError> {
        let wanted = HistoryRequest {
            workflow_id: key.0,
            version: key.1,
            max_executions: MAX_EXECUTIONS,
            max_node_runs: MAX_NODE_RUNS,
        };
        Ok(self.shared.query.history(tenant, &wanted).await?)
    }

    /// The worst case of a workflow and of its nodes. Of the workflows that it starts the input is not known.
    fn worst_case_of(
        &self,
        tenant: &str,
        library: &Library,
        root: Key,
        input: Option<&Json>,
    ) -> Result<(WorstCase, Vec<NodeEstimate>), EngineError> {
        let agents = self.shared.agents_of(tenant);
        let terms = |agent_id: &str| Some(agents.profile(agent_id)?.terms.clone());
        let mut done: HashMap<Key, WorstCase> = HashMap::new();
        let mut last = (WorstCase::nothing(), Vec::new());
        for key in library.bottom_up(root)? {
            let Some(volume) = library.get(key) else { continue };
            let child = |node_id: &str| {
                let found = done.get(&volume.target(node_id)?.key());
                found.ok_or_else(|| format!("nothing is known of what node {node_id:?} starts"))
            };
            let analysis = Analysis {
                workflow: &volume.workflow,
                input: input.filter(|_| key == root),
                around: Surroundings {
                    terms: &terms,
                    child: &child,
                },
            };
            let (mut whole, nodes) = analysis.run();
            if let Some(budget) = volume.workflow.settings().max_budget.filter(|_| key != root) {
                whole.spend_at_most(budget);
            }
            last = (whole.clone(), nodes);
            done.insert(key, whole);
        }
        Ok(last)
    }
}

impl WorstCase {
    /// Holds it to a budget, which may bound what no amount could say.
    fn spend_at_most(&mut self, budget: Usd) {
        self.cost = self.cost.within(budget);
        if self.cost.amount().is_some() {
            self.cost_unbounded.clear();
        }
    }
}

/// Puts the worst case and the past together.
fn assembled(
    workflow: &Compiled,
    (workflow_id, version): Key,
    max_budget: Option<Usd>,
    whole: WorstCase,
    mut nodes: Vec<NodeEstimate>,
    history: &History,
) -> Estimate {
    let past = past_by_node(history);
    for node in &mut nodes {
        if let Some(runs) = past.get(node.node_id.as_str()) {
            node.expect(runs);
        }
    }
    let runs: Vec<PastRun> = history.executions.iter().map(|past| past.run).collect();
    let held = max_budget.map_or(whole.cost, |budget| whole.cost.within(budget));
    let costs = spread(known_costs(&runs));
    let durations = spread(runs.iter().map(|run| Seconds(run.duration)));
    let graph = workflow.graph();
    Estimate {
        workflow_id,
        version,
        max_budget,
        fits_budget: max_budget
            .filter(|_| whole.cost != Bound::Unbounded)
            .map(|budget| whole.cost <= Bound::AtMost(budget)),
        cost: CostEstimate {
            worst_case_usd: held.amount(),
            unbudgeted_usd: whole.cost.amount(),
            unbounded: whole.cost_unbounded,
            expected_p50_usd: costs.0,
            expected_p90_usd: costs.1,
            samples: costs.2,
        },
        duration: DurationEstimate {
            worst_case_seconds: whole.span.bound().map(Seconds),
            unbounded: whole.time_unbounded,
            critical_path: ids(graph, &whole.critical_path),
            expected_p50_seconds: durations.0,
            expected_p90_seconds: durations.1,
            expected_critical_path: expected_path(workflow, &past),
            samples: durations.2,
        },
        nodes,
        warnings: whole.warnings,
    }
}

impl NodeEstimate {
    fn expect(&mut self, runs: &[PastRun]) {
        (self.expected_p50_usd, self.expected_p90_usd, _) = spread(known_costs(runs));
        let durations = runs.iter().map(|run| Seconds(run.duration));
        (self.expected_p50_seconds, self.expected_p90_seconds, self.samples) = spread(durations);
    }
}

/// The runs of each node, by its id.
pub(crate) fn past_by_node(history: &History) -> HashMap<&str, Vec<PastRun>> {
    let mut by_node: HashMap<&str, Vec<PastRun>> = HashMap::new();
    for past in &history.nodes {
        by_node.entry(&past.node_id).or_default().push(past.run);
    }
    by_node
}

/// The costs of these runs, without those of which only a part is known.
pub(crate) fn known_costs(runs: &[PastRun]) -> impl Iterator<Item = Usd> {
    runs.iter().filter(|run| run.cost_known).map(|run| run.cost)
}

/// The way through the graph that took the longest, by the median of each node; a node that never ran took no time.
fn expected_path(workflow: &Compiled, past: &HashMap<&str, Vec<PastRun>>) -> Vec<String> {
    if past.is_empty() {
        return Vec::new();
    }
    let graph = workflow.graph();
    let median = |index: NodeIndex| {
        let runs = past.get(graph.node(index).id.as_str())?;
        spread(runs.iter().map(|run| run.duration)).0
    };
    let spans: Vec<Span> = graph
        .indices()
        .map(|index| Span::at_most(median(index).unwrap_or(Duration::ZERO)))
        .collect();
    let pace = Pace {
        layered: workflow.settings().scheduling == Scheduling::Layered,
        places: None,
    };
    ids(graph, &longest_way(graph, &spans, pace).0)
}

fn ids(graph: &Graph, nodes: &[NodeIndex]) -> Vec<String> {
    nodes.iter().map(|node| graph.node(*node).id.clone()).collect()
}
