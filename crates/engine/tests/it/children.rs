//! Child executions: how they are started, what becomes of their ends, and what reaches them from above.

use agentchains_engine::{
    Caller, EngineError, StartRequest,
    cost::Usd,
    machine::{ExecutionStatus, FailureCode, PauseReason, Rejected},
};
use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{World, call, calls, named, question, seconds, settle, starts, starts_with};

#[tokio::test]
async fn a_child_has_its_place_in_the_tree_and_its_output_is_the_node_s() {
    let world = World::new();
    let id = world.start_above(&calls("a", "")).await;
    settle().await;
    let row = world.row(id).await;
    assert_eq!(row.status, ExecutionStatus::Completed);
    let child = &world.children(id).await[0];
    assert_eq!(row.output, Some(json!({"s": {"a": {"agent": "a"}}}).into()));
    let parent = child.parent.as_ref().unwrap();
    assert_eq!((parent.execution_id, parent.root_execution_id), (id, id));
    assert_eq!((parent.path.as_str(), parent.depth, parent.waits), ("s", 2, true));
    assert_eq!(child.initiated_by, row.initiated_by);
}

#[tokio::test]
async fn a_workflow_is_meant_by_its_id_or_its_name_and_in_the_version_that_is_latest_or_named() {
    let world = World::new();
    let workflow = world.workflow(&named("child", calls("a", ""))).await;
    world
        .update(workflow, &named("child", calls("b", "")))
        .await
        .unwrap();
    for (config, agent) in [
        (json!({"workflow_id": "child"}), "b"),
        (json!({"workflow_id": workflow.to_string()}), "b"),
        (json!({"workflow_id": "child", "version": "latest"}), "b"),
        (json!({"workflow_id": "child", "version": 1}), "a"),
        (json!({"workflow_id": workflow.to_string(), "version": 2}), "b"),
    ] {
        let id = world.start(&starts_with(config.clone())).await;
        settle().await;
        assert_eq!(world.status(id).await, "completed", "{config}");
        assert_eq!(world.agents.called().last().unwrap(), agent, "{config}");
    }
}

#[tokio::test]
async fn the_version_is_the_latest_when_the_node_starts_and_not_when_its_execution_does() {
    let world = World::new();
    let workflow = world.workflow(&named("child", calls("a", ""))).await;
    world.agents.script("c", [Answer::held()]);
    let mut document = starts("child");
    document["nodes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "c", "type": "agent_call", "agent_id": "c"}));
    document["edges"] = json!([{"from": "c", "to": "s"}]);
    world.start(&document).await;
    settle().await;
    world
        .update(workflow, &named("child", calls("b", "")))
        .await
        .unwrap();
    world.agents.release_reply("c", json!(1));
    settle().await;
    assert_eq!(world.agents.called(), ["c", "b"]);
}

#[tokio::test]
async fn a_failed_child_fails_its_node_with_the_cause() {
    let world = World::new();
    world.agents.script("a", [Answer::refusal()]);
    let id = world.start_above(&calls("a", "")).await;
    settle().await;
    assert_eq!(world.nodes(id).await, "s:failed(subworkflow_failed)");
    let error = world.row(id).await.error.unwrap();
    assert_eq!(error.innermost().code, FailureCode::AgentRejected);
    let child = world.child(id).await;
    assert_eq!(world.status(child).await, "failed(agent_rejected)");
}

#[tokio::test]
async fn a_child_that_may_not_start_fails_its_node_and_says_why() {
    let strict = json!({"input_schema": {"required": ["topic"]}});
    for (change, said) in [
        (json!({"archived": true}), "there is no active workflow"),
        (strict, "input_schema"),
        (
            json!({"nodes": [{"id": "x", "type": "agent_call", "agent_id": "nobody"}]}),
            "nobody",
        ),
        (
            json!({"nodes": [{"id": "x", "type": "subworkflow", "config": {"workflow_id": "nowhere"}}]}),
            "nowhere",
        ),
    ] {
        let world = World::new();
        world.agents.script("c", [Answer::held()]);
        let mut child = named("child", calls("a", ""));
        let workflow = world.workflow(&child).await;
        let mut document = starts("child");
        let before = json!({"id": "c", "type": "agent_call", "agent_id": "c"});
        document["nodes"].as_array_mut().unwrap().push(before);
        document["edges"] = json!([{"from": "c", "to": "s"}]);
        let id = world.start(&document).await;
        settle().await;
        if change["archived"] == json!(true) {
            world.archive(workflow).await;
        } else {
            child
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
            world.update(workflow, &child).await.unwrap();
        }
        world.agents.release_reply("c", json!(1));
        settle().await;
        assert_eq!(
            world.nodes(id).await,
            "s:failed(subworkflow_failed) c:completed",
            "{change}"
        );
        let error = world.row(id).await.error.unwrap();
        assert!(error.innermost().message.contains(said), "{error:?}");
        assert!(world.children(id).await.is_empty());
    }
}

#[tokio::test]
async fn a_child_that_is_not_waited_for_goes_its_own_way() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    world.workflow(&named("child", calls("a", ""))).await;
    let document = starts_with(json!({"workflow_id": "child", "wait": false}));
    let id = world.start(&document).await;
    settle().await;
    let child = world.child(id).await;
    let output = json!({"s": {"execution_id": child}});
    assert_eq!(world.row(id).await.output, Some(output.into()));
    assert_eq!(world.status(child).await, "running");
    world.agents.release_reply("a", json!(1));
    settle().await;
    assert_eq!(world.status(child).await, "completed");
}

