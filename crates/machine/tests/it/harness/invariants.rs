//! What must hold after every step of every execution, whatever the test is about. The numbers are those of the
//! project's list of invariants.

use std::collections::{BTreeMap, BTreeSet};

use agentchains_cost::Usd;
use agentchains_machine::{
    ApprovalStatus, AttemptStatus, Effect, Ending, EventType, ExecutionStatus, Machine, NodePath, NodeRow,
    NodeState, NodeStatus, NodeType, Step, Waiting,
};
use agentchains_workflow::NodeKind;

use super::{
    Run, due,
    fold::{Fold, node_of, text_in},
    joins::assert_join_holds,
    rows::Rows,
    scope::{beside, graph_of},
    scopes,
};

/// Checks one committed step.
pub(super) fn check(before: &Rows, after: &Rows, step: &Step, run: &Run) {
    terminal_is_terminal(before, after, step);
    transitions_are_legal(before, after, step);
    events_are_gapless_and_fold_to_the_rows(before, after, step);
    starts_are_allowed(before, after, step, run);
    calls_ask_what_was_committed(after, step);
    counters_are_exact(after, run);
    money_adds_up(before, after);
    questions_are_answered_once(before, after);
    rows_are_the_whole_truth(after, run);
    scopes::check(before, after, step, run);
    due::check(after, run);
}

/// I1: nothing follows a terminal state.
fn terminal_is_terminal(before: &Rows, after: &Rows, step: &Step) {
    if before.execution.status.is_terminal() {
        assert!(step.is_empty(), "a terminal execution changed: {step:?}");
        assert_eq!(*before, after.without_events());
    }
    let execution = &after.execution;
    assert_eq!(execution.status.is_terminal(), execution.finished_at.is_some());
    assert_eq!(
        execution.status == ExecutionStatus::Paused,
        execution.pause_reason.is_some()
    );
    if execution.status.is_terminal() {
        assert_eq!(execution.nodes_settled, execution.nodes_total);
        assert_eq!((execution.in_flight, execution.reserved), (0, Usd::ZERO));
        assert_eq!((execution.wake_at, execution.children), (None, 0));
        assert_eq!(pending_questions(after), 0);
    }
}

/// I3: only legal transitions. I5, I11: attempts end once, and there are not too many.
fn transitions_are_legal(before: &Rows, after: &Rows, step: &Step) {
    let (from, to) = (before.execution.status, after.execution.status);
    // A step may pass through `running`, so that a pause for a person may follow one by the budget.
    let through = ExecutionStatus::Running;
    let passes = from.may_become(through) && through.may_become(to);
    assert!(from == to || from.may_become(to) || passes, "{from} -> {to}");
    let repeated = repeated_in(step);
    for (path, row) in &after.nodes {
        let (from, to) = (before.status(path), row.state.status());
        let again = repeated.contains(path.as_str());
        // In one step a node may end, be taken back and start.
        let passes = again && from != NodeStatus::Completed && status_after_pending(to);
        assert!(
            from == to || from.may_become(to) || passes,
            "{path}: {from} -> {to}"
        );
        let Some(was) = before.nodes.get(path) else {
            continue;
        };
        if from.is_settled() && !again {
            assert_eq!(was, row, "{path} changed after it had settled");
        }
        assert!(was.attempts <= row.attempts, "{path}");
        assert!(was.iteration <= row.iteration, "{path}");
        assert!(again || was.request.is_none() || was.request == row.request);
    }
    for (key, was) in &before.attempts {
        if was.status != AttemptStatus::Running {
            assert_eq!(after.attempts[key], *was, "{key:?} changed after it had ended");
        }
    }
}

fn status_after_pending(status: NodeStatus) -> bool {
    status == NodeStatus::Pending || NodeStatus::Pending.may_become(status)
}

/// The nodes that are pending again, because the one around them is tried again.
fn repeated_in(step: &Step) -> BTreeSet<String> {
    let events = step.changes.events.iter();
    let again = events.filter(|event| text_in(event, "status").as_deref() == Some("pending"));
    again.filter_map(node_of).collect()
}

