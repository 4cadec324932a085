//! Forks: new executions that are made from terminal ones and take over what has not changed (language reference,
//! section 8).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use agentchains_cost::Usd;
use agentchains_machine::{ExecutionId, ExecutionRow, Machine, NewExecution, NodePath, Seed};
use agentchains_ports::Idempotency;
use agentchains_workflow::{Compiled, Json};
use serde_json::Value;

use crate::{Caller, Engine, EngineError};

/// What a fork changes. Absent fields are those of the execution that it is made from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForkRequest {
    /// The node from which on everything runs again, whatever it did before; its id, or its path.
    pub from: Option<String>,
    /// The version of the workflow.
    pub version: Option<u32>,
    /// Its input.
    pub input: Option<Value>,
    /// Outputs that nodes are to have instead of running, by id or path.
    pub outputs: BTreeMap<String, Value>,
    /// The limit of its spending.
    pub max_budget: Option<Usd>,
    /// Makes the same request start one execution, however often it is sent.
    pub idempotency: Option<Idempotency>,
}

impl Engine {
    /// Starts an execution that is made from a terminal one: nodes whose config and input are the same keep their
    /// results at no cost.
    ///
    /// # Errors
    /// [`EngineError`] when none was started; [`EngineError::NotTerminal`] when the one it is to be made from goes on.
    pub async fn fork(
        &self,
        caller: &Caller,
        id: ExecutionId,
        mut request: ForkRequest,
    ) -> Result<ExecutionRow, EngineError> {
        let from = request.from.take();
        let outputs = std::mem::take(&mut request.outputs);
        self.make_again(caller, id, request, |machine, workflow| {
            seeds(machine, workflow, from.as_deref(), outputs)
        })
        .await
    }

    /// Starts an execution that is made from a terminal one, with what that one leaves behind for it.
    async fn make_again(
        &self,
        caller: &Caller,
        id: ExecutionId,
        request: ForkRequest,
        left_behind: impl FnOnce(&Machine, &Compiled) -> Result<Vec<Seed>, EngineError>,
    ) -> Result<ExecutionRow, EngineError> {
        let machine = self.restored(caller, id).await?;
        let source = machine.execution().clone();
        if !source.status.is_terminal() {
            return Err(EngineError::NotTerminal {
                status: source.status,
            });
        }
        let version = request.version.unwrap_or(source.workflow_version);
        let (workflow, version) = self.startable(caller, source.workflow_id, Some(version)).await?;
        let input = request.input.map_or(source.input, Json::from);
        let max_budget = request.max_budget.or(source.max_budget);
        self.check_start(&caller.tenant, &workflow, &input, max_budget.is_some())
            .await?;
        let seeds = left_behind(&machine, &workflow)?;
        let new = NewExecution {
            id: self.new_execution_id(),
            tenant: source.tenant,
            workflow_id: source.workflow_id,
            workflow_version: version,
            input,
            max_budget,
            on_budget: source.on_budget,
            timeout: workflow.settings().timeout,
            labels: source.labels,
            initiated_by: caller.name.clone(),
            parent: None,
            ends_by: None,
            forked_from: Some(id),
            seeds,
        };
        self.launch(workflow, new, request.idempotency).await
    }

    /// The same again: the version and the input stay, what was completed is kept, and the rest runs.
    ///
    /// # Errors
    /// As for [`Engine::fork`].
    pub async fn retry(
        &self,
        caller: &Caller,
        id: ExecutionId,
        idempotency: Option<Idempotency>,
    ) -> Result<ExecutionRow, EngineError> {
        let request = ForkRequest {
            idempotency,
            ..ForkRequest::default()
        };
        self.make_again(caller, id, request, |machine, _| Ok(machine.seeds_to_retry()))
            .await
    }
}

/// What was left behind by the nodes that are not to run again, with the outputs that a person gives in the place of
/// what nodes had.
fn seeds(
    source: &Machine,
    workflow: &Compiled,
    from: Option<&str>,
    outputs: BTreeMap<String, Value>,
) -> Result<Vec<Seed>, EngineError> {
    let known: BTreeSet<&str> = workflow.nodes().map(|node| node.id.as_str()).collect();
    let mut places = places(source);
    let mut again = Vec::new();
    if let Some(from) = from {
        check_is_known(&known, from, || "/from".to_owned())?;
        again = places.get(from).cloned().unwrap_or_default();
    }
    let mut seeds: BTreeMap<NodePath, Seed> = source
        .seeds(&again)
        .into_iter()
        .map(|seed| (seed.path.clone(), seed))
        .collect();
    for (name, output) in outputs {
        let pointer = || format!("/outputs/{}", escaped(&name));
        check_is_known(&known, &name, pointer)?;
        let mut given = places.remove(name.as_str()).unwrap_or_default();
        if workflow.graph().find(&name).is_some() {
            given.push(NodePath::top_level(&name));
        }
        if given.is_empty() {
            let message =
                format!("node {name:?} is inside of another one, which did not run: give that one's output");
            return Err(EngineError::NoSuchNode {
                pointer: pointer(),
                message,
            });
        }
        let output = Json::from(output);
        seeds.extend(
            given
                .into_iter()
                .map(|path| (path.clone(), given_output(path, &output))),
        );
    }
    Ok(seeds.into_values().collect())
}

/// A node that a request names must be in the version that will run.
fn check_is_known(
    known: &BTreeSet<&str>,
    name: &str,
    pointer: impl Fn() -> String,
) -> Result<(), EngineError> {
    let id = name.rsplit_once('/').map_or(name, |(_, id)| id);
    if known.contains(id) {
        return Ok(());
    }
    Err(EngineError::NoSuchNode {
        pointer: pointer(),
        message: format!("there is no node {name:?} in the version of the workflow that is to run"),
    })
}

/// Where the nodes of an execution stand, by their ids and by their paths: an id more than once in loops and groups.
fn places(source: &Machine) -> HashMap<&str, Vec<NodePath>> {
    let mut places: HashMap<&str, Vec<NodePath>> = HashMap::new();
    for row in source.nodes() {
        places.entry(&row.node_id).or_default().push(row.path.clone());
        if row.path.as_str() != row.node_id {
            places
                .entry(row.path.as_str())
                .or_default()
                .push(row.path.clone());
        }
    }
    places
}

/// Without a digest, so that it counts whatever the node is asked.
fn given_output(path: NodePath, output: &Json) -> Seed {
    Seed {
        path,
        digest: None,
        output: output.clone(),
        branch: None,
        child: None,
    }
}

/// A name as a part of a JSON pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
