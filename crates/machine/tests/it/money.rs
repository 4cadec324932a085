//! Budgets: reservations, exhaustion, thresholds, unknown and unlikely costs (language reference, section 9).

use agentchains_cost::ReportedCost;
use agentchains_machine::{AttemptFailure, AttemptOutcome, EventType, FailureCode, Rejected};
use serde_json::{Value, json};

use crate::harness::{Flow, Run, broke, flow, succeeded, usd};

fn budget(max_budget: Value, text: &str) -> Flow {
    flow(text).set(json!({"max_budget": max_budget}))
}

fn with_costs(flow: Flow, costs: &[(&str, Value)]) -> Flow {
    costs.iter().fold(flow, |flow, (node, max_cost)| {
        flow.node(node, json!({"max_cost": max_cost}))
    })
}

fn purse(run: &Run) -> (String, String) {
    let row = &run.rows.execution;
    (row.spent.to_string(), row.reserved.to_string())
}

fn pair(spent: &str, reserved: &str) -> (String, String) {
    (spent.to_owned(), reserved.to_owned())
}

#[test]
fn the_worst_case_is_reserved_and_then_replaced_by_what_was_spent() {
    let mut run = with_costs(budget(json!(1), "a b"), &[("a", json!(0.4)), ("b", json!("0.3"))]).start();
    assert_eq!(purse(&run), pair("0", "0.7"));
    assert_eq!(run.last_data(EventType::NodeStarted)["reserved_usd"], json!(0.3));
    run.ok_costing("a", "0.25");
    assert_eq!(purse(&run), pair("0.25", "0.3"));
    run.ok_costing("b", "0.3");
    assert_eq!(purse(&run), pair("0.55", "0"));
    assert_eq!(run.node("a").cost, usd("0.25"));
}

#[test]
fn the_node_s_maximum_goes_before_the_agent_s_and_that_before_its_prices() {
    let mut run = with_costs(budget(json!(10), "a b c d"), &[("a", json!(1))])
        .node("d", json!({"timeout": "10s"}))
        .prepare();
    for agent in ["a", "b"] {
        run.gate.terms_of(agent).max_cost = Some(usd("2"));
    }
    for agent in ["a", "b", "c"] {
        run.gate.prices(agent, json!({"per_call": 0.5}));
    }
    run.gate.prices("d", json!({"per_call": 0.5, "per_second": 0.01}));
    run = run.begin();
    for (node, reserved) in [("a", "1"), ("b", "2"), ("c", "0.5"), ("d", "0.6")] {
        assert_eq!(run.attempt(node, 1).reserved, usd(reserved), "{node}");
    }
}

#[test]
fn a_fixed_price_is_reserved_whatever_the_node_declares() {
    let mut run = with_costs(budget(json!(1), "a"), &[("a", json!(0.5))]).prepare();
    run.gate.prices("a", json!({"per_call": 5}));
    run = run.begin();
    assert_eq!(
        (run.called().as_str(), run.status().as_str()),
        ("", "failed(budget_exceeded)")
    );
}

#[test]
fn what_does_not_fit_waits_for_reservations_in_flight() {
    let mut run = with_costs(budget(json!(1), "a b"), &[("a", json!(0.6)), ("b", json!(0.6))]).start();
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:running b:pending", "running")
    );
    run.ok_costing("a", "0.1");
    assert_eq!(run.states(), "a:completed b:running");
}

#[test]
fn what_fits_goes_ahead_of_what_does_not() {
    let flow = with_costs(
        budget(json!(1), "a b c"),
        &[("a", json!(0.6)), ("b", json!(0.6)), ("c", json!(0.2))],
    );
    assert_eq!(flow.start().running(), "a c");
}

#[test]
fn an_exhausted_budget_fails_the_execution() {
    let mut run = with_costs(
        budget(json!(1), "a b c d | a>b b>c a>d d>c"),
        &[("a", json!(0.6)), ("b", json!(0.6)), ("d", json!(0))],
    )
    .start();
    run.ok_costing("a", "0.6");
    assert_eq!(run.last_data(EventType::BudgetExhausted)["spent_usd"], json!(0.6));
    assert_eq!(run.aborts, [("d".to_owned(), 1)]);
    run.aborted("d");
    assert_eq!(
        run.states(),
        "a:completed b:failed(budget_exceeded) c:skipped(upstream_failed by b) d:cancelled"
    );
    assert_eq!(run.status(), "failed(budget_exceeded)");
}

#[test]
fn what_an_exhausted_budget_keeps_from_running_is_skipped_because_of_it() {
    let mut run = with_costs(
        budget(json!(1), "a b c | a>b a>c"),
        &[("a", json!(1)), ("b", json!(1)), ("c", json!(1))],
    )
    .start();
    run.ok_costing("a", "0.5");
    assert_eq!(
        run.states(),
        "a:completed b:failed(budget_exceeded) c:skipped(budget by b)"
    );
}

