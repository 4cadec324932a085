//! `subworkflow`: what is asked of a child execution, and what follows from what it tells.

use agentchains_cost::Usd;
use agentchains_machine::{
    BudgetAbove, ChildCommand, ChildReport, ExecutionStatus, Failure, FailureCode, Input, NodePath, Parent,
    PauseReason, Step, Wanted,
};
use agentchains_workflow::UnknownCost;
use serde_json::{Value, json};

use crate::harness::{Flow, Run, body, flow, usd};

fn with_child(settings: Value) -> Flow {
    let mut config = json!({"workflow_id": "other"});
    if let (Value::Object(config), Value::Object(settings)) = (&mut config, settings) {
        config.extend(settings);
    }
    flow("a s^ after | a>s s>after").config("s", config)
}

fn report(status: ExecutionStatus) -> ChildReport {
    ChildReport {
        status,
        pause_reason: None,
        spent: Usd::ZERO,
        cost_known: true,
        output: None,
        error: None,
    }
}

fn completed(output: Value) -> ChildReport {
    ChildReport {
        output: Some(output.into()),
        ..report(ExecutionStatus::Completed)
    }
}

fn failed(code: FailureCode) -> ChildReport {
    let cause = Failure::in_node(&NodePath::top_level("inner"), code, "it went wrong");
    ChildReport {
        error: Some(cause),
        ..report(ExecutionStatus::Failed)
    }
}

fn paused(reason: PauseReason) -> ChildReport {
    ChildReport {
        pause_reason: Some(reason),
        ..report(ExecutionStatus::Paused)
    }
}

impl Run {
    /// The child of a node tells something.
    pub(crate) fn tells(&mut self, node: &str, report: ChildReport) -> Step {
        let execution_id = self.children[node].execution_id;
        self.feed(Input::ChildReported {
            path: NodePath::from(node.to_owned()),
            execution_id,
            report,
        })
    }

    /// The child that a node wants cannot be started.
    fn is_refused(&mut self, node: &str, code: FailureCode) -> Step {
        let execution_id = self.children[node].execution_id;
        self.feed(Input::ChildRefused {
            path: NodePath::from(node.to_owned()),
            execution_id,
            code,
            message: "it cannot be started".into(),
        })
    }

    fn commands(&self) -> Vec<ChildCommand> {
        self.child_commands.iter().map(|(_, command)| *command).collect()
    }
}

#[test]
fn a_child_gets_the_input_with_the_outputs_of_its_predecessors() {
    let mut run = with_child(json!({"version": 2})).start();
    run.play("a+");
    let child = &run.children["s"];
    assert_eq!((child.workflow.as_str(), child.version), ("other", Some(2)));
    assert_eq!(child.input, json!({"topic": "tea", "a": {"by": "a"}}));
    assert_eq!(run.node("s").child_execution_id, Some(child.execution_id));
    run.tells("s", completed(json!({"done": true})));
    assert_eq!(run.output("s"), json!({"done": true}));
    assert_eq!(run.upstream("after")["s"], json!({"done": true}));
}

#[test]
fn a_child_s_input_may_be_shaped() {
    let mut run = with_child(json!({"input": {"about": "{{ a.by }}"}})).start();
    run.play("a+");
    assert_eq!(run.children["s"].input, json!({"about": "a"}));
}

#[test]
fn a_child_s_failure_is_the_node_s_with_the_inner_error_as_its_cause() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.tells("s", failed(FailureCode::AgentRejected));
    assert_eq!(run.state("s"), "failed(subworkflow_failed)");
    assert_eq!(run.state("after"), "skipped(upstream_failed by s)");
    assert_eq!(run.status(), "failed(agent_rejected)");
}

