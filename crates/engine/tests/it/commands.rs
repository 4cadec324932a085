//! Commands: pause, resume, cancel, decide.

use agentchains_engine::{
    Caller, EngineError,
    machine::{ApprovalId, ApprovalStatus, ExecutionId, ExecutionStatus, Rejected},
};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, call, calls, question, seconds, settle};

fn stranger() -> Caller {
    Caller {
        tenant: "elsewhere".to_owned(),
        ..Caller::anonymous()
    }
}

#[tokio::test]
async fn a_paused_execution_goes_on_when_it_is_resumed() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a b", "a>b")).await;
    let caller = Caller::anonymous();
    let row = world.engine.pause(&caller, id).await.unwrap();
    assert_eq!((row.status, row.in_flight), (ExecutionStatus::Paused, 1));
    settle().await;
    world.agents.release_reply("a", json!(1));
    settle().await;
    assert_eq!(world.nodes(id).await, "a:completed");
    world.engine.resume(&caller, id, None).await.unwrap();
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_cancel_drops_the_calls_in_flight_and_cancels_their_tasks() {
    let world = World::new();
    world
        .agents
        .script("a", [Answer::held().after_accepting("task-1")]);
    world.agents.script("b", [Answer::held()]);
    world.agents.script("d", [Answer::held().without_sending()]);
    let id = world.start(&calls("a b c d", "a>c")).await;
    world.agents.wait_for_calls(3).await;
    settle().await;
    world.engine.cancel(&Caller::anonymous(), id).await.unwrap();
    settle().await;
    assert_eq!(world.status(id).await, "cancelled");
    assert_eq!(world.agents.in_flight(), 0);
    let cancels = world.agents.cancels();
    assert_eq!(cancels.len(), 1);
    assert_eq!(
        (cancels[0].0.as_str(), cancels[0].1.task_id.as_str()),
        ("a", "task-1")
    );
    let calls = world.agents.calls();
    let unanswered = calls.iter().find(|(_, call)| call.agent_id == "b").unwrap();
    assert_eq!(
        world.agents.withdrawals(),
        [("b".to_owned(), unanswered.1.message_id)]
    );
    assert_eq!(
        world.nodes(id).await,
        "a:cancelled(confirmed) b:cancelled(unknown) c:cancelled d:cancelled"
    );
}

#[tokio::test]
async fn a_call_that_a_cancel_overtakes_is_never_made() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a b", "a>b")).await;
    settle().await;
    world.store.hold();
    // The commit that records the start of b hangs; the cancel comes in meanwhile.
    world.agents.release_reply("a", json!(1));
    settle().await;
    let caller = Caller::anonymous();
    let cancel = tokio::spawn({
        let engine = world.engine.clone();
        async move { engine.cancel(&caller, id).await }
    });
    settle().await;
    world.store.release();
    cancel.await.unwrap().unwrap();
    settle().await;
    assert_eq!(world.status(id).await, "cancelled");
}

