//! Bills on the real store, read over and over while an execution and those below it run: each is exact (I17).

use std::sync::Arc;

use agentchains_engine::{
    AgentAnswer, AgentFailed, AgentRequest, Bill, Caller, Charges, Engine, LocalAgents, StartRequest,
    cost::{Budget, Usd},
    machine::ExecutionId,
    ports::Creation,
};
use agentchains_store::{Store, StoreOptions};
use serde_json::{Value, json};
use tokio::sync::watch;

/// An agent that stays at work until bills were read which have its call in them, and fails at its first attempt of
/// every third call.
async fn work(mut read: watch::Receiver<u64>, request: AgentRequest) -> Result<AgentAnswer, AgentFailed> {
    // One read may have begun before the call was recorded.
    let enough = *read.borrow() + 2;
    read.wait_for(|reads| *reads >= enough).await.unwrap();
    let number = request.config["number"].as_i64().unwrap();
    if number % 3 == 0 && request.attempt == 1 {
        return Err(AgentFailed::retryable("at first"));
    }
    Ok(AgentAnswer::costing(
        json!(number),
        Usd::from_nanos(1 + number * 7_919 % 100),
    ))
}

fn calls(count: u32) -> impl Iterator<Item = Value> {
    (0..count).map(|number| {
        json!({
            "id": format!("n{number}"), "type": "agent_call", "agent_id": format!("worker{}", number % 2),
            "max_cost": "0.0000001", "config": {"number": number},
            "retry": {"max_attempts": 2, "initial_interval": "1ms", "jitter": "none"},
        })
    })
}

/// A workflow that makes calls and starts others, of which a detached one comes last.
fn workflow(name: &str, own: u32, starts: &[(&str, bool)]) -> Value {
    let children = starts.iter().enumerate().map(|(number, (child, wait))| {
        json!({
            "id": format!("s{number}"), "type": "subworkflow", "config": {"workflow_id": child, "wait": wait},
        })
    });
    let nodes: Vec<Value> = calls(own).chain(children).collect();
    json!({"name": name, "on_failure": "continue", "nodes": nodes})
}

async fn start(engine: &Engine, max_budget: Option<i64>) -> ExecutionId {
    let caller = Caller::anonymous();
    let mut top = None;
    for document in [
        workflow("leaf", 4, &[]),
        workflow("middle", 3, &[("leaf", true), ("leaf", true)]),
        workflow("top", 6, &[("middle", true), ("middle", true), ("leaf", false)]),
    ] {
        let created = engine.create_workflow(&caller, &document.to_string(), None).await;
        match created {
            Ok(Creation::Created(view)) => top = Some(view.record.id),
            other => panic!("{other:?}"),
        }
    }
    let request = StartRequest {
        max_budget: max_budget.map(Usd::from_nanos),
        ..StartRequest::default()
    };
    engine.start(&caller, top.unwrap(), request).await.unwrap().id
}

/// What a sum says of money and calls.
fn amounts<'c>(charges: impl Iterator<Item = &'c Charges>) -> (Usd, Usd, u64) {
    charges.fold((Usd::ZERO, Usd::ZERO, 0), |(cost, reserved, attempts), sum| {
        let cost = cost.checked_add(sum.cost).unwrap();
        let reserved = reserved.checked_add(sum.reserved).unwrap();
        (cost, reserved, attempts + sum.attempts)
    })
}

/// Every table has all of it, and so has the purse.
fn assert_exact(bill: &Bill) {
    let total = amounts([&bill.total].into_iter());
    let by_node = amounts(bill.by_node.iter().map(|line| &line.charges));
    let by_agent = amounts(bill.by_agent.iter().map(|(_, sum)| sum));
    let by_model = amounts(bill.by_model.iter().map(|(_, sum)| sum));
    assert_eq!([by_node, by_agent, by_model], [total; 3], "{bill:?}");
    let (below, _, _) = amounts(bill.children.iter().map(|child| &child.charges));
    let own: Usd = bill.attempts.iter().map(|row| row.cost).sum();
    let parts: Usd = [own, below, bill.deleted].iter().sum();
    assert_eq!(parts, bill.total.cost, "{bill:?}");
    if let Some(budget) = &bill.budget {
        let held = (budget.spent(), budget.reserved());
        assert_eq!(held, (bill.total.cost, bill.total.reserved), "{bill:?}");
    }
}

/// Reads the bills of an execution and of its children until nothing goes on below it. Returns the last one, and
/// whether any had something reserved below the execution.
async fn read_until_the_end(engine: &Engine, id: ExecutionId, reads: watch::Sender<u64>) -> (Bill, bool) {
    let caller = Caller::anonymous();
    let mut spent = Usd::ZERO;
    let mut reserved_below = false;
    loop {
        let ended = has_ended(engine, id).await;
        let bill = engine.bill(&caller, id).await.unwrap();
        assert_exact(&bill);
        assert!(bill.total.cost >= spent, "less than before is spent: {bill:?}");
        spent = bill.total.cost;
        for child in &bill.children {
            reserved_below |= !child.charges.reserved.is_zero();
            let of_child = engine.bill(&caller, child.execution_id).await.unwrap();
            assert_exact(&of_child);
            assert!(
                of_child.total.cost >= child.charges.cost,
                "{of_child:?} of {bill:?}"
            );
        }
        reads.send_modify(|reads| *reads += 1);
        if ended {
            return (bill, reserved_below);
        }
    }
}

/// Whether an execution and its children are terminal; those that they wait for are then too.
async fn has_ended(engine: &Engine, id: ExecutionId) -> bool {
    let caller = Caller::anonymous();
    let top = engine.execution(&caller, id).await.unwrap();
    let children = engine.children(&caller, id).await.unwrap();
    top.status.is_terminal() && children.iter().all(|child| child.status.is_terminal())
}

/// One execution on a database of its own.
async fn run(max_budget: Option<i64>) -> (Bill, bool) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let store = Store::open(StoreOptions::new(url)).await.unwrap();
    let (reads, read) = watch::channel(0);
    let agents = ["worker0", "worker1"]
        .into_iter()
        .fold(LocalAgents::new(), |agents, name| {
            let read = read.clone();
            agents.with(name, move |request| work(read.clone(), request))
        });
    let engine = Engine::builder(Arc::new(store.clone()), Arc::new(agents)).start();
    let id = start(&engine, max_budget).await;
    let outcome = read_until_the_end(&engine, id, reads).await;
    engine.shutdown(std::time::Duration::ZERO).await;
    store.close().await;
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_is_exact_at_every_moment_with_a_budget_and_without() {
    // The first two have room for all calls at once.
    for (max_budget, fits) in [
        (None, true),
        (Some(10_000), true),
        (Some(1_000), false),
        (Some(150), false),
    ] {
        let (last, reserved_below) = run(max_budget).await;
        assert!(
            reserved_below || !fits,
            "no child was seen at work with {max_budget:?}"
        );
        assert_eq!(last.total.reserved, Usd::ZERO, "{last:?}");
        assert_eq!(last.deleted, Usd::ZERO, "{last:?}");
        assert_eq!(
            last.budget.as_ref().and_then(Budget::limit),
            max_budget.map(Usd::from_nanos)
        );
        let limit = max_budget.map_or(Usd::MAX, Usd::from_nanos);
        assert!(last.total.cost <= limit, "{last:?}");
    }
}
