//! Estimates: the worst case by caps, prices and limits, and what the past lets expect.

use agentchains_engine::{
    Caller, EngineError, Estimate, EstimateRequest,
    cost::{PriceList, Usd},
    machine::AgentTerms,
    ports::{AgentProfile, Seconds},
};
use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::{
    harness::{World, calls, named, seconds, settle, starts, starts_with},
    trees::smuggle,
};

/// Agents `a`, `b` and `c` whose attempts cost at most 1, 2 and 4 USD.
pub(crate) fn world() -> World {
    let world = World::new();
    for (agent_id, dollars) in [("a", 1), ("b", 2), ("c", 4)] {
        let terms = AgentTerms {
            max_cost: Some(usd(dollars)),
            ..AgentTerms::default()
        };
        profile(&world, agent_id, terms);
    }
    world
}

pub(crate) fn profile(world: &World, agent_id: &str, terms: AgentTerms) {
    let profile = AgentProfile {
        terms: terms.into(),
        ..AgentProfile::default()
    };
    world.agents.set_profile(agent_id, profile);
}

pub(crate) fn usd(dollars: i64) -> Usd {
    Usd::from_nanos(dollars * 1_000_000_000)
}

pub(crate) async fn estimate(
    world: &World,
    document: &Value,
    request: EstimateRequest,
) -> Result<Estimate, EngineError> {
    let workflow = world.workflow(document).await;
    world
        .engine
        .estimate(&Caller::anonymous(), workflow, request)
        .await
}

pub(crate) async fn plain(world: &World, document: &Value) -> Estimate {
    estimate(world, document, EstimateRequest::default())
        .await
        .unwrap()
}

pub(crate) fn document(nodes: Value) -> Value {
    json!({"name": "test", "nodes": nodes})
}

pub(crate) fn agent(id: &str, fields: Value) -> Value {
    let mut node = json!({"id": id, "type": "agent_call", "agent_id": id});
    for (name, value) in fields.as_object().unwrap() {
        node[name] = value.clone();
    }
    node
}

pub(crate) fn each(items: &str, kind: &str, config: Value) -> Value {
    let mut node = json!({"id": "each", "type": kind, "config": config});
    node["config"]["items"] = json!(items);
    node["config"]["body"] = json!({"nodes": [agent("a", json!({}))]});
    node
}

#[tokio::test]
async fn the_worst_case_counts_every_attempt_iteration_and_item() {
    let world = world();
    let repeated = |max_iterations| {
        json!({"id": "l", "type": "loop", "config": {
            "nodes": ["a", "b"], "until": "$.input.never", "max_iterations": max_iterations,
        }})
    };
    let (a, b, c) = (
        agent("a", json!({})),
        agent("b", json!({})),
        agent("c", json!({"max_cost": 0.5})),
    );
    let retried = agent("a", json!({"retry": {"max_attempts": 3, "jitter": "none"}}));
    let group = each("{{input.texts}}", "parallel_group", json!({}));
    let mut group_again = group.clone();
    group_again["retry"] = json!({"max_attempts": 2});
    let in_turn = each("{{input.texts}}", "loop", json!({"max_iterations": 2}));
    for (nodes, nanos) in [
        (json!([a, b, c]), 3_500_000_000),
        (json!([retried]), 3_000_000_000),
        (json!([a, b, repeated(5)]), 15_000_000_000),
        (json!([group]), 3_000_000_000),
        (json!([group_again]), 6_000_000_000),
        (json!([in_turn]), 2_000_000_000),
    ] {
        let request = EstimateRequest {
            input: Some(json!({"texts": [1, 2, 3]})),
            ..EstimateRequest::default()
        };
        let estimate = estimate(&world, &document(nodes.clone()), request).await.unwrap();
        assert_eq!(
            estimate.cost.worst_case_usd,
            Some(Usd::from_nanos(nanos)),
            "{nodes}"
        );
    }
}

#[tokio::test]
async fn items_are_as_many_as_there_may_be_unless_the_input_alone_says_how_many() {
    let world = world();
    for (items, input, dollars) in [
        ("{{input.texts}}", None, 10_000),
        ("{{input.texts}}", Some(json!({"texts": []})), 0),
        ("{{input.texts}}", Some(json!({})), 10_000),
        (
            "{{first.list | default(input.texts)}}",
            Some(json!({"texts": [1]})),
            10_000,
        ),
    ] {
        let first =
            json!({"id": "first", "type": "condition", "config": {"expression": "$.input", "then": []}});
        let mut group = each(items, "parallel_group", json!({}));
        group["depends_on"] = json!(["first"]);
        let request = EstimateRequest {
            input,
            ..EstimateRequest::default()
        };
        let found = estimate(&world, &document(json!([first, group])), request).await;
        assert_eq!(found.unwrap().cost.worst_case_usd, Some(usd(dollars)), "{items}");
    }
}

