//! Circuit breakers over the life of an engine: what counts, who is told, what outlives a restart, and what replicas
//! tell each other.

use std::num::NonZeroU32;

use agentchains_engine::{
    Notice, Notices,
    breaker::{Mode, Reason, Settings, State, Transition},
    cost::ReportedCost,
    machine::{AttemptFailure, FailureCode},
    ports::{AgentKey, AgentProfile, BreakerStore, CallOutcome},
};
use agentchains_testkit::Answer;
use futures_util::FutureExt;
use serde_json::json;

use crate::harness::{World, calls, seconds, settle};

fn with_breaker(breaker: Settings) -> AgentProfile {
    AgentProfile {
        breaker,
        ..AgentProfile::default()
    }
}

/// Opens after one failure.
fn touchy() -> Settings {
    Settings {
        failure_threshold: NonZeroU32::MIN,
        ..Settings::default()
    }
}

/// Runs one call of the agent `a`, and says how the execution ended.
async fn run(world: &World) -> String {
    let id = world.start(&calls("a", "")).await;
    settle().await;
    world.status(id).await
}

/// The changes of breakers that were told up to this moment.
fn told(notices: &mut Notices) -> Vec<Transition> {
    let mut told = Vec::new();
    while let Some(notice) = notices.next().now_or_never() {
        if let Some(Notice::Breaker { transition, .. }) = notice.unwrap() {
            told.push(transition);
        }
    }
    told
}

fn reasons(told: &[Transition]) -> Vec<(State, Reason)> {
    told.iter()
        .map(|transition| (transition.to, transition.reason))
        .collect()
}

/// Whether the agent is unwell is whether it was reached.
fn failure(code: FailureCode, reached_agent: bool) -> CallOutcome {
    CallOutcome::Failed {
        failure: AttemptFailure {
            code,
            message: "the test says so".to_owned(),
            retryable: false,
            retry_after: None,
            reached_agent,
            cost: ReportedCost::Absent,
            usage: None,
        },
        agent_unhealthy: reached_agent,
    }
}

