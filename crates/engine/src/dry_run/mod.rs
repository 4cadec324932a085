//! Dry runs: a workflow is walked with its own machine, in memory and in simulated time. Nobody is called, nothing is
//! written and nothing is spent; what agents and people would say is supposed.

mod answers;
mod error;
mod gate;
mod past;
mod people;
mod report;
mod request;
mod timeline;
mod walk;

use std::{collections::HashMap, sync::Arc};

use agentchains_cost::Percentiles;
use agentchains_machine::{ExecutionId, Machine, WorkflowId};
use agentchains_workflow::Compiled;

pub use self::{
    error::DryRunError,
    report::{DryRunNode, DryRunReport},
    request::{DryRun, SupposedDecision},
};
use self::{
    request::{Place, Supposed},
    walk::{Ground, Run, Usual, Walk},
};
use crate::{
    Caller, Engine, EngineError, StartRequest,
    estimate::{known_costs, past_by_node},
    library::{Key, Library},
};

impl Engine {
    /// Says what would become of an execution, had it been started with this request.
    ///
    /// ```
    /// # use std::{collections::BTreeMap, sync::Arc};
    /// # use agentchains_engine::{Caller, DryRun, Engine, LocalAgents, StartRequest, ports::Creation};
    /// # use agentchains_store::{Store, StoreOptions};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let agents = LocalAgents::new().with("critic", async |_| Ok(json!("never called").into()));
    /// # let store = Store::open(StoreOptions::new("sqlite::memory:")).await?;
    /// # let engine = Engine::builder(Arc::new(store), Arc::new(agents)).start();
    /// # let caller = Caller::anonymous();
    /// let document = r#"{"name": "judge", "nodes": [
    ///     {"id": "critic", "type": "agent_call", "agent_id": "critic"},
    ///     {"id": "good", "type": "condition", "depends_on": ["critic"],
    ///      "config": {"expression": "$.nodes.critic.output.score > 0.5", "then": []}}]}"#;
    /// # let Creation::Created(workflow) = engine.create_workflow(&caller, document, None).await? else {
    /// #     return Err("without an idempotency key nothing is replayed".into());
    /// # };
    /// let suppose = DryRun {
    ///     outputs: BTreeMap::from([("critic".to_owned(), json!({"score": 0.8}))]),
    ///     ..DryRun::default()
    /// };
    /// let report = engine
    ///     .dry_run(&caller, workflow.record.id, StartRequest::default(), suppose)
    ///     .await?;
    /// assert_eq!(report.branches["good"].as_deref(), Some("true"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`EngineError`] when it would not have been started, and [`EngineError::DryRun`] when too little is supposed to
    /// walk to the end.
    pub async fn dry_run(
        &self,
        caller: &Caller,
        workflow_id: WorkflowId,
        request: StartRequest,
        suppose: DryRun,
    ) -> Result<DryRunReport, EngineError> {
        let (workflow, new) = self.prepare(caller, workflow_id, request).await?;
        let key = (workflow_id, new.workflow_version);
        let tenant = &caller.tenant;
        let library = self.library(tenant, key, Arc::clone(&workflow)).await?;
        let DryRun {
            outputs,
            decisions,
            from_execution,
        } = suppose;
        let supposed = Supposed::new(&library, key, outputs, decisions)?;
        let source = self.source(caller, key, from_execution).await?;
        let past = match source {
            Some(source) => self.past_tree(source).await?,
            None => past::PastTree::default(),
        };
        let ground = Ground {
            agents: self.shared.agents_of(tenant),
            unstartable: self
                .unstartable(tenant, &library, key, new.max_budget.is_some())
                .await?,
            usual: self.usual(tenant, &supposed).await?,
            library,
            supposed,
            past,
        };
        let now = self.now();
        let machine = Machine::create(workflow, new, now);
        let past = source.and_then(|source| ground.past.get(source));
        let top = Run::new(machine, key, Place::default(), None, past);
        let walked = self
            .shared
            .tasks
            .spawn_blocking(move || Walk::new(ground, top, now).run());
        let report = walked.await.map_err(|_| EngineError::ShuttingDown)??;
        Ok(DryRunReport {
            from_execution: source,
            ..report
        })
    }

    /// The execution whose agents' answers are taken.
    async fn source(
        &self,
        caller: &Caller,
        key: Key,
        given: Option<ExecutionId>,
    ) -> Result<Option<ExecutionId>, EngineError> {
        let Some(given) = given else {
            let history = self.history(&caller.tenant, key).await?;
            return Ok(history.executions.first().map(|newest| newest.id));
        };
        let row = self.execution(caller, given).await?;
        if row.workflow_id != key.0 {
            return Err(DryRunError::OtherWorkflow.into());
        }
        Ok(Some(given))
    }

    /// Why executions of the workflows that are started on the way cannot start, whatever their input is.
    async fn unstartable(
        &self,
        tenant: &str,
        library: &Library,
        root: Key,
        budget_above: bool,
    ) -> Result<HashMap<Key, String>, EngineError> {
        let mut found = HashMap::new();
        for key in library.keys().filter(|key| *key != root) {
            let workflow = library.get(key).map(|volume| &*volume.workflow);
            let Some(workflow): Option<&Compiled> = workflow else {
                continue;
            };
            let has_budget = budget_above || workflow.settings().max_budget.is_some();
            match self.check_surroundings(tenant, workflow, has_budget).await {
                Ok(()) => {}
                Err(EngineError::Store(error)) => return Err(error.into()),
                Err(refused) => _ = found.insert(key, refused.to_string()),
            }
        }
        Ok(found)
    }

    /// What nodes cost and took in the middle of the past, in workflows of which outputs are supposed.
    async fn usual(
        &self,
        tenant: &str,
        supposed: &Supposed,
    ) -> Result<HashMap<Key, HashMap<String, Usual>>, EngineError> {
        let mut usual = HashMap::new();
        for key in &supposed.touched {
            let history = self.history(tenant, *key).await?;
            let by_node = past_by_node(&history).into_iter().map(|(node_id, runs)| {
                let durations = Percentiles::of(runs.iter().map(|run| run.duration));
                let middle = Usual {
                    cost: Percentiles::of(known_costs(&runs)).map(|costs| costs.p50),
                    duration: durations.map(|durations| durations.p50).unwrap_or_default(),
                };
                (node_id.to_owned(), middle)
            });
            usual.insert(*key, by_node.collect());
        }
        Ok(usual)
    }
}
