//! What agents share over all executions: concurrency limits and circuit breakers; and what a broken runner does.

use std::num::NonZeroU32;

use agentchains_engine::{
    Caller, Notice,
    breaker::{Settings, State},
    machine::AgentQuestion,
    ports::{AgentKey, AgentProfile, CallOutcome, RateLimit, Seconds},
};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, call, calls, seconds, settle};

fn at_most(calls: u32) -> AgentProfile {
    AgentProfile {
        max_concurrency: NonZeroU32::new(calls),
        ..AgentProfile::default()
    }
}

#[tokio::test]
async fn an_agent_s_limit_counts_over_all_executions() {
    let world = World::new();
    world.agents.set_profile("a", at_most(1));
    world.agents.script("a", [Answer::held(), Answer::held()]);
    let workflow = world.workflow(&calls("a", "")).await;
    let first = world.start_again(workflow).await;
    let second = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.agents.in_flight(), 1);
    world.agents.release_reply("a", json!(1));
    settle().await;
    assert_eq!(
        (world.status(first).await.as_str(), world.agents.in_flight()),
        ("completed", 1)
    );
    world.agents.release_reply("a", json!(2));
    settle().await;
    assert_eq!(world.status(second).await, "completed");
}

#[tokio::test]
async fn a_place_is_free_again_when_a_call_was_cancelled() {
    let world = World::new();
    world.agents.set_profile("a", at_most(1));
    world.agents.script("a", [Answer::held()]);
    let workflow = world.workflow(&calls("a", "")).await;
    let first = world.start_again(workflow).await;
    let second = world.start_again(workflow).await;
    settle().await;
    world.engine.cancel(&Caller::anonymous(), first).await.unwrap();
    settle().await;
    assert_eq!(world.status(second).await, "completed");
}

#[tokio::test]
async fn an_agent_that_does_not_answer_a_cancel_keeps_its_place_for_a_moment_only() {
    let world = World::new();
    world.agents.hang_cancels();
    world.agents.set_profile("a", at_most(1));
    world
        .agents
        .script("a", [Answer::held().after_accepting("task-1")]);
    let workflow = world.workflow(&calls("a", "")).await;
    let first = world.start_again(workflow).await;
    let second = world.start_again(workflow).await;
    settle().await;
    world.engine.cancel(&Caller::anonymous(), first).await.unwrap();
    settle().await;
    assert_eq!(world.status(second).await, "running");
    world.pass(seconds(5)).await;
    assert_eq!(world.status(second).await, "completed");
}

#[tokio::test]
async fn a_limit_is_respected_within_an_execution_too() {
    let world = World::new();
    world.agents.set_profile("a", at_most(2));
    world.agents.script("a", vec![Answer::held(); 5]);
    let mut document = calls("v w x y z", "");
    for node in document["nodes"].as_array_mut().unwrap() {
        node["agent_id"] = json!("a");
    }
    let id = world.start(&document).await;
    for _ in 0..5 {
        settle().await;
        assert!(world.agents.in_flight() <= 2);
        assert!(world.agents.release_reply("a", json!(1)));
    }
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_breaker_opens_after_five_failures_and_the_sixth_call_is_not_made() {
    let world = World::new();
    let mut notices = world.engine.notices("default");
    world.agents.script("a", vec![Answer::unwell(); 6]);
    let workflow = world.workflow(&calls("a", "")).await;
    for _ in 0..5 {
        let id = world.start_again(workflow).await;
        settle().await;
        assert_eq!(world.status(id).await, "failed(agent_unreachable)");
    }
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Open);
    let sixth = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.status(sixth).await, "failed(circuit_open)");
    assert_eq!(world.agents.called().len(), 5);
    let opened = async {
        loop {
            if let Some(Notice::Breaker {
                agent_id,
                transition,
                retry_at,
            }) = notices.next().await.unwrap()
            {
                return (agent_id, transition.to, retry_at.is_some());
            }
        }
    };
    assert_eq!(opened.await, ("a".to_owned(), State::Open, true));
}