#[test]
fn an_exhausted_budget_is_no_failure_that_a_node_may_handle() {
    let mut run = with_costs(budget(json!(1), "a b | a>b"), &[("a", json!(1)), ("b", json!(1))])
        .node("b", json!({"on_error": {"output": 1}}))
        .start();
    run.ok_costing("a", "0.5");
    assert_eq!(run.states(), "a:completed b:failed(budget_exceeded)");
}

#[test]
fn a_retry_that_waits_when_the_budget_ends_fails_as_after_its_last_attempt() {
    let mut run = with_costs(
        budget(json!(1), "a r b | a>b"),
        &[("a", json!(0.5)), ("r", json!(0.2)), ("b", json!(1))],
    )
    .node(
        "r",
        json!({"retry": {"initial_interval": "1h", "max_interval": "1h", "jitter": "none"}}),
    )
    .start();
    run.play("r~");
    run.ok_costing("a", "0.5");
    assert_eq!(
        run.states(),
        "a:completed r:failed(agent_failed) b:failed(budget_exceeded)"
    );
}

#[test]
fn an_exhausted_budget_may_pause_the_execution_until_it_is_raised() {
    let mut run = with_costs(
        budget(json!(1), "a b | a>b"),
        &[("a", json!(1)), ("b", json!(0.5))],
    )
    .set(json!({"on_budget": "pause"}))
    .start();
    run.ok_costing("a", "0.8");
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed b:pending", "paused(budget)")
    );
    let not_raised = Rejected::BudgetNotRaised {
        max_budget: Some(usd("1")),
    };
    for lower in [None, Some("1"), Some("0.5")] {
        assert_eq!(run.resume_with(lower), Err(not_raised.clone()), "{lower:?}");
    }
    run.reload();
    run.resume_with(Some("1.3")).unwrap();
    assert_eq!(
        (run.states().as_str(), run.status().as_str()),
        ("a:completed b:running", "running")
    );
    assert_eq!(run.rows.execution.max_budget, Some(usd("1.3")));
}

#[test]
fn a_raise_that_is_too_small_pauses_again() {
    let mut run = with_costs(budget(json!(1), "a"), &[("a", json!(2))])
        .set(json!({"on_budget": "pause"}))
        .start();
    run.resume_with(Some("1.5")).unwrap();
    assert_eq!(run.status(), "paused(budget)");
    run.resume_with(Some("2")).unwrap();
    assert_eq!(run.status(), "running");
}

#[test]
fn a_budget_may_be_raised_with_any_resume_and_never_lowered() {
    let mut run = budget(json!(1), "a").start();
    run.pause().unwrap();
    assert!(run.resume_with(Some("0.5")).is_err());
    run.resume_with(Some("3")).unwrap();
    assert_eq!(run.rows.execution.max_budget, Some(usd("3")));
    let mut unlimited = flow("a").start();
    unlimited.pause().unwrap();
    let refused = unlimited.resume_with(Some("3")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the execution has no budget that could be raised"
    );
}

