//! What must hold after every step of every execution, whatever the test is about. The numbers are those of the
//! project's list of invariants.

use std::collections::{BTreeMap, BTreeSet};

use agentchains_cost::Usd;
use agentchains_machine::{
    ApprovalStatus, AttemptStatus, Effect, Ending, EventType, ExecutionStatus, Machine, NodeRow, NodeState,
    NodeStatus, SkipCause, Step,
};
use agentchains_workflow::{EdgeRef, Graph, Join, NodeIndex, NodeKind, Scheduling, When};

use super::{Run, rows::Rows};

/// Checks one committed step.
pub(super) fn check(before: &Rows, after: &Rows, step: &Step, run: &Run) {
    terminal_is_terminal(before, after, step);
    transitions_are_legal(before, after);
    events_are_gapless_and_fold_to_the_rows(after);
    starts_are_allowed(before, after, step, run);
    calls_ask_what_was_committed(after, step, run);
    counters_are_exact(after, run);
    money_adds_up(before, after);
    questions_are_answered_once(before, after);
    rows_are_the_whole_truth(after, run);
}

/// I1: nothing follows a terminal state.
fn terminal_is_terminal(before: &Rows, after: &Rows, step: &Step) {
    if before.execution.status.is_terminal() {
        assert!(step.is_empty(), "a terminal execution changed: {step:?}");
        assert_eq!(before, after);
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
        assert_eq!((execution.wake_at, execution.abort_deadline), (None, None));
        assert_eq!(pending_questions(after), 0);
    }
}

/// I3: only legal transitions. I5, I11: attempts end once, and there are not too many.
fn transitions_are_legal(before: &Rows, after: &Rows) {
    let (from, to) = (before.execution.status, after.execution.status);
    // A step may pass through `running`, so that a pause for a person may follow one by the budget.
    let through = ExecutionStatus::Running;
    let passes = from.may_become(through) && through.may_become(to);
    assert!(from == to || from.may_become(to) || passes, "{from} -> {to}");
    for (path, row) in &after.nodes {
        let (from, to) = (status_of(before, path), row.state.status());
        assert!(from == to || from.may_become(to), "{path}: {from} -> {to}");
        let was = before.nodes.get(path);
        if from.is_settled() {
            assert_eq!(was, Some(row), "{path} changed after it had settled");
        }
        assert!(was.is_none_or(|was| was.attempts <= row.attempts), "{path}");
        assert!(was.is_none_or(|was| was.request.is_none() || was.request == row.request));
    }
    for (key, was) in &before.attempts {
        if was.status != AttemptStatus::Running {
            assert_eq!(after.attempts[key], *was, "{key:?} changed after it had ended");
        }
    }
}

fn status_of(rows: &Rows, path: &str) -> NodeStatus {
    rows.nodes
        .get(path)
        .map_or(NodeStatus::Pending, |row| row.state.status())
}

/// I29: 1..n without gap. I7: the events alone give the statuses. I30: the terminal event is the last one.
fn events_are_gapless_and_fold_to_the_rows(after: &Rows) {
    let mut execution = "pending";
    let mut nodes: BTreeMap<&str, &str> = BTreeMap::new();
    let mut completed = BTreeSet::new();
    for (position, event) in after.events.iter().enumerate() {
        assert_eq!(event.seq, position as u64 + 1);
        assert!(!matches!(execution, "completed" | "failed" | "cancelled"));
        let data = &event.data;
        if let Some(path) = data["path"].as_str()
            && event.kind.as_str().starts_with("node.")
        {
            nodes.insert(path, data["status"].as_str().unwrap());
        }
        if event.kind.as_str().starts_with("execution.") {
            execution = data["status"].as_str().unwrap();
        }
        if event.kind == EventType::NodeCompleted {
            assert!(completed.insert(data["path"].as_str()), "completed twice: {data}");
        }
    }
    assert_eq!(after.execution.last_seq, after.events.len() as u64);
    assert_eq!(execution, after.execution.status.as_str());
    for (path, row) in &after.nodes {
        assert_eq!(
            nodes.get(path.as_str()).copied().unwrap_or("pending"),
            row.state.status().as_str()
        );
    }
    assert!(nodes.keys().all(|path| after.nodes.contains_key(*path)));
}

/// I4: no start before its dependencies have settled. I13, I14, I19: none after a cancel, a pause, the end of the
/// budget.
fn starts_are_allowed(before: &Rows, after: &Rows, step: &Step, run: &Run) {
    let mut status = before.execution.status.as_str();
    let mut closed = before.execution.ending.is_some();
    for event in &step.changes.events {
        let data = &event.data;
        match event.kind {
            EventType::NodeStarted | EventType::ApprovalRequested => {
                let node = data["node_id"].as_str().unwrap();
                assert!(status == "running" && !closed, "{node} started while {status}");
                assert_join_holds(run.workflow.graph(), after, run, node);
            }
            EventType::BudgetExhausted => closed = true,
            EventType::ExecutionResumed => closed = before.execution.ending.is_some(),
            _ => {}
        }
        if event.kind.as_str().starts_with("execution.") {
            status = data["status"].as_str().unwrap();
        }
    }
    if matches!(
        before.execution.ending,
        Some(Ending::Cancel | Ending::Timeout | Ending::Budget { .. })
    ) {
        let calls = step
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Call(_)));
        assert_eq!(calls.count(), 0, "a call after the end began");
    }
}