#[test]
fn a_child_that_failed_for_a_while_is_tried_again_as_another_execution() {
    let retry = json!({"retry": {"max_attempts": 2, "initial_interval": 5, "jitter": "none"}});
    let mut run = with_child(json!({})).node("s", retry).start();
    run.play("a+");
    let first = run.children["s"].execution_id;
    run.tells("s", failed(FailureCode::AgentTimeout));
    assert_eq!(run.state("s"), "waiting(retry)");
    run.wait("5s");
    assert_ne!(run.children["s"].execution_id, first);
    run.tells("s", completed(json!(1)));
    assert_eq!(run.output("s"), json!(1));
}

#[test]
fn a_child_that_cannot_be_started_fails_the_node() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.is_refused("s", FailureCode::SubworkflowTooDeep);
    assert_eq!(run.status(), "failed(subworkflow_too_deep)");
}

#[test]
fn a_child_that_is_not_waited_for_completes_the_node_once_it_is_there() {
    let mut run = with_child(json!({"wait": false})).start();
    run.play("a+");
    assert!(!run.children["s"].waits);
    assert_eq!(run.state("s"), "running");
    run.tells("s", report(ExecutionStatus::Running));
    let id = run.children["s"].execution_id;
    assert_eq!(run.output("s"), json!({ "execution_id": id }));
}

#[test]
fn what_a_child_spends_counts_as_it_is_spent() {
    let mut run = with_child(json!({})).set(json!({"max_budget": 1})).start();
    run.play("a+");
    assert_eq!(run.children["s"].max_budget, None);
    let spent = |amount| ChildReport {
        spent: usd(amount),
        ..report(ExecutionStatus::Running)
    };
    run.tells("s", spent("0.25"));
    let row = &run.rows.execution;
    assert_eq!((row.spent, row.reserved), (usd("0.25"), Usd::ZERO));
    run.tells("s", spent("0.25"));
    assert_eq!(
        run.rows.execution.spent,
        usd("0.25"),
        "the same told twice counts once"
    );
    let end = ChildReport {
        spent: usd("0.4"),
        ..completed(json!(1))
    };
    run.tells("s", end);
    let row = &run.rows.execution;
    assert_eq!((row.spent, row.reserved), (usd("0.4"), Usd::ZERO));
    assert_eq!(run.node("s").cost, usd("0.4"));
}

#[test]
fn a_child_may_spend_no_more_than_the_node_s_max_cost() {
    let mut run = with_child(json!({}))
        .set(json!({"max_budget": 1}))
        .node("s", json!({"max_cost": 0.3}))
        .start();
    run.play("a+");
    assert_eq!(run.children["s"].max_budget, Some(usd("0.3")));
    assert_eq!(run.rows.execution.reserved, Usd::ZERO);
}

#[test]
fn children_draw_side_by_side_from_the_budget_above_and_from_those_above_it() {
    let mut run = flow("s^ t^")
        .config("s", json!({"workflow_id": "other"}))
        .config("t", json!({"workflow_id": "other"}))
        .set(json!({"max_budget": 1}))
        .start();
    assert_eq!(run.states(), "s:running t:running");
    let path = run.node("s").path.clone();
    let above = BudgetAbove {
        execution_id: run_id(9),
        path: path.clone(),
        unknown_cost: UnknownCost::Allow,
    };
    run.rows.execution.parent = Some(Parent {
        budgets: vec![above.clone()],
        ..parent(2)
    });
    let own = BudgetAbove {
        execution_id: run.rows.execution.id,
        path: path.clone(),
        unknown_cost: UnknownCost::Refuse,
    };
    assert_eq!(
        run.rows.execution.budgets_below(&path, UnknownCost::Refuse),
        [above, own]
    );
}

/// An execution with a budget of which 0.4 USD are spent, whose child wants to make a call for 0.7 USD.
fn short_below(set: Value) -> Run {
    let mut run = with_child(json!({}))
        .set(set)
        .node("a", json!({"max_cost": 0.4}))
        .start();
    run.ok_costing("a", "0.4");
    let path = run.node("s").path.clone();
    let wanted = Wanted::Exactly(usd("0.7"));
    run.feed(Input::ShortBelow { path, wanted });
    run
}