#[test]
fn crossing_half_four_fifths_and_all_of_a_budget_is_told_once() {
    let mut run = budget(json!(1), "a b c d | a>b b>c c>d").start();
    let mut seen = Vec::new();
    for (node, cost) in [("a", "0.4"), ("b", "0.1"), ("c", "0.5")] {
        run.ok_costing(node, cost);
        let events = run
            .rows
            .events
            .iter()
            .filter(|event| event.kind == EventType::BudgetThreshold);
        seen.push(
            events
                .map(|event| event.data.to_value()["percent"].as_u64().unwrap())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(seen, [vec![], vec![50], vec![50, 80, 100]]);
}

#[test]
fn a_budget_of_zero_lets_nothing_that_may_cost_something_start() {
    let mut run = budget(json!(0), "a").start();
    assert_eq!(run.states(), "a:failed(budget_exceeded)");
    let mut free = with_costs(budget(json!(0), "a"), &[("a", json!(0))]).start();
    assert_eq!(free.running(), "a");
    free.play("a+");
    assert_eq!(free.status(), "completed");
    run = budget(json!(0), "q?").start();
    run.play("q=approve");
    assert_eq!(run.status(), "completed");
}

#[test]
fn calls_of_unknown_cost_reserve_nothing_or_everything() {
    let mut run = budget(json!(1), "a b").start();
    assert_eq!((run.running().as_str(), purse(&run)), ("a b", pair("0", "0")));
    run.ok_costing("a", "5");
    assert_eq!(purse(&run), pair("5", "0"));
    run.play("b+");
    assert_eq!(run.status(), "completed");

    let mut run = budget(json!(1), "a b")
        .set(json!({"unknown_cost": "serialize"}))
        .start();
    assert_eq!((run.running().as_str(), purse(&run)), ("a", pair("0", "1")));
    run.ok_costing("a", "0.4");
    assert_eq!((run.running().as_str(), purse(&run)), ("b", pair("0.4", "0.6")));
}

#[test]
fn a_call_whose_cost_nobody_knows_is_charged_nothing_and_marked() {
    let mut run = budget(json!(1), "a").start();
    run.ends("a", succeeded(json!({}), ReportedCost::Absent));
    assert_eq!(purse(&run), pair("0", "0"));
    assert!(!run.rows.execution.cost_known && !run.node("a").cost_known && !run.attempt("a", 1).cost_known);
    assert_eq!(
        run.last_data(EventType::NodeCompleted)["cost_known"],
        json!(false)
    );
}

#[test]
fn a_cost_that_cannot_be_true_is_charged_as_it_was_reserved() {
    let mut run = with_costs(budget(json!(1), "a"), &[("a", json!(0.4))]).start();
    run.ends("a", succeeded(json!({}), ReportedCost::Invalid));
    assert_eq!(purse(&run), pair("0.4", "0"));
    assert_eq!(run.status(), "completed");
    let (data, line) = (run.last_data(EventType::NodeCompleted), run.attempt("a", 1));
    assert_eq!(
        (&data["cost_invalid"], &data["usage"]),
        (&json!(true), &json!({"cost_invalid": true}))
    );
    assert!(run.node("a").usage.as_ref().unwrap().cost_invalid && line.usage.as_ref().unwrap().cost_invalid);
    assert_eq!((line.lines.reservation, line.overrun), (usd("0.4"), usd("0")));
}

#[test]
fn an_agent_that_bills_more_is_charged_in_full_and_nothing_else_starts() {
    let mut run = with_costs(
        budget(json!(1), "a b | a>b"),
        &[("a", json!(0.2)), ("b", json!(0.1))],
    )
    .start();
    run.ok_costing("a", "1.5");
    assert_eq!(purse(&run), pair("1.5", "0"));
    assert_eq!(run.last_data(EventType::NodeCompleted)["overrun_usd"], json!(1.3));
    assert_eq!(
        (run.attempt("a", 1).overrun, run.node("a").overrun),
        (usd("1.3"), usd("1.3"))
    );
    assert_eq!(
        (run.called().as_str(), run.status().as_str()),
        ("a", "failed(budget_exceeded)")
    );
}

#[test]
fn a_cost_that_nobody_could_know_before_is_no_overrun() {
    let mut run = budget(json!(1), "a").start();
    run.ok_costing("a", "0.5");
    assert_eq!(run.attempt("a", 1).overrun, usd("0"));
    assert!(
        run.last_data(EventType::NodeCompleted)
            .get("overrun_usd")
            .is_none()
    );
}

#[test]
fn failed_attempts_are_paid_for_and_each_attempt_reserves_again() {
    let mut run = with_costs(budget(json!(1), "a"), &[("a", json!(0.4))])
        .node("a", json!({"retry": {"jitter": "none"}}))
        .start();
    let failure = AttemptFailure {
        cost: ReportedCost::Usd(usd("0.3")),
        ..broke()
    };
    run.fails("a", failure.clone());
    assert_eq!(purse(&run), pair("0.3", "0"));
    run.wait("1s");
    assert_eq!(purse(&run), pair("0.3", "0.4"));
    run.fails("a", failure);
    run.wait("2s");
    assert_eq!(run.node("a").cost, usd("0.6"));
    assert_eq!(purse(&run), pair("0.6", "0.4"));
}

#[test]
fn a_retry_that_no_longer_fits_exhausts_the_budget() {
    let mut run = with_costs(budget(json!(1), "a"), &[("a", json!(0.6))])
        .node("a", json!({"retry": {"jitter": "none"}}))
        .start();
    run.fails(
        "a",
        AttemptFailure {
            cost: ReportedCost::Usd(usd("0.6")),
            ..broke()
        },
    );
    run.wait("1s");
    assert_eq!(run.states(), "a:failed(budget_exceeded)");
}

#[test]
fn a_fixed_price_is_due_for_every_attempt_that_may_have_reached_its_agent() {
    let failed = |reached_agent: bool| {
        let mut run = flow("a").prepare();
        run.gate.prices("a", json!({"per_call": 0.01}));
        run = run.begin();
        run.fails(
            "a",
            AttemptFailure {
                code: FailureCode::AgentUnreachable,
                reached_agent,
                cost: ReportedCost::Absent,
                ..broke()
            },
        );
        run.rows.execution.spent.to_string()
    };
    assert_eq!((failed(true), failed(false)), ("0.01".into(), "0".into()));
}

#[test]
fn aborted_attempts_are_paid_for() {
    let mut run = flow("a").prepare();
    run.gate.prices("a", json!({"per_call": 0.01, "per_second": 0.1}));
    run = run.begin();
    run.now = run.later("3s");
    run.cancel().unwrap();
    run.ends("a", AttemptOutcome::Aborted(None));
    assert_eq!(purse(&run), pair("0.31", "0"));
}

#[test]
fn without_a_budget_costs_are_counted_all_the_same() {
    let mut run = with_costs(flow("a"), &[("a", json!(3))]).start();
    assert_eq!(purse(&run), pair("0", "3"));
    run.ok_costing("a", "2");
    assert_eq!(
        (purse(&run), run.count(EventType::BudgetThreshold)),
        (pair("2", "0"), 0)
    );
}