#[tokio::test]
async fn of_branches_that_exclude_each_other_the_dearest_counts() {
    let world = world();
    let choice = |then: &str, otherwise: &str| {
        json!({"id": "if", "type": "condition",
               "config": {"expression": "$.input.x", "then": then, "else": otherwise}})
    };
    let after = |id: &str, fields: Value| agent(id, fields);
    for (nodes, dollars, why) in [
        (
            json!([choice("a", "b"), after("a", json!({})), after("b", json!({}))]),
            2,
            "one or the other",
        ),
        (
            json!([
                choice("a", "b"),
                after("a", json!({})),
                after("b", json!({})),
                after("c", json!({"depends_on": ["a", "b"]}))
            ]),
            6,
            "what rejoins runs in any case",
        ),
        (
            json!([
                choice("a", "b"),
                after("a", json!({})),
                after("b", json!({})),
                after("c", json!({"depends_on": ["a"]}))
            ]),
            5,
            "what follows one of them belongs to it",
        ),
        (
            json!([
                choice("a", "b"),
                after("a", json!({})),
                after("b", json!({})),
                after("c", json!({"depends_on": ["a"], "join": "settled"}))
            ]),
            6,
            "a settled join runs after the other, too",
        ),
        (
            json!([
                after("a", json!({"on_error": {"goto": "c"}})),
                after("b", json!({"depends_on": ["a"]})),
                after("c", json!({}))
            ]),
            7,
            "an edge without a label is no alternative to a failure",
        ),
    ] {
        let estimate = plain(&world, &document(nodes)).await;
        assert_eq!(estimate.cost.worst_case_usd, Some(usd(dollars)), "{why}");
    }
}

#[tokio::test]
async fn a_fixed_price_is_due_whatever_is_declared() {
    let world = world();
    let prices = PriceList {
        per_call: Some(usd(3)),
        ..PriceList::default()
    };
    let terms = AgentTerms {
        max_cost: Some(usd(1)),
        prices,
        ..AgentTerms::default()
    };
    profile(&world, "a", terms);
    for (fields, dollars) in [
        (json!({}), 3),
        (json!({"max_cost": 2}), 3),
        (json!({"max_cost": 4}), 4),
    ] {
        let estimate = plain(&world, &document(json!([agent("a", fields)]))).await;
        assert_eq!(estimate.cost.worst_case_usd, Some(usd(dollars)));
    }
}

#[tokio::test]
async fn prices_bound_an_attempt_and_so_do_those_of_the_agent_that_stands_in() {
    let world = world();
    let prices = |json: Value| serde_json::from_value::<PriceList>(json).unwrap();
    let terms = AgentTerms {
        prices: prices(json!({"per_call": 1, "per_second": 0.1})),
        fallback_agent_id: Some("b".to_owned()),
        ..AgentTerms::default()
    };
    profile(&world, "a", terms);
    for (timeout, dollars) in [("5s", 2), ("30s", 4)] {
        let nodes = json!([agent("a", json!({"timeout": timeout}))]);
        let estimate = plain(&world, &document(nodes)).await;
        assert_eq!(estimate.cost.worst_case_usd, Some(usd(dollars)), "{timeout}");
    }
}

#[tokio::test]
async fn the_critical_path_adds_timeouts_and_the_delays_between_attempts() {
    let world = world();
    let retry = json!({"max_attempts": 3, "initial_interval": "1s", "multiplier": 2, "max_interval": "30s"});
    let nodes = json!([
        agent("a", json!({"timeout": "10s", "retry": retry})),
        agent("b", json!({"timeout": "30s"})),
        agent("c", json!({"timeout": "5s", "depends_on": ["a", "b"]})),
    ]);
    let estimate = plain(&world, &document(nodes.clone())).await;
    assert_eq!(estimate.duration.critical_path, ["a", "c"]);
    assert_eq!(estimate.duration.worst_case_seconds, Some(Seconds(seconds(38))));
    let mut in_time = document(nodes);
    in_time["timeout"] = json!("20s");
    let estimate = plain(&world, &in_time).await;
    assert_eq!(estimate.duration.worst_case_seconds, Some(Seconds(seconds(20))));
    let mut in_turn = document(json!([
        agent("a", json!({"timeout": "10s"})),
        agent("b", json!({"timeout": "30s"}))
    ]));
    in_turn["max_concurrency"] = json!(1);
    let estimate = plain(&world, &in_turn).await;
    assert_eq!(estimate.duration.worst_case_seconds, Some(Seconds(seconds(40))));
}

#[tokio::test]
async fn members_take_as_many_rounds_as_their_group_lets_run_at_once() {
    let world = world();
    let group = each("{{input}}", "parallel_group", json!({"max_concurrency": 2}));
    let request = EstimateRequest {
        input: Some(json!([1, 2, 3, 4, 5])),
        ..EstimateRequest::default()
    };
    let found = estimate(&world, &document(json!([group])), request)
        .await
        .unwrap();
    assert_eq!(found.duration.worst_case_seconds, Some(Seconds(seconds(180))));
    let inner = found.nodes.iter().find(|node| node.place == "each/a").unwrap();
    assert_eq!((inner.runs, inner.worst_case_usd), (5, Some(usd(5))));
}

