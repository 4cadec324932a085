//! What valid documents decode to.

use std::time::Duration;

use agentchains_workflow::{
    Jitter, Join, Node, NodeKind, OnBudget, OnError, OnFailure, OnTimeout, OnUnknown, Scheduling, UnknownCost,
};
use serde_json::{Value, json};

use crate::support::{approval, compiled, findings, one, workflow};

fn first(document: &Value) -> Node {
    let workflow = compiled(document);
    let node = workflow.graph().indices().next().unwrap();
    workflow.graph().node(node).clone()
}

#[test]
fn what_is_not_written_has_its_default() {
    let workflow = compiled(&one(json!({})));
    let settings = workflow.settings();
    assert_eq!(
        (settings.name.as_str(), settings.max_concurrency.get()),
        ("t", 64)
    );
    assert_eq!((settings.max_budget, settings.timeout), (None, None));
    assert_eq!(
        (settings.on_budget, settings.unknown_cost),
        (OnBudget::Fail, UnknownCost::Allow)
    );
    assert_eq!(
        (settings.scheduling, settings.on_failure),
        (Scheduling::Eager, OnFailure::Drain)
    );
    let node = first(&one(json!({"retry": {"initial_interval": "1m"}})));
    assert_eq!(
        (node.join, node.timeout, node.on_error),
        (Join::Default, None, OnError::Fail)
    );
    let retry = node.retry.unwrap();
    assert_eq!(
        (retry.max_attempts.get(), retry.multiplier, retry.jitter),
        (3, 2.0, Jitter::Full)
    );
    assert_eq!(
        (retry.initial_interval, retry.max_interval),
        (Duration::from_secs(60), Duration::from_secs(60))
    );
    let NodeKind::AgentCall(call) = node.kind else {
        panic!("a call")
    };
    assert_eq!(
        (call.agent_id.as_str(), call.config.source()),
        ("echo", &json!({}))
    );
    let NodeKind::HumanApproval(approval) = first(&workflow_of_approval(json!({}))).kind else {
        panic!("an approval")
    };
    assert_eq!(
        (approval.quorum.get(), approval.on_timeout),
        (1, OnTimeout::Reject)
    );
    assert_eq!(approval.actions, ["approve", "reject"]);
    assert_eq!(approval.message.source(), &json!("Approve?"));
}

fn workflow_of_approval(config: Value) -> Value {
    workflow(&[approval("a", json!({"config": config}))])
}

#[test]
fn what_is_written_is_taken() {
    let mut document = one(json!({
        "name": "A", "description": "d", "join": "all", "timeout": "30s", "max_cost": "0.05", "on_unknown": "ask",
        "on_error": {"output": {"x": "{{ not evaluated }}"}}, "breaker_wait": "0s", "output_schema": {"type": "object"},
        "retry": {"max_attempts": 5, "initial_interval": 0.5, "multiplier": 1.5, "max_interval": "1m", "jitter": "none"},
    }));
    for (field, value) in [
        ("max_budget", json!(1.000000001)),
        ("on_budget", json!("pause")),
        ("unknown_cost", json!("serialize")),
        ("timeout", json!("30m")),
        ("scheduling", json!("layered")),
        ("max_concurrency", json!(2)),
        ("on_failure", json!("continue")),
    ] {
        document[field] = value;
    }
    let workflow = compiled(&document);
    let settings = workflow.settings();
    assert_eq!(settings.max_budget.unwrap().nanos(), 1_000_000_001);
    assert_eq!(
        (settings.on_budget, settings.unknown_cost),
        (OnBudget::Pause, UnknownCost::Serialize)
    );
    assert_eq!(
        (settings.scheduling, settings.on_failure),
        (Scheduling::Layered, OnFailure::Continue)
    );
    assert_eq!(
        (settings.timeout, settings.max_concurrency.get()),
        (Some(Duration::from_secs(1_800)), 2)
    );
    let node = first(&document);
    assert_eq!((node.name.as_deref(), node.join), (Some("A"), Join::All));
    assert_eq!(
        (node.timeout, node.breaker_wait),
        (Some(Duration::from_secs(30)), Some(Duration::ZERO))
    );
    assert_eq!(
        (node.max_cost.unwrap().nanos(), node.on_unknown),
        (50_000_000, Some(OnUnknown::Ask))
    );
    assert_eq!(
        node.on_error,
        OnError::Output(json!({"x": "{{ not evaluated }}"}).into())
    );
    let retry = node.retry.unwrap();
    assert_eq!(
        (retry.max_attempts.get(), retry.multiplier, retry.jitter),
        (5, 1.5, Jitter::None)
    );
    assert_eq!(
        (retry.initial_interval, retry.max_interval),
        (Duration::from_millis(500), Duration::from_secs(60))
    );
}