/// The joins, written a second time from the language reference.
fn assert_join_holds(graph: &Graph, rows: &Rows, run: &Run, node: &str) {
    let index = graph.find(node).unwrap();
    let (mut live, mut settled, mut cut_off, mut edges) = (0, 0, 0, 0);
    for edge in graph.incoming(index) {
        edges += 1;
        let source = rows.nodes.get(&graph.node(edge.from).id);
        settled += u32::from(source.is_some_and(|row| row.state.status().is_settled()));
        live += u32::from(source.is_some_and(|row| is_live(graph, &edge, row)));
        cut_off += u32::from(source.is_some_and(is_cut_off));
    }
    let holds = edges == 0
        || match graph.node(index).join {
            Join::Default => settled == edges && live > 0 && cut_off == 0,
            Join::All => live == edges,
            Join::Any => live > 0,
            Join::Settled => settled == edges,
            Join::AtLeast(least) => live >= least.get(),
        };
    assert!(holds, "{node} started too early");
    if run.workflow.settings().scheduling == Scheduling::Layered {
        for below in graph.layers()[..graph.layer_of(index) as usize].iter().flatten() {
            let id = &graph.node(*below).id;
            assert!(
                status_of(rows, id).is_settled(),
                "{node} started before {id} had settled"
            );
        }
    }
}

fn is_live(graph: &Graph, edge: &EdgeRef<'_>, source: &NodeRow) -> bool {
    match &source.state {
        NodeState::Completed(done) => match edge.when {
            When::Always => {
                let asks = matches!(graph.node(edge.from).kind, NodeKind::HumanApproval(_));
                !(asks && done.branch.as_deref() == Some("rejected"))
            }
            When::Labels(labels) => done.branch.as_ref().is_some_and(|branch| labels.contains(branch)),
            When::OnError => false,
        },
        NodeState::Failed(failed) => failed.handled && *edge.when == When::OnError,
        _ => false,
    }
}

fn is_cut_off(source: &NodeRow) -> bool {
    match &source.state {
        NodeState::Failed(failed) => !failed.handled,
        NodeState::Skipped(reason) => reason.cause == SkipCause::UpstreamFailed,
        _ => false,
    }
}

/// I8: an agent gets the committed outputs. I5, I12: only of an attempt that is recorded as running.
fn calls_ask_what_was_committed(after: &Rows, step: &Step, run: &Run) {
    let graph = run.workflow.graph();
    for effect in &step.effects {
        let Effect::Call(call) = effect else { continue };
        let row = &after.nodes[call.path.as_str()];
        let NodeState::Running(attempt) = &row.state else {
            panic!("{} is called and not running", call.path);
        };
        assert_eq!(attempt.number, call.attempt);
        assert_eq!(attempt.message_id, call.message_id);
        let line = &after.attempts[&(call.path.as_str().to_owned(), call.attempt)];
        assert_eq!(
            (line.status, line.message_id),
            (AttemptStatus::Running, call.message_id)
        );
        assert_eq!(row.request.as_ref(), Some(&call.request));
        for (id, output) in call.upstream.iter() {
            let NodeState::Completed(done) = &after.nodes[id].state else {
                panic!("{} gets the output of {id}, which has none", call.path);
            };
            assert_eq!(*done.output, *output);
        }
        let index = graph.find(call.path.as_str()).unwrap();
        let is_predecessor = |id: &String| graph.incoming(index).any(|edge| graph.node(edge.from).id == *id);
        assert!(call.request.upstream.iter().all(is_predecessor));
    }
}

/// `in_flight`, `nodes_settled` and the numbers of attempts (I11) are counts of rows; a skipped node made no call
/// (I6).
fn counters_are_exact(after: &Rows, run: &Run) {
    let states = || after.nodes.values().map(|row| &row.state);
    let running = states()
        .filter(|state| matches!(state, NodeState::Running(_)))
        .count();
    let settled = states().filter(|state| state.status().is_settled()).count();
    assert_eq!(after.execution.in_flight as usize, running);
    assert_eq!(after.execution.nodes_settled as usize, settled);
    assert!(running <= run.workflow.settings().max_concurrency.get() as usize);
    if let Some(wake_at) = after.execution.wake_at {
        assert!(
            wake_at > run.now,
            "a driver would spin: {wake_at} is not after {}",
            run.now
        );
    }
    for (path, row) in &after.nodes {
        let lines = after.attempts.keys().filter(|(of, _)| of == path).count();
        assert_eq!(row.attempts as usize, lines, "{path}");
        assert!(
            row.attempts <= attempts_allowed(run.workflow.graph(), path),
            "{path}"
        );
        if row.state.status() == NodeStatus::Skipped {
            assert_eq!(lines, 0, "{path} was called and skipped");
        }
    }
}

fn attempts_allowed(graph: &Graph, path: &str) -> u32 {
    let index: NodeIndex = graph.find(path).unwrap();
    let retry = graph.node(index).retry.as_ref();
    retry.map_or(1, |retry| retry.max_attempts.get())
}

/// I16, I17, I18: what is spent and reserved is the exact sum of the attempts, and never less than before.
fn money_adds_up(before: &Rows, after: &Rows) {
    let execution = &after.execution;
    assert_eq!(
        execution.spent,
        after.attempts.values().map(|line| line.cost).sum()
    );
    assert_eq!(execution.spent, after.nodes.values().map(|row| row.cost).sum());
    let running = after
        .attempts
        .values()
        .filter(|line| line.status == AttemptStatus::Running);
    assert_eq!(execution.reserved, running.map(|line| line.reserved).sum());
    assert_eq!(
        execution.reserved,
        after.nodes.values().map(|row| row.state.reserved()).sum()
    );
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
    assert_eq!(again.nodes(), run.machine.nodes());
    assert!(again.pending_approvals().eq(run.machine.pending_approvals()));
}