#[tokio::test]
async fn a_layer_waits_for_all_below_it_where_layers_are_barriers() {
    let world = world();
    let nodes = json!([
        agent("a", json!({"timeout": "10s"})),
        agent("b", json!({"timeout": "30s"})),
        agent("c", json!({"timeout": "20s", "depends_on": ["a"]})),
    ]);
    let mut layered = document(nodes);
    layered["scheduling"] = json!("layered");
    let estimate = plain(&world, &layered).await;
    assert_eq!(estimate.duration.critical_path, ["b", "c"]);
    assert_eq!(estimate.duration.worst_case_seconds, Some(Seconds(seconds(50))));
}

#[tokio::test]
async fn what_sub_workflows_cost_counts_within_their_own_limits() {
    let world = world();
    world.workflow(&named("child", calls("a b", ""))).await;
    let mut poor = named("poor", calls("a b", ""));
    poor["max_budget"] = json!(2.5);
    world.workflow(&poor).await;
    let with = |fields: Value| {
        let mut parent = starts("child");
        for (name, value) in fields.as_object().unwrap() {
            parent["nodes"][0][name] = value.clone();
        }
        parent
    };
    for (parent, nanos) in [
        (with(json!({})), 3_000_000_000),
        (with(json!({"max_cost": 2})), 2_000_000_000),
        (with(json!({"retry": {"max_attempts": 2}})), 6_000_000_000),
        (starts("poor"), 2_500_000_000),
        (starts_with(json!({"workflow_id": "child", "wait": false})), 0),
    ] {
        let estimate = plain(&world, &parent).await;
        assert_eq!(
            estimate.cost.worst_case_usd,
            Some(Usd::from_nanos(nanos)),
            "{parent}"
        );
    }
    profile(&world, "b", AgentTerms::default());
    let estimate = plain(&world, &starts("child")).await;
    assert_eq!(estimate.cost.unbounded[0].place, "s/b");
    let estimate = plain(&world, &starts("nowhere")).await;
    assert_eq!(estimate.cost.unbounded[0].place, "s");
}

#[tokio::test]
async fn a_budget_holds_the_worst_case_and_is_said_to_be_enough_or_not() {
    let world = world();
    for (budget, worst_case, fits) in [
        (None, Some(usd(3)), None),
        (Some(usd(2)), Some(usd(2)), Some(false)),
        (Some(usd(3)), Some(usd(3)), Some(true)),
    ] {
        let request = EstimateRequest {
            max_budget: budget,
            ..EstimateRequest::default()
        };
        let found = estimate(&world, &calls("a b", ""), request).await.unwrap();
        assert_eq!((found.cost.worst_case_usd, found.fits_budget), (worst_case, fits));
        assert_eq!(found.cost.unbudgeted_usd, Some(usd(3)));
    }
}

#[tokio::test]
async fn what_is_expected_comes_from_the_executions_of_that_version() {
    let world = world();
    let workflow = world.workflow(&calls("a b", "a>b")).await;
    let caller = Caller::anonymous();
    let request = EstimateRequest::default();
    let before = world
        .engine
        .estimate(&caller, workflow, request.clone())
        .await
        .unwrap();
    assert_eq!((before.cost.expected_p50_usd, before.cost.samples), (None, 0));
    assert!(before.duration.expected_critical_path.is_empty());
    for millis in 1..=10_i64 {
        let cost = Usd::from_nanos(millis * 1_000_000);
        world.agents.script("a", [Answer::costing(json!(1), cost)]);
        world.agents.script("b", [Answer::held()]);
        world.start_again(workflow).await;
        settle().await;
        world.pass(seconds(millis.unsigned_abs())).await;
        world.agents.release_reply("b", json!(2));
        settle().await;
    }
    let found = world.engine.estimate(&caller, workflow, request).await.unwrap();
    let (cost, duration) = (&found.cost, &found.duration);
    let dollars = |millis: i64| Some(Usd::from_nanos(millis * 1_000_000));
    assert_eq!(
        (cost.expected_p50_usd, cost.expected_p90_usd, cost.samples),
        (dollars(5), dollars(9), 10)
    );
    assert_eq!(
        (duration.expected_p50_seconds, duration.expected_p90_seconds),
        (Some(Seconds(seconds(5))), Some(Seconds(seconds(9))))
    );
    assert_eq!(duration.expected_critical_path, ["a", "b"]);
    let b = &found.nodes[1];
    assert_eq!(
        (b.expected_p90_seconds, b.samples),
        (Some(Seconds(seconds(9))), 10)
    );
}

#[tokio::test]
async fn an_input_that_would_not_be_taken_is_refused() {
    let world = world();
    let mut strict = calls("a", "");
    strict["input_schema"] = json!({"type": "array"});
    let request = EstimateRequest {
        input: Some(json!({})),
        ..EstimateRequest::default()
    };
    let refused = estimate(&world, &strict, request).await;
    assert!(
        matches!(refused, Err(EngineError::InputMismatch { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_ring_of_references_is_refused_with_the_way_around() {
    let world = world();
    smuggle(&world, &named("x", starts("y"))).await;
    smuggle(&world, &named("y", starts("x"))).await;
    let refused = estimate(&world, &starts("x"), EstimateRequest::default()).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("x → y → x"), "{message}");
}