#[tokio::test]
async fn what_children_cost_counts_above_and_is_drawn_from_there() {
    let world = World::new();
    let cost = |nanos| Answer::costing(json!(1), Usd::from_nanos(nanos));
    world.agents.script("a", [cost(300), cost(400)]);
    let inner = world.workflow(&named("inner", calls("a", ""))).await;
    world.workflow(&named("middle", starts(&inner.to_string()))).await;
    let workflow = world.workflow(&starts("middle")).await;
    let request = StartRequest {
        max_budget: Some(Usd::from_nanos(1_000)),
        ..StartRequest::default()
    };
    let id = world.try_start(workflow, request).await.unwrap().id;
    settle().await;
    let row = world.row(id).await;
    assert_eq!((row.spent, row.reserved), (Usd::from_nanos(300), Usd::ZERO));
    let middle = &world.children(id).await[0];
    assert_eq!(middle.spent, Usd::from_nanos(300));
    let inner = &world.children(middle.id).await[0];
    for below in [middle, inner] {
        let above = &below.parent.as_ref().unwrap().budgets;
        assert_eq!(
            (below.max_budget, above.len(), above[0].execution_id),
            (None, 1, id)
        );
    }
}

/// `top` starts `middle`, which starts a workflow that calls `a` and then `b`.
async fn three_deep(world: &World) -> [agentchains_engine::machine::ExecutionId; 3] {
    world.workflow(&named("inner", calls("a b", "a>b"))).await;
    world.workflow(&named("middle", starts("inner"))).await;
    let top = world.start(&starts("middle")).await;
    settle().await;
    let middle = world.child(top).await;
    [top, middle, world.child(middle).await]
}

#[tokio::test]
async fn a_cancel_is_recorded_in_the_whole_tree_before_it_is_acknowledged() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let tree = three_deep(&world).await;
    world.engine.cancel(&Caller::anonymous(), tree[0]).await.unwrap();
    for id in tree {
        let status = world.row(id).await.status;
        assert!(matches!(
            status,
            ExecutionStatus::Cancelling | ExecutionStatus::Cancelled
        ));
    }
    settle().await;
    for id in tree {
        assert_eq!(world.status(id).await, "cancelled");
    }
    assert_eq!(
        (world.agents.called(), world.agents.in_flight()),
        (vec!["a".to_owned()], 0)
    );
}

#[tokio::test]
async fn a_pause_holds_the_whole_tree_until_it_is_resumed() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let tree = three_deep(&world).await;
    let caller = Caller::anonymous();
    world.engine.pause(&caller, tree[0]).await.unwrap();
    for id in tree {
        assert_eq!(world.row(id).await.pause_reason, Some(PauseReason::User));
    }
    world.agents.release_reply("a", json!(1));
    settle().await;
    assert_eq!(world.nodes(tree[2]).await, "a:completed");
    world.engine.resume(&caller, tree[0], None).await.unwrap();
    settle().await;
    assert_eq!(world.status(tree[0]).await, "completed");
    assert_eq!(world.agents.called(), ["a", "b"]);
}

