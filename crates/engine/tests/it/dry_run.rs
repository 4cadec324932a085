//! Dry runs: what they walk through, whom they believe, and that nothing comes of them.

use std::collections::BTreeMap;

use agentchains_engine::{
    Caller, DryRun, DryRunError, DryRunReport, EngineError, StartRequest, SupposedDecision,
    cost::{PriceList, Usd},
    machine::{AgentTerms, ExecutionStatus, FailureCode, PauseReason, WorkflowId},
    ports::{AgentProfile, ExecutionFilter, PageRequest, Seconds},
};
use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{World, call, calls, named, question, seconds, settle, starts};

fn outputs<const N: usize>(given: [(&str, Value); N]) -> DryRun {
    DryRun {
        outputs: given.map(|(node, output)| (node.to_owned(), output)).into(),
        ..DryRun::default()
    }
}

fn decided(node: &str, decision: &str, data: Option<Value>) -> BTreeMap<String, SupposedDecision> {
    let decision = SupposedDecision {
        decision: decision.to_owned(),
        data,
    };
    BTreeMap::from([(node.to_owned(), decision)])
}

async fn rehearse(world: &World, workflow: WorkflowId, suppose: DryRun) -> Result<DryRunReport, EngineError> {
    with_request(world, workflow, StartRequest::default(), suppose).await
}

async fn with_request(
    world: &World,
    workflow: WorkflowId,
    request: StartRequest,
    suppose: DryRun,
) -> Result<DryRunReport, EngineError> {
    let calls = world.agents.calls().len();
    let executions = count(world).await;
    let report = world
        .engine
        .dry_run(&Caller::anonymous(), workflow, request, suppose)
        .await;
    assert_eq!(world.agents.calls().len(), calls, "nobody is called");
    assert_eq!(count(world).await, executions, "nothing is stored");
    report
}

async fn count(world: &World) -> usize {
    let (filter, page) = (
        ExecutionFilter::default(),
        PageRequest {
            limit: 100,
            cursor: None,
        },
    );
    let found = world
        .engine
        .executions(&Caller::anonymous(), &filter, &page)
        .await;
    found.unwrap().items.len()
}

/// The nodes of a report: `a:completed each[0]/b:skipped`.
fn nodes(report: &DryRunReport) -> String {
    let nodes = report.nodes.iter();
    let shown: Vec<String> = nodes
        .map(|node| format!("{}:{}", node.path, node.status))
        .collect();
    shown.join(" ")
}

fn branching() -> Value {
    let mut document = calls("a b c", "");
    document["nodes"].as_array_mut().unwrap().push(json!({
        "id": "if", "type": "condition", "depends_on": ["a"],
        "config": {"expression": "$.nodes.a.output.score > 0.5", "then": "b", "else": "c"},
    }));
    document
}

#[tokio::test]
async fn supposed_outputs_decide_the_branches_that_are_taken() {
    let world = World::new();
    let workflow = world.workflow(&branching()).await;
    for (score, label, shown) in [
        (0.9, "true", "a:completed b:completed c:skipped if:completed"),
        (0.1, "false", "a:completed b:skipped c:completed if:completed"),
    ] {
        let suppose = outputs([("a", json!({"score": score})), ("b", json!(1)), ("c", json!(2))]);
        let report = rehearse(&world, workflow, suppose).await.unwrap();
        assert_eq!(report.status, ExecutionStatus::Completed);
        assert_eq!(nodes(&report), shown);
        assert_eq!(report.branches["if"].as_deref(), Some(label));
        assert_eq!(report.calls, 2);
    }
}

#[tokio::test]
async fn calls_without_an_output_are_all_named_and_those_not_reached_are_not_asked_for() {
    let world = World::new();
    let workflow = world.workflow(&branching()).await;
    let suppose = outputs([("a", json!({"score": 1}))]);
    let refused = rehearse(&world, workflow, suppose).await;
    let Err(EngineError::DryRun(DryRunError::NoOutput { nodes })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(nodes, ["b"]);
    let side_by_side = world.workflow(&calls("a b c", "a>c")).await;
    let refused = rehearse(&world, side_by_side, DryRun::default()).await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("a, b;"), "{message}");
}