#[tokio::test]
async fn a_probe_is_judged_by_whether_its_agent_answered() {
    for (answer, state) in [
        (Answer::reply(json!(1)), State::Closed),
        (Answer::refusal(), State::Closed),
        (Answer::outcome(CallOutcome::TaskLost), State::Closed),
        (Answer::unwell(), State::Open),
        (
            Answer::outcome(failure(FailureCode::AgentAddressRefused, false)),
            State::HalfOpen,
        ),
        (Answer::panic(), State::HalfOpen),
    ] {
        let world = World::new();
        world.agents.set_profile("a", with_breaker(touchy()));
        world.agents.script("a", [Answer::unwell(), answer.clone()]);
        run(&world).await;
        world.clock.advance(seconds(30));
        run(&world).await;
        let breaker = world.engine.breaker(&AgentKey::shared("a"));
        assert_eq!(
            (breaker.state, breaker.half_open_in_flight),
            (state, 0),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn every_change_of_state_is_told_with_its_reason() {
    let world = World::new();
    world.agents.set_profile("a", with_breaker(touchy()));
    world.agents.script("a", [Answer::unwell()]);
    let mut notices = world.engine.notices("default");
    run(&world).await;
    world.pass(seconds(30)).await;
    assert_eq!(run(&world).await, "completed");
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    world.engine.reset_breaker(&AgentKey::shared("a"));
    let expected = [
        (State::Open, Reason::FailureThreshold),
        (State::HalfOpen, Reason::RecoveryTimeout),
        (State::Closed, Reason::ProbeSucceeded),
        (State::Open, Reason::ForcedOpen),
        (State::Closed, Reason::Reset),
    ];
    assert_eq!(reasons(&told(&mut notices)), expected);
}

#[tokio::test]
async fn a_change_that_a_refused_call_brings_about_is_told() {
    let world = World::new();
    let settings = Settings {
        probe_lease: seconds(10),
        ..touchy()
    };
    world.agents.set_profile("a", with_breaker(settings));
    world.agents.script("a", [Answer::unwell(), Answer::held()]);
    run(&world).await;
    world.clock.advance(seconds(30));
    run(&world).await;
    world.clock.advance(seconds(10));
    let mut notices = world.engine.notices("default");
    assert_eq!(run(&world).await, "failed(circuit_open)");
    assert_eq!(
        reasons(&told(&mut notices)),
        [(State::Open, Reason::ProbeLeaseOver)]
    );
}

#[tokio::test]
async fn a_change_that_is_only_observed_is_shown_and_not_told() {
    let world = World::new();
    let settings = Settings {
        mode: Mode::ObserveOnly,
        ..touchy()
    };
    world.agents.set_profile("a", with_breaker(settings));
    world.agents.script("a", [Answer::unwell()]);
    let mut notices = world.engine.notices("default");
    run(&world).await;
    assert_eq!(run(&world).await, "completed");
    assert_eq!(told(&mut notices), []);
    let breaker = world.engine.breaker(&AgentKey::shared("a"));
    assert_eq!((breaker.state, breaker.mode), (State::Open, Mode::ObserveOnly));
    assert!(breaker.transitions[0].observed_only);
}

#[tokio::test]
async fn a_mode_is_in_force_and_shown_before_the_first_call() {
    let world = World::new();
    let settings = Settings {
        mode: Mode::ForcedOpen,
        ..Settings::default()
    };
    world.agents.set_profile("a", with_breaker(settings));
    let breaker = world.engine.breaker(&AgentKey::shared("a"));
    assert_eq!((breaker.state, breaker.mode), (State::Open, Mode::ForcedOpen));
    world.engine.reset_breaker(&AgentKey::shared("a"));
    assert_eq!(run(&world).await, "failed(circuit_open)");
    assert!(world.agents.called().is_empty());
}

#[tokio::test]
async fn a_breaker_that_a_hand_opens_refuses_over_restarts_until_it_is_reset() {
    let mut world = World::new();
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    settle().await;
    for _ in 0..2 {
        world.pass(seconds(86_400)).await;
        assert_eq!(run(&world).await, "failed(circuit_open)");
        world = world.restarted();
        settle().await;
        let breaker = world.engine.breaker(&AgentKey::shared("a"));
        assert_eq!((breaker.state, breaker.held_open), (State::Open, true));
        assert_eq!(breaker.retry_at, None);
    }
    assert!(world.agents.called().is_empty());

    world.engine.reset_breaker(&AgentKey::shared("a"));
    settle().await;
    let world = world.restarted();
    assert_eq!(run(&world).await, "completed");
}

#[tokio::test]
async fn the_mode_of_an_agent_decides_from_the_next_call_on() {
    let world = World::new();
    for (mode, ended) in [
        (Mode::ForcedOpen, "failed(circuit_open)"),
        (Mode::ForcedClosed, "failed(agent_unreachable)"),
        (Mode::ForcedClosed, "failed(agent_unreachable)"),
        (Mode::ObserveOnly, "failed(agent_unreachable)"),
        (Mode::ObserveOnly, "failed(agent_unreachable)"),
        (Mode::Normal, "failed(circuit_open)"),
    ] {
        let settings = Settings { mode, ..touchy() };
        world.agents.set_profile("a", with_breaker(settings));
        world.agents.script("a", [Answer::unwell()]);
        assert_eq!(run(&world).await, ended, "{mode:?}");
    }
}

#[tokio::test]
async fn an_open_breaker_stays_open_over_a_restart_and_then_probes() {
    let world = World::new();
    let settings = Settings {
        recovery_timeout: seconds(300),
        ..touchy()
    };
    world.agents.set_profile("a", with_breaker(settings));
    world.agents.script("a", [Answer::unwell()]);
    run(&world).await;
    let before = world.engine.breaker(&AgentKey::shared("a"));

    let world = world.restarted();
    assert_eq!(run(&world).await, "failed(circuit_open)", "the first call of all");
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")), before);
    world.pass(seconds(299)).await;
    assert_eq!(run(&world).await, "failed(circuit_open)");
    world.pass(seconds(1)).await;
    assert_eq!(run(&world).await, "completed");
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Closed);

    let world = world.restarted();
    settle().await;
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Closed);
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).transitions.len(), 3);
}

