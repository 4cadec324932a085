//! Random workflows under random events: the invariants hold after every step, and once nothing goes wrong any more
//! every execution comes to an end or waits for a person.

mod plan;

use std::{collections::BTreeSet, sync::Arc};

use agentchains_machine::{ApprovalStatus, AttemptOutcome, ExecutionStatus, PauseReason, RemoteCancel};
use agentchains_workflow::{Compiled, check};
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Run, broke, refused, reply_costing};
use plan::{Event, Plan, events, name, plan};

/// More steps than any of these executions needs to end.
const PATIENCE: usize = 2_000;

proptest! {
    #[test]
    fn every_execution_keeps_the_invariants_and_comes_to_an_end(plan in plan(), events in events()) {
        let mut run = start(&plan);
        for event in &events {
            apply(&mut run, event);
        }
        come_to_an_end(&mut run, plan.nodes.len());
    }

    #[test]
    fn a_crash_after_every_step_changes_nothing(plan in plan().prop_map(Plan::resending), outcomes in any::<u64>()) {
        let run = |crashes| {
            let mut run = start(&plan);
            play_out(&mut run, outcomes, crashes);
            run.rows
        };
        prop_assert_eq!(run(true), run(false));
    }
}

fn start(plan: &Plan) -> Run {
    Run::prepare(compile(plan), |_| {}).begin()
}

fn compile(plan: &Plan) -> Arc<Compiled> {
    let checked = check(&plan.document().to_string());
    let errors: Vec<_> = checked.diagnostics.errors().collect();
    assert!(errors.is_empty(), "{errors:?}");
    Arc::new(checked.workflow.unwrap())
}

fn ending(choice: u8) -> AttemptOutcome {
    match choice % 8 {
        0 | 1 => AttemptOutcome::Failed(broke()),
        2 => AttemptOutcome::Failed(refused()),
        3 => AttemptOutcome::Lost,
        // More than any node may reserve.
        4 => reply_costing(json!({"choice": choice}), "0.9"),
        _ => reply_costing(json!({"choice": choice}), "0.1"),
    }
}

/// Lets an event happen; what it means where nothing fits is that nothing happens.
fn apply(run: &mut Run, event: &Event) {
    match event {
        Event::Answer { call, ending: choice } => {
            if let Some((node, attempt)) = pick(run.open_calls.keys(), *call) {
                let outcome = if was_aborted(run, &node, attempt) && choice % 2 == 0 {
                    AttemptOutcome::Aborted(Some(RemoteCancel::Confirmed))
                } else {
                    ending(*choice)
                };
                // An agent loses only a task that it had.
                let lost = outcome == AttemptOutcome::Lost;
                if !lost || run.open_calls[&(node.clone(), attempt)].remote_task.is_some() {
                    run.attempt_ends(&node, attempt, outcome);
                }
            }
        }
        Event::Stray {
            node,
            attempt,
            ending: choice,
        } => {
            let node = name(node % run.machine.nodes().len());
            if !run.open_calls.contains_key(&(node.clone(), *attempt)) {
                let step = run.attempt_ends(&node, *attempt, ending(*choice));
                let mut attempts = step.changes.attempts.iter();
                assert!(
                    attempts.all(|line| line.finished_at.is_none()),
                    "a stray result ended an attempt"
                );
            }
        }
        Event::Accept { call } => {
            if let Some((node, attempt)) = pick(run.open_calls.keys(), *call) {
                run.accepts(&node, &format!("task-{attempt}"));
            }
        }
        Event::Pass { seconds } => _ = run.wait(&format!("{seconds}s")),
        Event::Wake => wake(run),
        Event::Crash => _ = run.crash(),
        command => steer(run, command),
    }
}