#[tokio::test]
async fn without_outputs_the_newest_completed_execution_is_replayed_in_simulated_time() {
    let world = World::new();
    let node = json!({"retry": {"max_attempts": 2, "initial_interval": "4s", "jitter": "none"}});
    let workflow = world.workflow(&call(node)).await;
    let paid = Usd::from_nanos(30);
    world
        .agents
        .script("a", [Answer::unwell(), Answer::costing(json!({"n": 1}), paid)]);
    let past = world.start_again(workflow).await;
    settle().await;
    world.pass(seconds(4)).await;
    assert_eq!(world.status(past).await, "completed");
    let report = rehearse(&world, workflow, DryRun::default()).await.unwrap();
    assert_eq!(
        (report.status, report.from_execution, report.calls),
        (ExecutionStatus::Completed, Some(past), 2)
    );
    assert_eq!(report.output, Some(json!({"a": {"n": 1}}).into()));
    assert_eq!(report.cost_usd, paid);
    assert_eq!(report.duration_seconds, Seconds(seconds(4)));
    assert_eq!(report.nodes[0].attempts, 2);
    let suppose = outputs([("a", json!("other"))]);
    let report = rehearse(&world, workflow, suppose).await.unwrap();
    assert_eq!(report.output, Some(json!({"a": "other"}).into()));
}