#[tokio::test]
async fn a_node_that_waits_for_its_breaker_probes_it_when_it_may() {
    let world = World::new();
    world.trip("a").await;
    let called = world.agents.called().len();
    let id = world.start(&call(json!({"breaker_wait": "1m"}))).await;
    settle().await;
    world.pass(seconds(29)).await;
    assert_eq!(world.agents.called().len(), called);
    world.pass(seconds(1)).await;
    assert_eq!(world.status(id).await, "completed");
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Closed);
}

#[tokio::test]
async fn a_probe_that_is_cancelled_gives_its_place_back() {
    let world = World::new();
    world.trip("a").await;
    world.agents.script("a", [Answer::held()]);
    world.clock.advance(seconds(30));
    let workflow = world.workflow(&calls("a", "")).await;
    let probe = world.start_again(workflow).await;
    settle().await;
    assert_eq!(
        world.engine.breaker(&AgentKey::shared("a")).half_open_in_flight,
        1
    );
    world.engine.cancel(&Caller::anonymous(), probe).await.unwrap();
    settle().await;
    assert_eq!(
        world.engine.breaker(&AgentKey::shared("a")).half_open_in_flight,
        0
    );
    let next = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.status(next).await, "completed");
}

#[tokio::test]
async fn refusals_say_nothing_about_an_agent_s_health() {
    let world = World::new();
    world.agents.script("a", vec![Answer::refusal(); 10]);
    let workflow = world.workflow(&calls("a", "")).await;
    for _ in 0..10 {
        let id = world.start_again(workflow).await;
        settle().await;
        assert_eq!(world.status(id).await, "failed(agent_rejected)");
    }
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Closed);
}

#[tokio::test]
async fn a_breaker_has_its_agent_s_settings_and_can_be_reset() {
    let world = World::new();
    let settings = Settings {
        failure_threshold: NonZeroU32::MIN,
        ..Settings::default()
    };
    world.agents.set_profile(
        "a",
        AgentProfile {
            breaker: settings,
            ..AgentProfile::default()
        },
    );
    world.agents.script("a", [Answer::unwell()]);
    let workflow = world.workflow(&calls("a", "")).await;
    world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Open);
    world.engine.reset_breaker(&AgentKey::shared("a"));
    let id = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.status(id).await, "completed");
}

#[tokio::test]
async fn a_runner_that_panics_fails_its_node_and_nothing_else() {
    let world = World::new();
    world.agents.script("a", [Answer::panic()]);
    let workflow = world.workflow(&calls("a", "")).await;
    let broken = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.status(broken).await, "failed(internal)");
    let next = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.status(next).await, "completed");
    assert_eq!(world.agents.in_flight(), 0);
}

#[tokio::test]
async fn an_agent_s_rate_holds_over_all_executions_and_those_in_excess_wait_for_their_turn() {
    let world = World::new();
    let limit = RateLimit {
        calls: NonZeroU32::new(2).unwrap(),
        per: Seconds(std::time::Duration::from_secs(10)),
    };
    world.agents.set_profile(
        "a",
        AgentProfile {
            rate_limit: Some(limit),
            ..AgentProfile::default()
        },
    );
    let workflow = world.workflow(&calls("a", "")).await;
    for _ in 0..5 {
        world.start_again(workflow).await;
    }
    settle().await;
    assert_eq!(world.agents.called().len(), 2);
    for (later, called) in [(4, 2), (1, 3), (4, 3), (1, 4), (5, 5), (60, 5)] {
        world.clock.advance(seconds(later));
        settle().await;
        assert_eq!(world.agents.called().len(), called);
    }
}

#[tokio::test]
async fn a_task_that_was_authorised_elsewhere_goes_on_without_an_answer() {
    let world = World::new();
    let question = CallOutcome::InputRequired(AgentQuestion {
        id: None,
        message: "Who may do that?".to_owned(),
        shown: json!([]).into(),
        form: None,
        may_move_on: true,
    });
    world
        .agents
        .script("a", [Answer::outcome(question).after_accepting("task-7")]);
    let id = world.start(&calls("a", "")).await;
    settle().await;
    world.clock.advance(seconds(30));
    settle().await;
    assert_eq!(world.status(id).await, "paused");
    world.agents.move_on("task-7");
    world.clock.advance(seconds(30));
    settle().await;
    assert_eq!(world.status(id).await, "completed");
    let calls = world.agents.calls();
    assert_eq!(calls[1].1.remote_task.as_ref().unwrap().task_id, "task-7");
}