#[tokio::test]
async fn an_id_of_another_tenant_is_an_id_that_does_not_exist() {
    let world = World::new();
    let id = world.start(&question(json!({}))).await;
    let engine = &world.engine;
    let approval = world.asked(id).await;
    let refusals = [
        engine.execution(&stranger(), id).await.map(|_| ()),
        engine.cancel(&stranger(), id).await.map(|_| ()),
        engine.events(&stranger(), id, 0, 10).await.map(|_| ()),
        engine.attempts(&stranger(), id).await.map(|_| ()),
        engine.follow(&stranger(), id, 0).await.map(|_| ()),
        engine.delete_execution(&stranger(), id).await,
        engine.approval(&stranger(), approval.id).await.map(|_| ()),
    ];
    for refused in refusals {
        assert!(
            matches!(refused, Err(EngineError::NotFound { .. })),
            "{refused:?}"
        );
    }
    let unknown = ExecutionId::from_uuid(ApprovalId::as_uuid(&approval.id));
    let refused = engine.pause(&Caller::anonymous(), unknown).await;
    assert!(
        matches!(refused, Err(EngineError::NotFound { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn commands_to_a_terminal_execution_are_refused_with_its_status() {
    let world = World::new();
    let id = world.start(&calls("a", "")).await;
    settle().await;
    let caller = Caller::anonymous();
    for refused in [
        world.engine.pause(&caller, id).await,
        world.engine.resume(&caller, id, None).await,
        world.engine.cancel(&caller, id).await,
    ] {
        let Err(EngineError::Rejected(Rejected::Conflict { status, .. })) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(status, ExecutionStatus::Completed);
    }
}

#[tokio::test]
async fn a_decision_sets_the_execution_going_again() {
    let world = World::new();
    let id = world.start(&question(json!({"message": "Go?"}))).await;
    settle().await;
    assert_eq!(world.status(id).await, "paused");
    let asked = world.asked(id).await;
    let decided = world.decide(&asked, "approve", "bob").await.unwrap();
    assert_eq!(
        (decided.status, decided.decisions[0].by.as_str()),
        (ApprovalStatus::Decided, "bob")
    );
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn of_decisions_at_the_same_time_one_counts_and_the_others_are_shown_it() {
    let world = World::new();
    let id = world.start(&question(json!({}))).await;
    settle().await;
    let asked = world.asked(id).await;
    let (first, second, third) = tokio::join!(
        world.decide(&asked, "approve", "ann"),
        world.decide(&asked, "reject", "bob"),
        world.decide(&asked, "approve", "eve")
    );
    assert_eq!(first.unwrap().decisions[0].by, "ann");
    for refused in [second, third] {
        let Err(EngineError::ApprovalClosed { approval }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(
            (approval.status, approval.decisions[0].by.as_str()),
            (ApprovalStatus::Decided, "ann")
        );
    }
}

#[tokio::test]
async fn a_decision_after_the_execution_s_end_is_shown_how_the_question_ended() {
    let world = World::new();
    let id = world.start(&question(json!({}))).await;
    settle().await;
    let asked = world.asked(id).await;
    world.engine.cancel(&Caller::anonymous(), id).await.unwrap();
    let Err(EngineError::ApprovalClosed { approval }) = world.decide(&asked, "approve", "bob").await else {
        panic!("decided");
    };
    assert_eq!(approval.status, ApprovalStatus::Withdrawn);
}

#[tokio::test]
async fn a_decision_that_comes_with_the_timeout_is_too_late() {
    let world = World::new();
    let id = world
        .start(&question(json!({"timeout": "1h", "on_timeout": "fail"})))
        .await;
    settle().await;
    let asked = world.asked(id).await;
    // Nobody has woken the execution yet.
    world.clock.advance(seconds(3_600));
    let Err(EngineError::ApprovalClosed { approval }) = world.decide(&asked, "approve", "bob").await else {
        panic!("decided");
    };
    assert_eq!(approval.status, ApprovalStatus::Expired);
    assert_eq!(world.status(id).await, "failed(approval_expired)");
}

#[tokio::test]
async fn a_refusal_changes_nothing() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&call(json!({}))).await;
    settle().await;
    let tried = world.store.commits_tried();
    let refused = world.engine.resume(&Caller::anonymous(), id, None).await;
    assert!(matches!(refused, Err(EngineError::Rejected(_))), "{refused:?}");
    assert_eq!(world.store.commits_tried(), tried);
}

#[tokio::test]
async fn only_terminal_executions_can_be_forgotten() {
    let world = World::new();
    let id = world.start(&question(json!({}))).await;
    let caller = Caller::anonymous();
    let refused = world.engine.delete_execution(&caller, id).await;
    assert!(
        matches!(refused, Err(EngineError::NotTerminal { .. })),
        "{refused:?}"
    );
    world.engine.cancel(&caller, id).await.unwrap();
    world.engine.delete_execution(&caller, id).await.unwrap();
    let refused = world.engine.execution(&caller, id).await;
    assert!(
        matches!(refused, Err(EngineError::NotFound { .. })),
        "{refused:?}"
    );
}