/// What people and agents do. Refusals are part of the game.
fn steer(run: &mut Run, event: &Event) {
    let nodes = run.machine.nodes().len();
    match event {
        Event::Pause => _ = run.pause(),
        Event::Cancel => _ = run.cancel(),
        Event::Resume { tenths } => {
            let budget = tenths.map(|tenths| format!("{}.{}", tenths / 10, tenths % 10));
            let _ = run.resume_with(budget.as_deref());
        }
        Event::Decide {
            question,
            decision,
            by,
        } => {
            let asked: Vec<String> = run
                .rows
                .approvals
                .values()
                .map(|row| row.node_id.clone())
                .collect();
            if let Some(node) = pick(asked.iter(), *question) {
                let decision = if decision % 3 == 0 { "reject" } else { "approve" };
                let _ = run.decide(&node, decision, ["ann", "bob", "eve"][usize::from(*by) % 3]);
            }
        }
        Event::Busy { node } => run.gate.busy(&name(node % nodes)),
        Event::Open { node, seconds } => {
            let retry_at = run.later(&format!("{seconds}s"));
            run.gate.open(&name(node % nodes), retry_at);
        }
        Event::Well { node } => {
            run.gate.well(&name(node % nodes));
            run.feed(agentchains_machine::Input::Tick);
        }
        _ => {}
    }
}

fn pick<'a, T: Clone + 'a>(mut items: impl ExactSizeIterator<Item = &'a T>, choice: usize) -> Option<T> {
    let count = items.len().max(1);
    items.nth(choice % count).cloned()
}

fn was_aborted(run: &Run, node: &str, attempt: u32) -> bool {
    run.aborts.contains(&(node.to_owned(), attempt))
}

fn wake(run: &mut Run) {
    if let Some(wake_at) = run.rows.execution.wake_at {
        run.now = wake_at;
        run.feed(agentchains_machine::Input::Tick);
    }
}

/// Nothing goes wrong any more: calls are answered, time passes, and people do what they are asked.
fn come_to_an_end(run: &mut Run, nodes: usize) {
    for node in 0..nodes {
        run.gate.well(&name(node));
    }
    run.feed(agentchains_machine::Input::Tick);
    for _ in 0..PATIENCE {
        if run.rows.execution.status.is_terminal() {
            return;
        }
        if let Some((node, attempt)) = pick(run.open_calls.keys(), 0) {
            let outcome = match was_aborted(run, &node, attempt) {
                true => AttemptOutcome::Aborted(None),
                false => reply_costing(json!({}), "0"),
            };
            run.attempt_ends(&node, attempt, outcome);
        } else {
            unblock(run);
        }
    }
    panic!("no end in sight: {} with {}", run.status(), run.states());
}

/// Nothing is in flight: a pause is lifted, a person answers, or time passes.
fn unblock(run: &mut Run) {
    let row = &run.rows.execution;
    match (row.status, row.pause_reason) {
        (ExecutionStatus::Paused, Some(PauseReason::User)) => _ = run.resume().unwrap(),
        (ExecutionStatus::Paused, Some(PauseReason::Budget)) => _ = run.resume_with(Some("1000")).unwrap(),
        (ExecutionStatus::Paused, Some(PauseReason::Approval)) => answer(run),
        _ if row.wake_at.is_some() => wake(run),
        _ => panic!("stuck: {} with {}", run.status(), run.states()),
    }
}

fn answer(run: &mut Run) {
    let pending = |row: &&agentchains_machine::ApprovalRow| row.status == ApprovalStatus::Pending;
    let question = run.rows.approvals.values().find(pending).unwrap().clone();
    let decided: BTreeSet<&str> = question
        .decisions
        .iter()
        .map(|decision| decision.by.as_str())
        .collect();
    let people = ["ann", "bob", "eve", "joe"];
    let person = people.iter().find(|person| !decided.contains(**person)).unwrap();
    run.decide(&question.node_id, "approve", person).unwrap();
}

/// Plays an execution to its end with outcomes that depend on the node and the attempt only.
fn play_out(run: &mut Run, outcomes: u64, crashes: bool) {
    for _ in 0..PATIENCE {
        if crashes {
            run.crash();
        }
        if run.rows.execution.status.is_terminal() {
            return;
        }
        if let Some((node, attempt)) = pick(run.open_calls.keys(), 0) {
            let seed = outcomes
                .rotate_left(attempt * 7)
                .wrapping_add(node.bytes().map(u64::from).sum());
            let choice = u8::try_from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).unwrap();
            let outcome = match ending(choice) {
                AttemptOutcome::Lost => AttemptOutcome::Failed(broke()),
                outcome => outcome,
            };
            run.attempt_ends(&node, attempt, outcome);
        } else {
            unblock(run);
        }
    }
    panic!("no end in sight: {} with {}", run.status(), run.states());
}