#[tokio::test]
async fn a_cost_in_a_supposed_output_is_what_the_call_costs() {
    let world = World::new();
    let prices = PriceList {
        per_call: Some(usd("0.1")),
        ..PriceList::default()
    };
    let terms = AgentTerms {
        prices,
        ..AgentTerms::default()
    };
    let profile = AgentProfile {
        terms: terms.into(),
        ..AgentProfile::default()
    };
    world.agents.set_profile("a", profile);
    let workflow = world.workflow(&call(json!({"max_cost": 0.5}))).await;
    for (stated, expected) in [
        (json!(0.25), "0.35"),
        (json!("0.25"), "0.35"),
        (json!(0), "0.1"),
        (json!(null), "0.1"),
        (json!(-1), "0.5"),
        (json!("free"), "0.5"),
    ] {
        let suppose = outputs([("a", json!({"_cost": stated}))]);
        let report = rehearse(&world, workflow, suppose).await.unwrap();
        assert_eq!(
            (report.cost_usd, report.cost_known),
            (usd(expected), true),
            "{stated}"
        );
        assert_eq!(
            report.output,
            Some(json!({"a": {"_cost": stated}}).into()),
            "it stays there"
        );
    }
    let poor = StartRequest {
        max_budget: Some(usd("1")),
        ..StartRequest::default()
    };
    let twice = world.workflow(&two_in_turn()).await;
    let suppose = outputs([("a", json!({"_cost": 0.95})), ("b", json!({"_cost": 0.01}))]);
    let report = with_request(&world, twice, poor, suppose).await.unwrap();
    assert_eq!(report.error.unwrap().code, FailureCode::BudgetExceeded);
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// Two calls one after the other, each of which wants 0.1 USD.
fn two_in_turn() -> Value {
    let mut document = calls("a b", "a>b");
    document["nodes"][0]["max_cost"] = json!(0.1);
    document["nodes"][1]["max_cost"] = json!(0.1);
    document
}

#[tokio::test]
async fn a_past_call_that_took_longer_than_its_timeout_now_allows_fails() {
    let world = World::new();
    let workflow = world.workflow(&call(json!({"timeout": "60s"}))).await;
    world.agents.script("a", [Answer::held()]);
    let past = world.start_again(workflow).await;
    settle().await;
    world.pass(seconds(50)).await;
    world.agents.release_reply("a", json!(1));
    settle().await;
    world
        .update(workflow, &call(json!({"timeout": "20s"})))
        .await
        .unwrap();
    let suppose = DryRun {
        from_execution: Some(past),
        ..DryRun::default()
    };
    let report = rehearse(&world, workflow, suppose).await.unwrap();
    assert_eq!(report.error.unwrap().code, FailureCode::AgentTimeout);
    assert_eq!(report.duration_seconds, Seconds(seconds(20)));
}

#[tokio::test]
async fn people_approve_unless_something_else_is_supposed() {
    let world = World::new();
    let quorum = json!({"quorum": 2, "approvers": ["role:editor"], "forbid_initiator": true});
    let workflow = world.workflow(&question(quorum)).await;
    let report = rehearse(&world, workflow, outputs([("b", json!(1))]))
        .await
        .unwrap();
    assert_eq!(nodes(&report), "b:completed q:completed");
    assert_eq!(report.supposed_decisions["q"], "approve");
    let rejects = DryRun {
        decisions: decided("q", "reject", None),
        ..DryRun::default()
    };
    let report = rehearse(&world, workflow, rejects).await.unwrap();
    assert_eq!(report.error.unwrap().code, FailureCode::ApprovalRejected);
    assert_eq!(report.calls, 0);
}

#[tokio::test]
async fn a_decision_that_a_question_does_not_take_is_refused() {
    let world = World::new();
    let form = json!({"form": {"type": "object", "required": ["n"]}});
    let with_form = world.workflow(&question(form)).await;
    let nobody = world
        .workflow(&question(
            json!({"approvers": ["user:anonymous"], "forbid_initiator": true}),
        ))
        .await;
    let suppose = |decision: &str, data: Option<Value>| DryRun {
        decisions: decided("q", decision, data),
        ..outputs([("b", json!(1))])
    };
    for (workflow, supposed) in [
        (with_form, suppose("approve", None)),
        (with_form, suppose("postpone", None)),
        (nobody, suppose("approve", None)),
    ] {
        let refused = rehearse(&world, workflow, supposed).await;
        let undecided = matches!(
            &refused,
            Err(EngineError::DryRun(DryRunError::Undecided { node, .. })) if node == "q"
        );
        assert!(undecided, "{refused:?}");
    }
    let filled = suppose("approve", Some(json!({"n": 1})));
    let report = rehearse(&world, with_form, filled).await.unwrap();
    assert_eq!(report.status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn child_executions_are_walked_and_their_nodes_named_behind_the_one_that_starts_them() {
    let world = World::new();
    world.workflow(&named("child", calls("a b", "a>b"))).await;
    let workflow = world.workflow(&starts("child")).await;
    let refused = rehearse(&world, workflow, DryRun::default()).await;
    assert!(refused.unwrap_err().to_string().contains("s/a;"));
    let suppose = outputs([("s/a", json!(1)), ("s/b", json!(2))]);
    let report = rehearse(&world, workflow, suppose).await.unwrap();
    assert_eq!(nodes(&report), "s:completed s/a:completed s/b:completed");
    assert_eq!(report.output, Some(json!({"s": {"b": 2}}).into()));
    let report = rehearse(&world, workflow, outputs([("s", json!("done"))]))
        .await
        .unwrap();
    assert_eq!((nodes(&report).as_str(), report.calls), ("s:completed", 0));

    let paid = Usd::from_nanos(7);
    world.agents.script("a", [Answer::costing(json!(1), paid)]);
    let past = world.start_again(workflow).await;
    settle().await;
    assert_eq!(world.status(past).await, "completed");
    let report = rehearse(&world, workflow, DryRun::default()).await.unwrap();
    assert_eq!(
        (report.status, report.cost_usd),
        (ExecutionStatus::Completed, paid)
    );
}

#[tokio::test]
async fn the_budget_of_the_whole_tree_holds() {
    let world = World::new();
    let mut child = calls("a b", "");
    child["nodes"][0]["max_cost"] = json!(0.6);
    child["nodes"][1]["max_cost"] = json!(0.6);
    world.workflow(&named("child", child)).await;
    let mut parent = starts("child");
    parent["max_budget"] = json!(1);
    let workflow = world.workflow(&parent).await;
    let suppose = || outputs([("s/a", json!(1)), ("s/b", json!(2))]);
    let report = rehearse(&world, workflow, suppose()).await.unwrap();
    assert_eq!(report.status, ExecutionStatus::Completed, "one after the other");
    let poor = StartRequest {
        max_budget: Some(Usd::from_nanos(500_000_000)),
        ..StartRequest::default()
    };
    let report = with_request(&world, workflow, poor, suppose()).await.unwrap();
    assert_eq!(
        report.error.unwrap().innermost().code,
        FailureCode::BudgetExceeded
    );
}

#[tokio::test]
async fn an_execution_that_would_pause_for_its_budget_is_told_to_be_paused() {
    let world = World::new();
    let mut document = call(json!({"max_cost": 2}));
    document["max_budget"] = json!(1);
    document["on_budget"] = json!("pause");
    document["timeout"] = json!("1h");
    let workflow = world.workflow(&document).await;
    let report = rehearse(&world, workflow, outputs([("a", json!(1))]))
        .await
        .unwrap();
    assert_eq!(
        (report.status, report.pause_reason),
        (ExecutionStatus::Paused, Some(PauseReason::Budget))
    );
    assert_eq!(report.duration_seconds, Seconds(seconds(0)));
}

#[tokio::test]
async fn what_refuses_a_start_refuses_a_dry_run() {
    let world = World::new();
    let mut strict = calls("a", "");
    strict["input_schema"] = json!({"type": "array"});
    let strict = world.workflow(&strict).await;
    let stranger = world.workflow(&call(json!({"agent_id": "nobody"}))).await;
    let archived = world.workflow(&calls("a", "")).await;
    world.archive(archived).await;
    let codes = [
        rehearse(&world, strict, DryRun::default()).await,
        rehearse(&world, stranger, DryRun::default()).await,
        rehearse(&world, archived, DryRun::default()).await,
    ];
    assert!(matches!(
        codes,
        [
            Err(EngineError::InputMismatch { .. }),
            Err(EngineError::UnknownAgents { .. }),
            Err(EngineError::Archived { .. })
        ]
    ));
}

#[tokio::test]
async fn names_of_no_node_are_refused_where_they_stand() {
    let world = World::new();
    world.workflow(&named("child", calls("a", ""))).await;
    let mut document = starts("child");
    let nodes = document["nodes"].as_array_mut().unwrap();
    nodes.push(json!({"id": "q", "type": "human_approval"}));
    let workflow = world.workflow(&document).await;
    for name in ["x", "q", "a", "s/x", "q/a", "s/a/b", ""] {
        let refused = rehearse(&world, workflow, outputs([(name, json!(1))])).await;
        let Err(EngineError::NoSuchNode { pointer, .. }) = refused else {
            panic!("{name}: {refused:?}");
        };
        assert_eq!(pointer, format!("/dry_run/outputs/{}", name.replace('/', "~1")));
    }
    let suppose = DryRun {
        decisions: decided("s", "approve", None),
        ..DryRun::default()
    };
    assert!(matches!(
        rehearse(&world, workflow, suppose).await,
        Err(EngineError::NoSuchNode { .. })
    ));
}

#[tokio::test]
async fn one_output_goes_for_all_runs_of_a_node_unless_a_path_has_its_own() {
    let world = World::new();
    let body = calls("a", "")["nodes"].clone();
    let workflow = world
        .workflow(&json!({"name": "many", "nodes": [{
            "id": "each", "type": "parallel_group", "config": {"items": "{{input}}", "body": {"nodes": body}},
        }]}))
        .await;
    let request = StartRequest {
        input: json!([1, 2, 3]),
        ..StartRequest::default()
    };
    let suppose = outputs([("a", json!(0)), ("each[1]/a", json!(1))]);
    let report = with_request(&world, workflow, request, suppose).await.unwrap();
    let expected = json!({"each": [{"a": 0}, {"a": 1}, {"a": 0}]});
    assert_eq!(report.output, Some(expected.into()));
}

#[tokio::test]
async fn a_walk_that_never_ends_is_given_up() {
    let world = World::new();
    let body = calls("a", "")["nodes"].clone();
    let workflow = world
        .workflow(&json!({"name": "long", "nodes": [{
            "id": "l", "type": "loop",
            "config": {"body": {"nodes": body}, "until": "$.input.never", "max_iterations": 10_000},
        }]}))
        .await;
    let suppose = outputs([("a", json!("x".repeat(1 << 20)))]);
    let refused = rehearse(&world, workflow, suppose).await;
    assert!(
        matches!(refused, Err(EngineError::DryRun(DryRunError::TooLong { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_execution_of_another_workflow_has_nothing_to_say() {
    let world = World::new();
    let past = world.start(&calls("a", "")).await;
    settle().await;
    let other = world.workflow(&named("other", calls("a", ""))).await;
    let suppose = DryRun {
        from_execution: Some(past),
        ..DryRun::default()
    };
    let refused = rehearse(&world, other, suppose).await;
    assert!(matches!(
        refused,
        Err(EngineError::DryRun(DryRunError::OtherWorkflow))
    ));
}
