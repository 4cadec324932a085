//! Forks and retries: what is kept, what runs again, and what is refused.

use std::collections::BTreeMap;

use agentchains_engine::{
    Caller, EngineError, ForkRequest, StartRequest,
    cost::Usd,
    machine::{ExecutionId, ExecutionRow, ExecutionStatus},
    ports::Idempotency,
};
use agentchains_testkit::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::{World, calls, named, settle, starts};

async fn fork(world: &World, id: ExecutionId, request: ForkRequest) -> Result<ExecutionRow, EngineError> {
    let forked = world.engine.fork(&Caller::anonymous(), id, request).await;
    settle().await;
    forked
}

/// The nodes that were taken over.
async fn reused(world: &World, id: ExecutionId) -> Vec<String> {
    let caller = Caller::anonymous();
    let view = world.engine.execution_view(&caller, id).await.unwrap();
    let reused = view.nodes.iter().filter(|row| row.reused);
    reused.map(|row| row.path.to_string()).collect()
}

fn outputs<const N: usize>(given: [(&str, Value); N]) -> ForkRequest {
    ForkRequest {
        outputs: given.map(|(node, output)| (node.to_owned(), output)).into(),
        ..ForkRequest::default()
    }
}

/// `a` then `b`, which fails, then `c`.
async fn failed(world: &World) -> ExecutionId {
    world.agents.script("b", [Answer::refusal()]);
    let id = world.start(&calls("a b c", "a>b b>c")).await;
    settle().await;
    assert_eq!(
        world.nodes(id).await,
        "a:completed b:failed(agent_rejected) c:skipped"
    );
    id
}

#[tokio::test]
async fn a_retry_keeps_what_was_completed_and_runs_the_rest() {
    let world = World::new();
    let workflow = world.workflow(&calls("a b c", "a>b b>c")).await;
    world
        .agents
        .script("a", [Answer::costing(json!(1), Usd::from_nanos(7))]);
    world.agents.script("b", [Answer::refusal()]);
    let request = StartRequest {
        input: json!({"topic": "x"}),
        max_budget: Some(Usd::from_nanos(1_000)),
        labels: BTreeMap::from([("team".to_owned(), "red".to_owned())]),
        ..StartRequest::default()
    };
    let id = world.try_start(workflow, request).await.unwrap().id;
    settle().await;
    let caller = Caller::anonymous();
    let again = world.engine.retry(&caller, id, None).await.unwrap();
    settle().await;
    let (source, again) = (world.row(id).await, world.row(again.id).await);
    assert_eq!(again.status, ExecutionStatus::Completed);
    assert_eq!(reused(&world, again.id).await, ["a"]);
    assert_eq!(world.agents.called(), ["a", "b", "b", "c"]);
    assert_eq!((again.forked_from, again.parent), (Some(id), None));
    assert_eq!(
        (
            again.input,
            again.labels,
            again.max_budget,
            again.workflow_version
        ),
        (
            source.input,
            source.labels,
            source.max_budget,
            source.workflow_version
        )
    );
    assert_eq!((source.spent, again.spent), (Usd::from_nanos(7), Usd::ZERO));
}

#[tokio::test]
async fn an_execution_that_goes_on_is_not_forked() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    let refused = fork(&world, id, ForkRequest::default()).await;
    let running = ExecutionStatus::Running;
    assert!(
        matches!(refused, Err(EngineError::NotTerminal { status }) if status == running),
        "{refused:?}"
    );
}

#[tokio::test]
async fn from_a_node_on_everything_runs_again() {
    let world = World::new();
    let id = world.start(&calls("a b c", "a>b")).await;
    settle().await;
    let request = ForkRequest {
        from: Some("b".to_owned()),
        ..ForkRequest::default()
    };
    let again = fork(&world, id, request).await.unwrap();
    assert_eq!(world.status(again.id).await, "completed");
    assert_eq!(reused(&world, again.id).await, ["a", "c"]);
}

#[tokio::test]
async fn another_input_or_version_runs_what_it_touches() {
    let world = World::new();
    let mut document = calls("a b", "");
    document["nodes"][0]["config"] = json!({"about": "{{input.topic | default('x')}}"});
    let workflow = world.workflow(&document).await;
    let id = world.start_again(workflow).await;
    settle().await;
    let request = ForkRequest {
        input: Some(json!({"topic": "y"})),
        ..ForkRequest::default()
    };
    let again = fork(&world, id, request).await.unwrap();
    assert_eq!(world.row(again.id).await.input, json!({"topic": "y"}));
    assert!(!reused(&world, again.id).await.contains(&"a".to_owned()));

    document["nodes"][1]["config"] = json!({"deep": true});
    world.update(workflow, &document).await.unwrap();
    let request = ForkRequest {
        version: Some(2),
        ..ForkRequest::default()
    };
    let again = fork(&world, id, request).await.unwrap();
    assert_eq!(world.row(again.id).await.workflow_version, 2);
    assert_eq!(reused(&world, again.id).await, ["a"]);
}

