//! What estimates remark about single nodes: those without a bound, and those that would fail.

use agentchains_engine::{EstimateRequest, machine::AgentTerms};
use serde_json::json;

use crate::{
    estimate::{agent, document, each, estimate, plain, profile, usd, world},
    harness::{named, starts},
};

#[tokio::test]
async fn what_nothing_bounds_is_named_with_the_reason() {
    let world = world();
    profile(&world, "b", AgentTerms::default());
    let group = json!({"id": "g", "type": "parallel_group", "config": {"nodes": ["b"]}});
    let nodes = json!([agent("a", json!({})), agent("b", json!({})), agent("d", json!({})), group,
                       {"id": "q", "type": "human_approval"}]);
    let estimate = plain(&world, &document(nodes)).await;
    assert_eq!(
        (estimate.cost.worst_case_usd, estimate.duration.worst_case_seconds),
        (None, None)
    );
    let places = |found: &[agentchains_engine::Remark]| {
        let mut places: Vec<String> = found.iter().map(|one| one.place.clone()).collect();
        places.sort();
        places
    };
    assert_eq!(places(&estimate.cost.unbounded), ["d", "g/b"]);
    assert_eq!(places(&estimate.duration.unbounded), ["q"]);
    let unregistered = estimate
        .cost
        .unbounded
        .iter()
        .find(|one| one.place == "d")
        .unwrap();
    assert!(
        unregistered.reason.contains("not registered"),
        "{}",
        unregistered.reason
    );
    assert_eq!(estimate.duration.critical_path, ["q"]);
}

#[tokio::test]
async fn a_worst_case_beyond_what_money_can_count_names_the_node_and_a_budget_bounds_it() {
    let world = world();
    for agent_id in ["b", "c"] {
        let terms = AgentTerms {
            max_cost: Some(usd(5_000_000_000)),
            ..AgentTerms::default()
        };
        profile(&world, agent_id, terms);
    }
    let retried = agent("b", json!({"retry": {"max_attempts": 2}}));
    let in_turn = json!({"id": "l", "type": "loop", "config": {
        "nodes": ["b"], "until": "$.input.never", "max_iterations": 10,
    }});
    let [a, b, c] = ["a", "b", "c"].map(|id| agent(id, json!({})));
    for (nodes, place, reason) in [
        (json!([a, retried]), "b", "its worst case is more than"),
        (json!([b, in_turn]), "l/b", "its worst case is more than"),
        (json!([a, b, c]), "c", "together with that of the other nodes"),
    ] {
        for (max_budget, worst_case) in [(None, None), (Some(usd(7)), Some(usd(7)))] {
            let request = EstimateRequest {
                max_budget,
                ..EstimateRequest::default()
            };
            let found = estimate(&world, &document(nodes.clone()), request).await.unwrap();
            assert_eq!(found.cost.worst_case_usd, worst_case, "{nodes}");
            assert_eq!(found.fits_budget, max_budget.map(|_| false));
            let [named] = &found.cost.unbounded[..] else {
                panic!("{:?}", found.cost.unbounded)
            };
            assert_eq!(named.place, place);
            assert!(
                named.reason.contains(reason) && named.reason.contains("9223372036.854775807 USD"),
                "{}",
                named.reason
            );
        }
    }
    world.workflow(&named("child", document(json!([b, c])))).await;
    let mut capped = starts("child");
    capped["nodes"][0]["max_cost"] = json!(3);
    let found = plain(&world, &capped).await;
    assert_eq!(
        (found.cost.worst_case_usd, found.cost.unbounded.len()),
        (Some(usd(3)), 0)
    );
}

#[tokio::test]
async fn items_that_the_input_makes_no_array_are_warned_of() {
    let world = world();
    let outer = json!({"id": "outer", "type": "parallel_group", "config": {
        "items": "{{input.texts}}",
        "body": {"nodes": [each("{{input.pages}}", "loop", json!({"max_iterations": 2}))]},
    }});
    for (input, warned) in [
        (json!({"texts": [1], "pages": [2]}), vec![]),
        (json!({"texts": "one", "pages": [2]}), vec![("outer", "a string")]),
        (
            json!({"texts": [1], "pages": {}}),
            vec![("outer/each", "an object")],
        ),
        (json!({"texts": [], "pages": 5}), vec![]),
        (
            json!({"texts": null, "pages": true}),
            vec![("outer/each", "a boolean"), ("outer", "null")],
        ),
    ] {
        let request = EstimateRequest {
            input: Some(input.clone()),
            ..EstimateRequest::default()
        };
        let found = estimate(&world, &document(json!([outer])), request)
            .await
            .unwrap();
        let places: Vec<&str> = found.warnings.iter().map(|one| one.place.as_str()).collect();
        let expected: Vec<&str> = warned.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, expected, "{input}");
        for (warning, (_, what)) in found.warnings.iter().zip(warned) {
            let said = format!("`items` is {what} and not an array");
            assert!(warning.reason.contains(&said), "{}", warning.reason);
        }
    }
}
