//! What an engine tells a recorder of metrics.

use agentchains_engine::ports::AgentKey;
use agentchains_engine::{cost::Usd, metrics::HISTOGRAMS};
use agentchains_testkit::Answer;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use serde_json::{Value, json};

use crate::harness::{World, call, calls, question, seconds, settle};

fn recorder() -> PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for (name, bounds) in HISTOGRAMS {
        let matcher = Matcher::Full(name.to_owned());
        builder = builder.set_buckets_for_metric(matcher, bounds).unwrap();
    }
    builder.build_recorder()
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// A call that costs more than its budget has.
fn too_dear() -> Value {
    let mut workflow = call(json!({"max_cost": 2}));
    workflow["max_budget"] = json!(1);
    workflow
}

/// Each line is there.
fn check(recorder: &PrometheusRecorder, lines: &[&str]) {
    let rendered = recorder.handle().render();
    for line in lines {
        assert!(
            rendered.lines().any(|present| present == *line),
            "{line} is not in\n{rendered}"
        );
    }
}

#[tokio::test]
async fn executions_attempts_money_and_commits_are_counted_once_they_are_durable() {
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new();
    world
        .agents
        .script("a", [Answer::costing(json!(1), usd("0.25")), Answer::refusal()]);
    for _ in 0..2 {
        world.start(&calls("a", "")).await;
        settle().await;
    }
    check(
        &recorder,
        &[
            "agentchains_executions_started_total 2",
            r#"agentchains_executions_finished_total{status="completed"} 1"#,
            r#"agentchains_executions_finished_total{status="failed"} 1"#,
            r#"agentchains_executions_finished_total{status="cancelled"} 0"#,
            "agentchains_executions_active 0",
            r#"agentchains_attempts_total{agent="a",outcome="succeeded"} 1"#,
            r#"agentchains_attempts_total{agent="a",outcome="agent_rejected"} 1"#,
            r#"agentchains_attempt_duration_seconds_count{agent="a"} 2"#,
            r#"agentchains_attempt_cost_usd_sum{agent="a"} 0.25"#,
            r#"agentchains_attempt_cost_usd_bucket{agent="a",le="1"} 2"#,
            "# TYPE agentchains_commit_duration_seconds histogram",
        ],
    );
}

#[tokio::test]
async fn an_execution_is_active_while_it_is_driven() {
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    world.start(&calls("a", "")).await;
    world.start(&question(json!({}))).await;
    settle().await;
    world.pass(seconds(5)).await;
    check(&recorder, &["agentchains_executions_active 1"]);
}

#[tokio::test]
async fn what_breakers_and_budgets_refuse_is_counted() {
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new();
    world.trip("a").await;
    world.start(&calls("a", "")).await;
    world.engine.force_breaker_open(&AgentKey::shared("b"));
    world.engine.reset_breaker(&AgentKey::shared("b"));
    world.start(&too_dear()).await;
    settle().await;
    check(
        &recorder,
        &[
            r#"agentchains_breaker_state{agent="a"} 2"#,
            r#"agentchains_breaker_state{agent="b"} 0"#,
            r#"agentchains_breaker_transitions_total{agent="b",to="open"} 1"#,
            r#"agentchains_breaker_transitions_total{agent="b",to="closed"} 1"#,
            r#"agentchains_breaker_refusals_total{agent="a"} 1"#,
            "agentchains_reservations_refused_total 1",
        ],
    );
}

#[tokio::test]
async fn a_breaker_that_was_restored_shows_its_state() {
    let world = World::new();
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    settle().await;
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let _restarted = world.restarted();
    settle().await;
    check(&recorder, &[r#"agentchains_breaker_state{agent="a"} 2"#]);
}

#[tokio::test]
async fn errors_of_the_store_are_counted() {
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new();
    world.store.fail_breakers(true);
    world.engine.force_breaker_open(&AgentKey::shared("a"));
    settle().await;
    // What is saved cannot be read, and what changes cannot be saved.
    check(&recorder, &["agentchains_store_errors_total 2"]);
}

#[tokio::test]
async fn the_labels_of_agents_are_bounded() {
    let recorder = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let world = World::new();
    for number in 0..1_001 {
        world
            .engine
            .force_breaker_open(&AgentKey::shared(&format!("agent-{number}")));
        world
            .engine
            .force_breaker_open(&AgentKey::shared(&format!("http://agent-{number}.test")));
    }
    let rendered = recorder.handle().render();
    let states = rendered
        .lines()
        .filter(|line| line.starts_with("agentchains_breaker_state{"));
    assert_eq!(states.count(), 1_001);
    check(
        &recorder,
        &[
            r#"agentchains_breaker_transitions_total{agent="inline",to="open"} 1001"#,
            r#"agentchains_breaker_transitions_total{agent="other",to="open"} 2"#,
        ],
    );
}