#[test]
fn durations_are_seconds_or_a_number_and_a_unit() {
    let good = [
        (json!(5), 5_000),
        (json!(0.25), 250),
        (json!(1e2), 100_000),
        (json!("250ms"), 250),
        (json!("3ms"), 3),
        (json!("30s"), 30_000),
        (json!("5m"), 300_000),
        (json!("1.5h"), 5_400_000),
        (json!("1d"), 86_400_000),
        (json!("3650d"), 315_360_000_000),
    ];
    for (written, milliseconds) in good {
        let node = first(&one(json!({"timeout": written})));
        assert_eq!(
            node.timeout,
            Some(Duration::from_millis(milliseconds)),
            "{written}"
        );
    }
    let bad = [
        "",
        "5",
        "s",
        "-5s",
        "+5s",
        "5 s",
        " 5s",
        "5S",
        "5w",
        "1e3s",
        "1_0s",
        ".5s",
        "5.s",
        "1.2.3s",
        "5m30s",
        "NaNs",
        "infs",
        "٣s",
        "3651d",
        "99999999999999999999d",
    ];
    for written in bad {
        assert_eq!(
            findings(&one(json!({"timeout": written}))),
            ["invalid_value@/nodes/0/timeout"],
            "{written:?}"
        );
    }
    for written in [json!(-1), json!(0), json!(1e12), json!(1e300)] {
        assert_eq!(
            findings(&one(json!({"timeout": written}))),
            ["invalid_value@/nodes/0/timeout"],
            "{written}"
        );
    }
    for written in [json!([1]), json!(null), json!(true)] {
        assert_eq!(
            findings(&one(json!({"timeout": written}))),
            ["wrong_type@/nodes/0/timeout"],
            "{written}"
        );
    }
}

#[test]
fn money_is_exact_from_its_own_characters() {
    let budget = |written: &str| {
        let text = one(json!({}))
            .to_string()
            .replacen('{', &format!("{{\"max_budget\":{written},"), 1);
        let checked = agentchains_workflow::check(&text);
        checked
            .workflow
            .and_then(|workflow| workflow.settings().max_budget)
            .map(|amount| amount.nanos())
    };
    let good = [
        ("0", 0),
        ("0.1", 100_000_000),
        ("1e-9", 1),
        ("\"0.50\"", 500_000_000),
        ("999999.123456789", 999_999_123_456_789),
        ("1000000", 1_000_000_000_000_000),
        ("1.10000000000000000000", 1_100_000_000),
    ];
    for (written, nanos) in good {
        assert_eq!(budget(written), Some(nanos), "{written}");
    }
    for written in [
        "-1",
        "\"-1\"",
        "1e-10",
        "0.0000000001",
        "1000000.000000001",
        "1e300",
        "\"1,5\"",
        "\"\"",
        "\"1 USD\"",
        "true",
    ] {
        assert_eq!(budget(written), None, "{written}");
    }
}

#[test]
fn the_document_that_is_kept_compiles_to_the_same() {
    let mut document =
        one(json!({"config": {"n": 9_007_199_254_740_993_u64, "f": 0.1, "t": "{{ input.x }}"}}));
    document["max_budget"] = json!(999_999.123_456_789);
    let kept = compiled(&document);
    assert_eq!(kept.document(), &document);
    let again = compiled(kept.document());
    assert_eq!(again.settings().max_budget, kept.settings().max_budget);
    assert_eq!(again.document(), kept.document());
}

#[test]
fn agents_are_listed_with_the_places_that_name_them() {
    let nodes = [
        json!({"id": "a", "type": "agent_call", "agent_id": "web"}),
        approval("b", json!({})),
        json!({"id": "c", "type": "agent_call", "agent_id": "web"}),
    ];
    let workflow = compiled(&workflow(&nodes));
    let agents: Vec<_> = workflow
        .agents()
        .map(|(pointer, call)| (pointer, call.agent_id.as_str()))
        .collect();
    assert_eq!(
        agents,
        [
            ("/nodes/0/agent_id".to_owned(), "web"),
            ("/nodes/2/agent_id".to_owned(), "web")
        ]
    );
}

#[test]
fn compiled_workflows_are_shared_between_threads() {
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    shareable(&compiled(&one(json!({"config": {"x": "{{ input.x + 1 }}"}}))));
}
