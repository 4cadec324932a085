//! Money under concurrency, on the real store: many calls, retries and child executions against one budget.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use agentchains_engine::{
    AgentAnswer, AgentFailed, AgentRequest, Caller, Engine, LocalAgents, StartRequest,
    cost::Usd,
    machine::{ExecutionRow, ExecutionStatus, FailureCode},
    ports::Creation,
};
use agentchains_store::{Store, StoreOptions};
use serde_json::{Value, json};

/// Nodes that want money in one round, those of child executions among them.
const NODES: u64 = 256;
/// Rounds, unless `BUDGET_RACE_ROUNDS` says otherwise.
const ROUNDS: u64 = 12;

/// Numbers that follow from a seed alone.
fn number(seed: u64, what: &str, of: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what, of).hash(&mut hasher);
    hasher.finish()
}

/// What the agents see of the money: the most that those at work may cost, and what the others did cost.
#[derive(Default)]
struct Witness {
    committed: Mutex<i64>,
    most: Mutex<i64>,
    asked: AtomicU64,
}

impl Witness {
    fn add(&self, nanos: i64) {
        let mut committed = self.committed.lock().unwrap();
        *committed += nanos;
        let mut most = self.most.lock().unwrap();
        *most = (*most).max(*committed);
    }
}

/// An agent that costs no more than the node says, and fails now and then.
async fn work(witness: Arc<Witness>, seed: u64, request: AgentRequest) -> Result<AgentAnswer, AgentFailed> {
    let worst = request.config["worst_nanos"].as_i64().unwrap();
    witness.add(worst);
    let turn = witness.asked.fetch_add(1, Ordering::Relaxed);
    for _ in 0..number(seed, "turns", turn) % 8 {
        tokio::task::yield_now().await;
    }
    if number(seed, "fails", turn).is_multiple_of(10) {
        witness.add(-worst);
        return Err(AgentFailed::retryable("now and then"));
    }
    let cost = i64::try_from(number(seed, "cost", turn) % (u64::try_from(worst).unwrap() + 1)).unwrap();
    witness.add(cost - worst);
    Ok(AgentAnswer::costing(json!(turn), Usd::from_nanos(cost)))
}

fn calls(seed: u64, what: &str, count: u64) -> Vec<Value> {
    let call = |node: u64| {
        let worst = 1 + number(seed, what, node) % 1_000_000_000;
        let max_cost = Usd::from_nanos(i64::try_from(worst).unwrap());
        json!({
            "id": format!("{what}{node}"), "type": "agent_call", "agent_id": "worker", "max_cost": max_cost.to_string(),
            "config": {"worst_nanos": worst},
            "retry": {"max_attempts": 3, "initial_interval": "10ms", "jitter": "none"},
        })
    };
    (0..count).map(call).collect()
}

async fn create(engine: &Engine, document: &Value) -> agentchains_engine::machine::WorkflowId {
    let caller = Caller::anonymous();
    match engine.create_workflow(&caller, &document.to_string(), None).await {
        Ok(Creation::Created(view)) => view.record.id,
        other => panic!("{other:?}"),
    }
}

/// One round: the end of the execution, its budget, and the most that the agents saw committed.
async fn round(seed: u64) -> (ExecutionRow, Usd, i64) {
    let witness = Arc::new(Witness::default());
    let seen = Arc::clone(&witness);
    let agents = LocalAgents::new().with("worker", move |request| work(Arc::clone(&seen), seed, request));
    let store = Store::open(StoreOptions::new("sqlite::memory:")).await.unwrap();
    let engine = Engine::builder(Arc::new(store), Arc::new(agents)).start();
    let below = 1 + number(seed, "children", 0) % 4;
    let in_each = 8 + number(seed, "in each", 0) % 24;
    create(
        &engine,
        &json!({"name": "child", "nodes": calls(seed, "c", in_each)}),
    )
    .await;
    let mut nodes = calls(seed, "n", NODES - below * in_each);
    nodes.extend((0..below).map(
        |child| json!({"id": format!("s{child}"), "type": "subworkflow", "config": {"workflow_id": "child"}}),
    ));
    // From a fraction of what all could cost to more than that.
    let budget = Usd::from_nanos(i64::try_from(number(seed, "budget", 0) % 160_000_000_000).unwrap());
    let document =
        json!({"name": "parent", "max_budget": budget.to_string(), "on_failure": "continue", "nodes": nodes});
    let workflow = create(&engine, &document).await;
    let caller = Caller::anonymous();
    let id = engine
        .start(&caller, workflow, StartRequest::default())
        .await
        .unwrap()
        .id;
    let mut events = engine.follow(&caller, id, 0).await.unwrap();
    while events.next().await.unwrap().is_some() {}
    let row = engine.execution(&caller, id).await.unwrap();
    let purse = engine.purse(&caller, id).await.unwrap().unwrap();
    assert_eq!(
        (purse.reserved(), row.reserved),
        (Usd::ZERO, Usd::ZERO),
        "seed {seed}"
    );
    assert_eq!(purse.spent(), row.spent, "seed {seed}");
    let most = *witness.most.lock().unwrap();
    (row, budget, most)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_overshot_and_nothing_is_refused_that_fits() {
    let rounds = std::env::var("BUDGET_RACE_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    let (mut exhausted, mut completed) = (0, 0);
    for seed in 0..rounds.unwrap_or(ROUNDS) {
        let (row, budget, most) = round(seed).await;
        assert!(row.spent <= budget, "seed {seed}: {} of {budget} USD", row.spent);
        assert!(
            most <= budget.nanos(),
            "seed {seed}: agents at work could have cost {most} of {budget} USD"
        );
        let error = row.error.as_ref().map(|error| error.code);
        if error == Some(FailureCode::BudgetExceeded) {
            exhausted += 1;
            // No call may cost more than a dollar.
            let left = budget.saturating_sub(row.spent);
            assert!(
                left < Usd::from_nanos(1_000_000_000),
                "seed {seed}: {left} USD were left"
            );
        } else {
            completed += u32::from(row.status == ExecutionStatus::Completed);
        }
    }
    assert!(exhausted > 0, "no round came to the end of its budget");
    assert!(completed > 0, "every round came to the end of its budget");
}