#[test]
fn a_budget_that_a_child_finds_exhausted_ends_the_execution_and_the_child() {
    let mut run = short_below(json!({"max_budget": 1}));
    assert_eq!(run.commands(), [ChildCommand::Cancel]);
    run.tells("s", report(ExecutionStatus::Cancelled));
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        (
            "a:completed s:cancelled after:skipped(budget by s)",
            "failed(budget_exceeded)"
        )
    );
}

#[test]
fn a_budget_that_a_child_finds_exhausted_may_pause_the_execution_until_it_is_raised() {
    let mut run = short_below(json!({"max_budget": 1, "on_budget": "pause"}));
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed s:running after:pending", "paused(budget)")
    );
    run.resume_with(Some("1.2")).unwrap();
    assert_eq!(run.status(), "running");
    assert_eq!(run.commands(), [ChildCommand::Release]);
}

#[test]
fn what_a_child_could_not_see_keeps_a_budget_from_being_exhausted() {
    for set in [json!({"max_budget": 1.1}), json!({})] {
        assert_eq!(short_below(set).status(), "running");
    }
}

#[test]
fn an_execution_is_paused_when_only_people_asked_by_its_children_can_go_on() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.tells("s", paused(PauseReason::Approval));
    assert_eq!(run.status(), "paused(approval)");
    run.tells("s", report(ExecutionStatus::Running));
    assert_eq!(run.status(), "running");
}

#[test]
fn a_pause_reaches_the_children_and_so_does_its_end() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.pause().unwrap();
    run.tells("s", paused(PauseReason::User));
    run.resume().unwrap();
    assert_eq!(run.commands(), [ChildCommand::Hold, ChildCommand::Release]);
}

#[test]
fn a_child_is_held_while_the_execution_above_is_paused() {
    let parent = parent(2);
    let mut run = Run::prepare(flow("a b | a>b").compile(), |new| new.parent = Some(parent)).begin();
    run.feed(Input::Hold);
    run.play("a+");
    assert_eq!(
        (run.status(), run.running()),
        ("paused(user)".into(), String::new())
    );
    run.feed(Input::Release);
    assert_eq!(run.running(), "b");
    run.feed(Input::Release);
    assert_eq!(run.status(), "running");
}

#[test]
fn an_answer_to_a_held_child_takes_effect_when_it_goes_on() {
    let parent = parent(2);
    let mut run = Run::prepare(flow("ok? b | ok>b").compile(), |new| new.parent = Some(parent)).begin();
    assert_eq!(run.question("ok").root_execution_id, run_id(7));
    run.feed(Input::Hold);
    run.decide("ok", "approve", "bob").unwrap();
    assert_eq!(
        (run.status(), run.running()),
        ("paused(user)".into(), String::new())
    );
    run.feed(Input::Release);
    assert_eq!(run.running(), "b");
}

/// Where a child execution hangs that so many executions lead down to.
fn parent(depth: u32) -> Parent {
    Parent {
        execution_id: run_id(7),
        root_execution_id: run_id(7),
        path: NodePath::top_level("s"),
        depth,
        waits: true,
        budgets: Vec::new(),
        holds: false,
    }
}

fn run_id(number: u128) -> agentchains_machine::ExecutionId {
    agentchains_machine::ExecutionId::from_uuid(uuid::Uuid::from_u128(number))
}

#[test]
fn a_cancel_reaches_the_children_and_waits_for_them() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.cancel().unwrap();
    assert_eq!(run.commands(), [ChildCommand::Cancel]);
    assert_eq!(run.status(), "cancelling");
    run.tells("s", report(ExecutionStatus::Cancelled));
    assert_eq!(run.states(), "a:completed s:cancelled after:cancelled");
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn a_child_that_does_not_end_is_not_waited_for_longer_than_five_seconds() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.cancel().unwrap();
    run.wait("5s");
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn a_child_that_somebody_cancelled_fails_the_node() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.tells("s", report(ExecutionStatus::Cancelled));
    assert_eq!(run.status(), "failed(subworkflow_failed)");
}