/// I29: 1..n without gap. I7: the events alone give the statuses, a node completes once (I3). I30: the terminal event
/// is the last one.
fn events_are_gapless_and_fold_to_the_rows(before: &Rows, after: &Rows, step: &Step) {
    let mut fold = Fold::of(before);
    for (seq, event) in (before.execution.last_seq + 1..).zip(&step.changes.events) {
        assert_eq!(event.seq, seq);
        assert!(!fold.execution.is_terminal());
        if let Some(path) = node_of(event) {
            assert_ne!(
                fold.status(&path),
                NodeStatus::Completed,
                "{path} goes on after it completed"
            );
        }
        fold.take(event);
    }
    assert_eq!(after.execution.last_seq, after.events.len() as u64);
    assert_eq!(after.execution.status, fold.execution);
    for (path, row) in &after.nodes {
        assert_eq!(fold.status(path), row.state.status(), "{path}");
    }
    assert!(fold.paths().all(|path| after.nodes.contains_key(path)));
}

/// I4: no start before its dependencies have settled. I13, I14, I19: none after a cancel, a pause, the end of the
/// budget.
fn starts_are_allowed(before: &Rows, after: &Rows, step: &Step, run: &Run) {
    let mut fold = Fold::of(before);
    let mut closed = before.execution.ending.is_some();
    for event in &step.changes.events {
        if let Some(path) = fold.started(event) {
            let status = fold.execution;
            assert!(
                status == ExecutionStatus::Running && !closed,
                "{path} started while {status}"
            );
            assert_join_holds(after, run, &path);
        }
        match event.kind {
            EventType::BudgetExhausted => closed = true,
            EventType::ExecutionResumed => closed = before.execution.ending.is_some(),
            _ => {}
        }
        fold.take(event);
    }
    if matches!(
        before.execution.ending,
        Some(Ending::Cancel | Ending::Timeout | Ending::Quarantine | Ending::Budget { .. })
    ) {
        let calls = step
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Call(_)));
        assert_eq!(calls.count(), 0, "a call after the end began");
    }
}

/// I8: an agent gets the committed outputs. I5, I12: only of an attempt that is recorded as running.
fn calls_ask_what_was_committed(after: &Rows, step: &Step) {
    for effect in &step.effects {
        let Effect::Call(call) = effect else { continue };
        let row = &after.nodes[call.path.as_str()];
        let NodeState::Running(attempt) = &row.state else {
            panic!("{} is called and not running", call.path);
        };
        assert_eq!(attempt.number, call.attempt);
        assert_eq!(
            (attempt.message_id, attempt.deadline),
            (call.message_id, call.deadline)
        );
        let line = &after.attempts[&(call.path.as_str().to_owned(), call.attempt)];
        assert_eq!(
            (line.status, line.message_id),
            (AttemptStatus::Running, call.message_id)
        );
        assert_eq!(row.request.as_ref(), Some(&call.request));
        for (id, output) in call.upstream.members().unwrap() {
            let NodeState::Completed(done) = &after.nodes[&seen_from(after, &call.path, &id)].state else {
                panic!("{} gets the output of {id}, which has none", call.path);
            };
            assert_eq!(done.output, output);
        }
    }
}

/// The path of the node with that id which a node sees: in its own scope, else in one around it.
fn seen_from(rows: &Rows, path: &NodePath, id: &str) -> String {
    let own = beside(path, id);
    match path.around() {
        Some((around, _)) if !rows.nodes.contains_key(&own) => seen_from(rows, &around, id),
        _ => own,
    }
}

/// `in_flight`, `nodes_settled` and the numbers of attempts (I11) are counts of rows; a skipped node made no call
/// (I6).
fn counters_are_exact(after: &Rows, run: &Run) {
    let execution = &after.execution;
    let count = |is: fn(&NodeState) -> bool| {
        let rows = after.nodes.values();
        u32::try_from(rows.filter(|row| is(&row.state)).count()).unwrap()
    };
    assert_eq!(
        execution.in_flight,
        count(|state| matches!(state, NodeState::Running(_)))
    );
    assert_eq!(
        execution.children,
        count(|state| matches!(state, NodeState::Child(_)))
    );
    assert_eq!(
        execution.nodes_settled,
        count(|state| state.status().is_settled())
    );
    assert!(execution.nodes_settled <= execution.nodes_total);
    // A task that asked took no place; to cancel it takes none either.
    let at_work = count(|state| matches!(state, NodeState::Running(attempt) if attempt.abort_by.is_none()));
    assert!(at_work <= run.workflow.settings().max_concurrency.get());
    for (path, row) in &after.nodes {
        let graph = graph_of(&row.path, run);
        let node = graph.node(graph.find(&row.node_id).unwrap());
        if let NodeKind::Loop(settings) = &node.kind {
            assert!(
                row.iteration <= settings.max_iterations.get(),
                "{path} runs too often"
            );
        }
        let allowed = node.retry.as_ref().map_or(1, |retry| retry.max_attempts.get());
        assert!(row.attempts - row.attempts_before <= allowed, "{path}");
        if !matches!(node.kind, NodeKind::AgentCall(_)) {
            continue;
        }
        let lines = after.attempts.keys().filter(|(of, _)| of == path).count();
        assert_eq!(row.attempts as usize, lines, "{path}");
        if row.state.status() == NodeStatus::Skipped && row.attempts_before == 0 {
            assert_eq!(lines, 0, "{path} was called and skipped");
        }
    }
}

