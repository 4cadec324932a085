//! References of workflows to others: what is said of them when a document is checked, stored and started.

use agentchains_engine::{Caller, EngineError, StartRequest, Validation, workflow::Diagnostic};
use serde_json::{Value, json};

use crate::harness::{World, calls, named, starts, starts_with};

async fn validate(world: &World, document: &Value) -> Validation {
    let caller = Caller::anonymous();
    let text = document.to_string();
    world.engine.validate(&caller, &text).await.unwrap()
}

/// The findings as `code pointer`.
fn said(findings: &[Diagnostic]) -> Vec<String> {
    findings
        .iter()
        .map(|found| format!("{} {}", found.code, found.pointer))
        .collect()
}

const AT: &str = "/nodes/0/config/workflow_id";

#[tokio::test]
async fn a_workflow_that_is_not_stored_is_a_warning_and_no_execution_starts() {
    let world = World::new();
    let stored = world.workflow(&named("child", calls("a", ""))).await;
    let archived = world.workflow(&named("old", calls("a", ""))).await;
    world.archive(archived).await;
    for (config, known) in [
        (json!({"workflow_id": "child"}), true),
        (json!({"workflow_id": stored.to_string(), "version": 1}), true),
        (json!({"workflow_id": "child", "version": 2}), false),
        (json!({"workflow_id": "Child"}), false),
        (json!({"workflow_id": "old"}), false),
        (json!({"workflow_id": archived.to_string()}), false),
        (
            json!({"workflow_id": "01a203ed-b02b-776b-802f-03640bf7a101"}),
            false,
        ),
    ] {
        let document = starts_with(config.clone());
        let validation = validate(&world, &document).await;
        assert!(validation.errors.is_empty(), "{config}");
        let warned = said(&validation.warnings) == [format!("unknown_workflow {AT}")];
        assert_eq!(warned, !known, "{config}: {:?}", validation.warnings);

        let workflow = world.workflow(&document).await;
        match world.try_start(workflow, StartRequest::default()).await {
            Ok(_) => assert!(known, "{config}"),
            Err(EngineError::UnknownWorkflows { workflows }) => {
                assert!(!known, "{config}");
                assert_eq!(workflows[0].pointer, AT);
            }
            other => panic!("{config}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_document_that_starts_itself_by_name_is_refused() {
    let world = World::new();
    let validation = validate(&world, &named("x", starts("x"))).await;
    assert_eq!(said(&validation.errors), [format!("subworkflow_recursion {AT}")]);
    assert!(validation.workflow.is_none());
    assert!(
        validation.errors[0].message.ends_with("x → x"),
        "{:?}",
        validation.errors
    );
}

#[tokio::test]
async fn a_ring_is_refused_at_the_node_that_closes_it_with_the_way_around() {
    let world = World::new();
    let first = world.workflow(&named("a", calls("a", ""))).await;
    world.workflow(&named("b", starts(&first.to_string()))).await;
    world.workflow(&named("c", starts("b"))).await;
    let mut document = named("a", calls("a", ""));
    let node = json!({"id": "s", "type": "subworkflow", "config": {"workflow_id": "c"}});
    document["nodes"].as_array_mut().unwrap().push(node);
    let refused = world.update(first, &document).await;
    let Err(EngineError::InvalidWorkflow(validation)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        said(&validation.errors),
        ["subworkflow_recursion /nodes/1/config/workflow_id"]
    );
    assert!(
        validation.errors[0].message.ends_with("a → c → b → a"),
        "{validation:?}"
    );

    document["nodes"][1]["config"]["workflow_id"] = json!(first.to_string());
    assert!(world.update(first, &document).await.is_err(), "by its own id");
}

#[tokio::test]
async fn of_several_workflows_with_one_name_the_last_one_is_meant() {
    let world = World::new();
    let first = world.workflow(&named("x", calls("a", ""))).await;
    world.workflow(&named("x", calls("b", ""))).await;
    let id = world.start(&starts("x")).await;
    crate::harness::settle().await;
    assert_eq!(
        (world.status(id).await.as_str(), world.agents.called()),
        ("completed", vec!["b".to_owned()])
    );
    let other = world.update(first, &named("x", starts("x"))).await;
    assert!(other.is_ok(), "it starts the later one: {other:?}");
    let newest = validate(&world, &named("x", starts("x"))).await;
    assert_eq!(newest.errors.len(), 1, "a new one would be the last");
}

#[tokio::test]
async fn a_ring_that_does_not_lead_back_to_the_document_is_not_followed_for_ever() {
    let world = World::new();
    let first = world.workflow(&named("x", calls("a", ""))).await;
    world.workflow(&named("y", starts("x"))).await;
    world.archive(first).await;
    assert!(validate(&world, &starts("y")).await.errors.is_empty());
}
