//! What groups, loops and sub-workflows decode to.

use agentchains_workflow::{
    FanOut, Loop, NodeKind, OnExhausted, OnItemError, ParallelGroup, Repeat, Subworkflow, Tolerance,
};
use serde_json::{Value, json};

use crate::support::{call, compiled, group, repeat, workflow};

fn kind(node: Value) -> NodeKind {
    let workflow = compiled(&workflow(&[node]));
    let first = workflow.graph().indices().next().unwrap();
    workflow.graph().node(first).kind.clone()
}

fn group_of(fields: Value) -> ParallelGroup {
    let mut config = json!({"nodes": [call("a", json!({})), call("b", json!({}))]});
    if fields.get("items").is_some() {
        config = json!({"body": config});
    }
    for (field, value) in fields.as_object().unwrap() {
        config[field] = value.clone();
    }
    match kind(group("g", config)) {
        NodeKind::ParallelGroup(group) => *group,
        other => unreachable!("a group, not {}", other.as_str()),
    }
}

fn loop_of(fields: Value) -> Loop {
    let mut node = repeat("l", json!({"nodes": [call("a", json!({}))]}));
    let config = node["config"].as_object_mut().unwrap();
    for (field, value) in fields.as_object().unwrap() {
        config.insert(field.clone(), value.clone());
    }
    config.retain(|_, value| !value.is_null());
    match kind(node) {
        NodeKind::Loop(repeated) => *repeated,
        other => unreachable!("a loop, not {}", other.as_str()),
    }
}

fn child_of(config: Value) -> Subworkflow {
    match kind(json!({"id": "s", "type": "subworkflow", "config": config})) {
        NodeKind::Subworkflow(child) => *child,
        other => unreachable!("a sub-workflow, not {}", other.as_str()),
    }
}

#[test]
fn a_group_runs_its_members_at_once_and_wants_all_of_them() {
    let group = group_of(json!({}));
    assert!(matches!(group.fan_out, FanOut::Members(scope) if scope.index() == 1));
    assert_eq!((group.max_concurrency, group.at_least), (None, None));
    assert_eq!(group.on_item_error, OnItemError::Fail);
}

#[test]
fn a_group_may_run_for_items() {
    for items in [json!("{{ input.list }}"), json!([1, "{{ input.x }}"])] {
        let group = group_of(json!({"items": items, "max_concurrency": 5}));
        let FanOut::Items {
            items: template,
            body,
        } = &group.fan_out
        else {
            panic!("items, not {:?}", group.fan_out)
        };
        assert_eq!((template.source(), body.index()), (&items, 1));
        assert_eq!(group.max_concurrency.map(u32::from), Some(5));
    }
}

#[test]
fn modes_say_how_many_must_succeed() {
    let least = |mode: Value| group_of(json!({"mode": mode})).at_least.map(u32::from);
    assert_eq!(least(json!("all")), None);
    assert_eq!(least(json!("any")), Some(1));
    assert_eq!(least(json!({"at_least": 2})), Some(2));
}

#[test]
fn failures_are_borne_as_many_as_the_document_says() {
    let borne = |fields: Value| group_of(fields).on_item_error;
    let null = OnItemError::Null;
    let cases = [
        (json!({}), OnItemError::Fail),
        (json!({"on_item_error": "fail"}), OnItemError::Fail),
        (json!({"on_item_error": "null"}), null(Tolerance::All)),
        (json!({"tolerated_failures": 2}), null(Tolerance::Count(2))),
        (json!({"tolerated_failures": 0}), null(Tolerance::Count(0))),
        (
            json!({"on_item_error": "null", "tolerated_failures": "10%"}),
            null(Tolerance::PartsPerMillion(100_000)),
        ),
        (
            json!({"tolerated_failures": "0.5%"}),
            null(Tolerance::PartsPerMillion(5_000)),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(borne(fields.clone()), expected, "{fields}");
    }
}

#[test]
fn a_part_of_all_is_rounded_down() {
    let cases = [
        (Tolerance::All, 7, 7),
        (Tolerance::Count(2), 7, 2),
        (Tolerance::Count(9), 7, 9),
        (Tolerance::PartsPerMillion(0), 7, 0),
        (Tolerance::PartsPerMillion(100_000), 9, 0),
        (Tolerance::PartsPerMillion(100_000), 10, 1),
        (Tolerance::PartsPerMillion(100_000), 19, 1),
        (Tolerance::PartsPerMillion(1_000_000), 10_000, 10_000),
        (Tolerance::PartsPerMillion(500_000), 0, 0),
    ];
    for (tolerance, total, expected) in cases {
        assert_eq!(tolerance.of(total), expected, "{tolerance:?} of {total}");
    }
    let part = group_of(json!({"tolerated_failures": "18.4%"})).on_item_error;
    let OnItemError::Null(part) = part else {
        panic!("some are borne, not {part:?}")
    };
    assert_eq!(
        (part.of(375), part.of(374), part.of(u32::MAX)),
        (69, 68, 790_273_982)
    );
}

#[test]
fn a_loop_goes_on_until_while_or_for_items() {
    assert!(matches!(loop_of(json!({})).repeat, Repeat::Until(_)));
    let asked_before = json!({"until": null, "while": "$.loop.index < 2"});
    assert!(matches!(loop_of(asked_before).repeat, Repeat::While(_)));
    let items = json!({"until": null, "max_iterations": null, "items": "{{ input.list }}"});
    let repeated = loop_of(items);
    assert!(matches!(repeated.repeat, Repeat::Items(_)));
    assert_eq!(repeated.max_iterations.get(), 10_000);
}

#[test]
fn a_loop_is_bounded_and_fails_at_its_bound() {
    let repeated = loop_of(json!({}));
    assert_eq!((repeated.body.index(), repeated.max_iterations.get()), (1, 3));
    assert_eq!(repeated.on_exhausted, OnExhausted::Fail);
    assert_eq!(
        loop_of(json!({"on_exhausted": "complete"})).on_exhausted,
        OnExhausted::Complete
    );
    let body = json!({"nodes": null, "body": {"nodes": [call("a", json!({}))]}, "max_iterations": 10_000});
    assert_eq!(loop_of(body).max_iterations.get(), 10_000);
}

#[test]
fn a_sub_workflow_is_the_latest_and_waited_for() {
    let child = child_of(json!({"workflow_id": "w"}));
    assert_eq!(
        (child.workflow.as_str(), child.version, child.wait),
        ("w", None, true)
    );
    assert!(child.input.is_none());
    let child =
        child_of(json!({"workflow_id": "w", "version": 3, "wait": false, "input": {"t": "{{ input.t }}"}}));
    assert_eq!((child.version.map(u32::from), child.wait), (Some(3), false));
    assert_eq!(child.input.unwrap().source(), &json!({"t": "{{ input.t }}"}));
    assert_eq!(
        child_of(json!({"workflow_id": "w", "version": "latest"})).version,
        None
    );
}