/// I16, I17, I18: what is spent and reserved is the exact sum of the attempts, and never less than before. An attempt
/// that is held keeps its reservation, and is charged once: when it has ended.
fn money_adds_up(before: &Rows, after: &Rows) {
    let execution = &after.execution;
    let of_attempts: Usd = after.attempts.values().map(|line| line.cost).sum();
    let children = after
        .nodes
        .values()
        .filter(|row| row.kind == NodeType::Subworkflow);
    let of_children: Usd = children.map(|row| row.cost).sum();
    assert_eq!(execution.spent, of_attempts.checked_add(of_children).unwrap());
    assert_eq!(execution.spent, after.nodes.values().map(|row| row.cost).sum());
    let running = after
        .attempts
        .values()
        .filter(|line| line.status == AttemptStatus::Running);
    let of_children: Usd = after
        .nodes
        .values()
        .filter(|row| matches!(row.state, NodeState::Child(_)))
        .map(|row| row.state.reserved())
        .sum();
    let of_attempts: Usd = running.map(|line| line.reserved).sum();
    assert_eq!(execution.reserved, of_attempts.checked_add(of_children).unwrap());
    assert_eq!(
        execution.reserved,
        after.nodes.values().map(|row| row.state.reserved()).sum()
    );
    for (path, row) in &after.nodes {
        if let NodeState::Waiting(Waiting::Held { attempt, .. }) = &row.state {
            let line = &after.attempts[&(path.clone(), attempt.number)];
            let kept = (AttemptStatus::Running, attempt.reserved, Usd::ZERO);
            assert_eq!((line.status, line.reserved, line.cost), kept, "{path} is held");
        }
    }
    assert!(before.execution.spent <= execution.spent);
    let started = after.attempts.len() > before.attempts.len();
    if let Some(limit) = execution.max_budget.filter(|_| started) {
        let promised = execution.spent.checked_add(execution.reserved).unwrap();
        assert!(promised <= limit, "{promised} of {limit} USD are promised");
    }
}

/// I21: one decision counts, and nothing changes after it.
fn questions_are_answered_once(before: &Rows, after: &Rows) {
    for (id, was) in &before.approvals {
        let row = &after.approvals[id];
        if was.status != ApprovalStatus::Pending {
            assert_eq!(was, row);
        }
        assert_eq!(was.shown_hash, row.shown_hash);
        assert!(row.decisions.starts_with(&was.decisions));
    }
}

fn pending_questions(rows: &Rows) -> usize {
    let pending = rows.approvals.values();
    pending
        .filter(|row| row.status == ApprovalStatus::Pending)
        .count()
}

/// A machine made from the rows is the machine that wrote them.
fn rows_are_the_whole_truth(after: &Rows, run: &Run) {
    let again = Machine::restore(run.workflow.clone(), after.snapshot());
    assert_eq!(again.execution(), run.machine.execution());
    // Scopes are built level by level, so that their order may differ.
    let by_path = |machine: &Machine| -> BTreeMap<String, NodeRow> {
        let rows = machine
            .nodes()
            .filter(|row| after.nodes.contains_key(row.path.as_str()));
        rows.map(|row| (row.path.as_str().to_owned(), row.clone()))
            .collect()
    };
    assert_eq!(by_path(&again), by_path(&run.machine));
    assert_eq!(by_path(&again), after.nodes);
    assert!(again.pending_approvals().eq(run.machine.pending_approvals()));
}