#[test]
fn a_satisfied_group_cancels_the_children_that_it_does_not_need() {
    let mut members = body("x s^");
    members["nodes"][1]["config"] = json!({"workflow_id": "other"});
    members["mode"] = json!("any");
    let mut run = flow("g&").config("g", members).start();
    run.play("g/x+");
    assert_eq!(run.commands(), [ChildCommand::Cancel]);
    run.tells("g/s", report(ExecutionStatus::Cancelled));
    assert_eq!(run.status(), "completed");
}

#[test]
fn after_a_crash_a_child_is_asked_for_again_and_told_again_what_was_asked_of_it() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    let first = run.children["s"].clone();
    run.pause().unwrap();
    run.child_commands.clear();
    run.crash();
    assert_eq!(run.children["s"], first);
    assert_eq!(run.commands(), [ChildCommand::Hold]);
}

#[test]
fn a_late_or_strange_report_changes_nothing() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    let strange = run.feed(Input::ChildReported {
        path: NodePath::top_level("s"),
        execution_id: run_id(99),
        report: completed(json!(1)),
    });
    assert!(strange.is_empty());
    run.tells("s", completed(json!(1)));
    assert!(run.tells("s", failed(FailureCode::Internal)).is_empty());
}

#[test]
fn executions_nest_sixteen_deep_at_the_most() {
    let parent = parent(16);
    let flow = flow("s^").config("s", json!({"workflow_id": "other"}));
    let run = Run::prepare(flow.compile(), |new| new.parent = Some(parent)).begin();
    assert_eq!(run.status(), "failed(subworkflow_too_deep)");
}

#[test]
fn a_child_must_have_ended_when_the_node_or_the_execution_must() {
    let mut run = with_child(json!({}))
        .set(json!({"timeout": 60}))
        .node("s", json!({"timeout": 100}))
        .start();
    run.play("a+");
    assert_eq!(run.children["s"].deadline, run.rows.execution.deadline);
}

#[test]
fn a_child_that_takes_longer_than_the_node_may_is_a_timeout_of_the_node() {
    let mut run = with_child(json!({})).node("s", json!({"timeout": 10})).start();
    run.play("a+");
    run.now = run.later("10s");
    run.tells("s", failed(FailureCode::ExecutionTimeout));
    assert_eq!(run.state("s"), "failed(agent_timeout)");
    assert_eq!(run.status(), "failed(agent_timeout)");
}

#[test]
fn a_child_that_ends_with_the_execution_s_own_timeout_is_cancelled() {
    let mut run = with_child(json!({})).set(json!({"timeout": 10})).start();
    run.play("a+");
    run.now = run.later("10s");
    run.tells("s", failed(FailureCode::ExecutionTimeout));
    assert_eq!(run.states(), "a:completed s:cancelled after:cancelled");
    assert_eq!(run.status(), "failed(execution_timeout)");
}

#[test]
fn a_child_that_was_never_started_leaves_no_id() {
    let mut run = with_child(json!({})).start();
    run.play("a+");
    run.is_refused("s", FailureCode::SubworkflowFailed);
    assert_eq!(run.node("s").child_execution_id, None);
}

#[test]
fn quarantine_cancels_a_held_child_though_another_end_has_begun() {
    let mut run = flow("a s^").config("s", json!({"workflow_id": "other"})).start();
    run.pause().unwrap();
    run.play("a-");
    run.crash_once_more();
    let child = run.children["s"].execution_id;
    let told = [(child, ChildCommand::Hold), (child, ChildCommand::Cancel)];
    assert_eq!(run.child_commands, told);
    run.tells("s", report(ExecutionStatus::Cancelled));
    assert_eq!(run.status(), "failed(quarantined)");
}