#[tokio::test]
async fn a_child_that_somebody_cancels_fails_its_node() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start_above(&calls("a", "")).await;
    settle().await;
    let child = world.child(id).await;
    world.engine.cancel(&Caller::anonymous(), child).await.unwrap();
    settle().await;
    assert_eq!(world.status(child).await, "cancelled");
    assert_eq!(world.status(id).await, "failed(subworkflow_failed)");
}

#[tokio::test]
async fn the_timeout_of_an_execution_ends_its_children_too() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    world
        .workflow(&named("child", call(json!({"timeout": "1h"}))))
        .await;
    let mut document = starts("child");
    document["timeout"] = json!("10s");
    let id = world.start(&document).await;
    settle().await;
    let child = world.child(id).await;
    world.pass(seconds(10)).await;
    assert_eq!(world.status(id).await, "failed(execution_timeout)");
    assert!(world.row(child).await.status.is_terminal());
    assert_eq!(world.agents.in_flight(), 0);
}

#[tokio::test]
async fn a_question_below_is_answered_by_resuming_the_execution_above() {
    let world = World::new();
    world.workflow(&named("child", question(json!({})))).await;
    world.workflow(&named("middle", starts("child"))).await;
    let id = world.start(&starts("middle")).await;
    settle().await;
    let row = world.row(id).await;
    assert_eq!(row.pause_reason, Some(PauseReason::Approval));
    let row = world.engine.resume(&Caller::anonymous(), id, None).await.unwrap();
    assert_ne!(row.status, ExecutionStatus::Paused);
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn several_questions_below_are_listed_and_decided_one_by_one() {
    let world = World::new();
    world.workflow(&named("child", question(json!({})))).await;
    let mut document = starts("child");
    let second = json!({"id": "t", "type": "subworkflow", "config": {"workflow_id": "child"}});
    document["nodes"].as_array_mut().unwrap().push(second);
    let id = world.start(&document).await;
    settle().await;
    let refused = world.engine.resume(&Caller::anonymous(), id, None).await;
    let Err(EngineError::Rejected(Rejected::SeveralApprovals { pending })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(pending.len(), 2);
    assert!(
        pending
            .iter()
            .all(|asked| asked.root_execution_id == id && asked.execution_id != id)
    );
    world.decide(&pending[0], "approve", "bob").await.unwrap();
    settle().await;
    let other = world.engine.resume(&Caller::anonymous(), id, None).await;
    other.unwrap();
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_decision_counts_for_an_execution_only_where_its_tree_asks() {
    let world = World::new();
    let id = world.start_above(&question(json!({}))).await;
    let other = world.start(&question(json!({}))).await;
    settle().await;
    let asked = world.asked(world.child(id).await).await;
    let caller = Caller::anonymous();
    let decision = |asked| crate::harness::decision(asked, "approve", "bob");
    let refused = world.engine.decide_in(&caller, other, decision(&asked)).await;
    assert!(
        matches!(refused, Err(EngineError::ApprovalElsewhere { .. })),
        "{refused:?}"
    );
    let row = world
        .engine
        .decide_in(&caller, id, decision(&asked))
        .await
        .unwrap();
    assert_ne!(row.status, ExecutionStatus::Paused);
}

#[tokio::test]
async fn a_terminal_execution_is_forgotten_without_its_children() {
    let world = World::new();
    let id = world.start_above(&calls("a", "")).await;
    settle().await;
    let child = world.child(id).await;
    world
        .engine
        .delete_execution(&Caller::anonymous(), id)
        .await
        .unwrap();
    assert_eq!(world.status(child).await, "completed");
    assert_eq!(world.row(child).await.parent.unwrap().execution_id, id);
}

#[tokio::test]
async fn without_an_input_a_child_gets_that_of_its_parent_and_what_came_before() {
    let world = World::new();
    world.workflow(&named("child", calls("a", ""))).await;
    let mut document = starts("child");
    let before = json!({"id": "b", "type": "agent_call", "agent_id": "b"});
    document["nodes"].as_array_mut().unwrap().push(before);
    document["edges"] = json!([{"from": "b", "to": "s"}]);
    let workflow = world.workflow(&document).await;
    let request = StartRequest {
        input: json!({"topic": "x"}),
        ..StartRequest::default()
    };
    let id = world.try_start(workflow, request).await.unwrap().id;
    settle().await;
    let input: Value = json!({"topic": "x", "b": {"agent": "b"}});
    assert_eq!(world.children(id).await[0].input, input);
}