#[tokio::test]
async fn a_call_alone_saves_nothing() {
    let world = World::new();
    world.agents.script("a", vec![Answer::unwell(); 4]);
    for _ in 0..5 {
        run(&world).await;
    }
    assert_eq!(world.store.load_breakers(0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_breaker_that_one_replica_opens_is_adopted_by_the_other() {
    let world = World::new();
    world.agents.set_profile("a", with_breaker(touchy()));
    world.agents.script("a", [Answer::unwell()]);
    let other = world.restarted();
    settle().await;
    let mut notices = other.engine.notices("default");
    run(&world).await;
    assert_eq!(other.engine.breaker(&AgentKey::shared("a")).state, State::Closed);
    world.pass(seconds(5)).await;
    assert_eq!(reasons(&told(&mut notices)), [(State::Open, Reason::Hint)]);
    assert_eq!(
        other.engine.breaker(&AgentKey::shared("a")).retry_at,
        world.engine.breaker(&AgentKey::shared("a")).retry_at
    );
    let saved = world.store.load_breakers(0, 10).await.unwrap();
    assert_eq!(saved[0].change, 1, "a hint is not saved again");
}

#[tokio::test]
async fn what_a_hand_does_at_one_replica_holds_at_the_other() {
    let world = World::new();
    let other = world.restarted();
    settle().await;
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    settle().await;
    world.pass(seconds(5)).await;
    assert!(other.engine.breaker(&AgentKey::shared("a")).held_open);
    world.pass(seconds(3_600)).await;
    assert_eq!(run(&other).await, "failed(circuit_open)");

    world.engine.reset_breaker(&AgentKey::shared("a"));
    settle().await;
    world.pass(seconds(5)).await;
    assert_eq!(run(&other).await, "completed");
}

#[tokio::test]
async fn a_reset_is_not_undone_by_what_was_saved_before() {
    let world = World::new();
    let other = world.restarted();
    settle().await;
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    world.pass(seconds(5)).await;
    for world in [&world, &other] {
        assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Open);
        world.engine.reset_breaker(&AgentKey::shared("a"));
        world.store.fail_breakers(true);
    }
    settle().await;
    world.store.fail_breakers(false);
    world.pass(seconds(5)).await;
    for world in [world, other] {
        assert_eq!(world.engine.breaker(&AgentKey::shared("a")).state, State::Closed);
    }
}

#[tokio::test]
async fn a_store_that_fails_affects_no_call_and_is_tried_again() {
    let world = World::new();
    world.store.fail_breakers(true);
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    settle().await;
    let restarted = world.restarted();
    assert_eq!(run(&restarted).await, "completed", "nothing could be restored");
    assert_eq!(run(&world).await, "failed(circuit_open)");

    world.store.fail_breakers(false);
    world.pass(seconds(5)).await;
    assert_eq!(
        world.store.load_breakers(0, 10).await.unwrap()[0].agent,
        AgentKey::shared("a")
    );
}

#[tokio::test]
async fn what_changes_while_the_engine_drains_is_saved() {
    let world = World::new();
    world.agents.set_profile("a", with_breaker(touchy()));
    world.agents.script("a", [Answer::held()]);
    run(&world).await;
    let engine = world.engine.clone();
    let stopped = tokio::spawn(async move { engine.shutdown(seconds(60)).await });
    settle().await;
    let lost = failure(FailureCode::AgentConnectionLost, true);
    assert!(world.agents.release("a", lost));
    stopped.await.unwrap();
    let saved = world.store.load_breakers(0, 10).await.unwrap();
    assert_eq!(saved[0].snapshot.state, State::Open);
}

#[tokio::test]
async fn a_removed_agent_s_breaker_is_forgotten() {
    let world = World::new();
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    settle().await;
    world.engine.forget_breaker(&AgentKey::shared("a"));
    settle().await;
    assert_eq!(world.engine.breaker(&AgentKey::shared("a")).transitions, []);
    assert_eq!(world.store.load_breakers(0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_breaker_of_an_agent_that_is_not_registered_is_not_restored() {
    let world = World::new();
    world.engine.force_breaker_open(&AgentKey::shared("somebody"));
    settle().await;
    let world = world.restarted();
    settle().await;
    assert_eq!(
        world.engine.breaker(&AgentKey::shared("somebody")).state,
        State::Closed
    );
}