#[tokio::test]
async fn a_given_output_takes_the_place_of_a_node_s() {
    let world = World::new();
    let id = failed(&world).await;
    let again = fork(&world, id, outputs([("b", json!("mended"))])).await.unwrap();
    assert_eq!(world.status(again.id).await, "completed");
    assert_eq!(world.agents.called(), ["a", "b", "c"]);
    let last = world.agents.calls().pop().unwrap().1;
    assert_eq!(last.upstream, json!({"b": "mended"}));
}

#[tokio::test]
async fn the_output_of_a_nested_node_is_given_wherever_it_ran() {
    let world = World::new();
    let body = json!([{"id": "n", "type": "agent_call", "agent_id": "b"}]);
    let document = json!({"name": "nested", "nodes": [
        {"id": "g", "type": "parallel_group", "config": {"items": "{{input.items}}", "body": {"nodes": body}}},
        {"id": "c", "type": "agent_call", "agent_id": "c", "depends_on": ["g"]},
    ]});
    let workflow = world.workflow(&document).await;
    world.agents.script("c", [Answer::refusal()]);
    let request = StartRequest {
        input: json!({"items": [1, 2]}),
        ..StartRequest::default()
    };
    let id = world.try_start(workflow, request).await.unwrap().id;
    settle().await;
    let again = fork(&world, id, outputs([("n", json!("x"))])).await.unwrap();
    assert_eq!(world.status(again.id).await, "completed");
    let last = world.agents.calls().pop().unwrap().1;
    assert_eq!(last.upstream.to_value()["g"], json!([{"n": "x"}, {"n": "x"}]));

    let one = outputs([("g[1]/n", json!("y"))]);
    let again = fork(&world, id, one).await.unwrap();
    let last = world.agents.calls().pop().unwrap().1;
    assert_eq!(last.upstream.to_value()["g"][1], json!({"n": "y"}));
    assert_eq!(reused(&world, again.id).await, ["g[0]/n", "g[1]/n"]);
}

#[tokio::test]
async fn what_a_fork_names_must_be_there() {
    let world = World::new();
    let id = failed(&world).await;
    let from = ForkRequest {
        from: Some("z".to_owned()),
        ..ForkRequest::default()
    };
    for (request, expected) in [(from, "/from"), (outputs([("z/~", json!(1))]), "/outputs/z~1~0")] {
        match fork(&world, id, request).await {
            Err(EngineError::NoSuchNode { pointer, .. }) => assert_eq!(pointer, expected),
            other => panic!("{other:?}"),
        }
    }
    let version = ForkRequest {
        version: Some(9),
        ..ForkRequest::default()
    };
    let refused = fork(&world, id, version).await;
    assert!(
        matches!(refused, Err(EngineError::NotFound { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_input_that_breaks_the_schema_is_refused() {
    let world = World::new();
    let mut document = calls("a", "");
    document["input_schema"] = json!({"properties": {"topic": {"type": "string"}}});
    let id = world.start(&document).await;
    settle().await;
    let request = ForkRequest {
        input: Some(json!({"topic": 1})),
        ..ForkRequest::default()
    };
    let refused = fork(&world, id, request).await;
    assert!(
        matches!(refused, Err(EngineError::InputMismatch { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_same_retry_makes_one_execution() {
    let world = World::new();
    let id = failed(&world).await;
    let key = Idempotency {
        key: "k".to_owned(),
        fingerprint: "f".to_owned(),
        expires_at: Timestamp::MAX,
    };
    let caller = Caller::anonymous();
    let first = world.engine.retry(&caller, id, Some(key.clone())).await.unwrap();
    settle().await;
    let second = world.engine.retry(&caller, id, Some(key)).await.unwrap();
    assert_eq!(first.id, second.id);
}

#[tokio::test]
async fn what_a_child_execution_produced_is_kept_without_running_it_again() {
    let world = World::new();
    world.workflow(&named("child", calls("a", ""))).await;
    world.agents.script("c", [Answer::refusal()]);
    let mut document = starts("child");
    let after = json!({"id": "c", "type": "agent_call", "agent_id": "c", "depends_on": ["s"]});
    document["nodes"].as_array_mut().unwrap().push(after);
    let id = world.start(&document).await;
    settle().await;
    let caller = Caller::anonymous();
    let again = world.engine.retry(&caller, id, None).await.unwrap();
    settle().await;
    assert_eq!(world.status(again.id).await, "completed");
    assert_eq!(reused(&world, again.id).await, ["s"]);
    assert!(world.children(again.id).await.is_empty());
    assert_eq!(world.agents.called(), ["a", "c", "c"]);
}

#[tokio::test]
async fn a_fork_that_was_recorded_takes_over_what_it_may_after_a_crash() {
    let world = World::new();
    let id = failed(&world).await;
    world.agents.script("b", [Answer::held()]);
    let again = fork(&world, id, ForkRequest::default()).await.unwrap();
    assert_eq!(reused(&world, again.id).await, ["a"]);
    world.engine.shutdown(std::time::Duration::ZERO).await;
    let world = world.restarted();
    settle().await;
    assert_eq!(world.status(again.id).await, "completed");
    assert_eq!(world.agents.called(), ["a", "b", "b", "b", "c"]);
}
