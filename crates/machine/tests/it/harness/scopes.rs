//! What must hold of groups and loops after every step, written a second time from the language reference (section 7):
//! what may start in them, how they end, and how often they run (I24, I25).

use std::collections::{BTreeMap, BTreeSet};

use agentchains_machine::{Effect, Ending, NodePath, NodeRow, NodeState, NodeStatus, Step};
use agentchains_workflow::{
    FanOut, Loop, NodeKind, OnError, OnExhausted, OnFailure, OnItemError, ParallelGroup, Repeat,
};
use serde_json::{Map, Value, json};

use super::{
    Run,
    due::is_ending,
    fold::Fold,
    rows::Rows,
    scope::{Scope, Tally, body_of, items_of, kind_of, output_of},
};

/// Checks one committed step.
pub(super) fn check(before: &Rows, after: &Rows, step: &Step, run: &Run) {
    let mut fold = Fold::of(before);
    for event in &step.changes.events {
        if let Some(path) = fold.started(event) {
            assert_may_start(&path, &fold, after, run);
        }
        fold.take(event);
    }
    for row in &step.changes.nodes {
        if before.status(row.path.as_str()) != NodeStatus::Completed {
            assert_completed_rightly(row, after, run);
        }
    }
    members_end_with_what_is_around(after);
    runs_are_counted(after, run);
    so_many_run_at_once(after, run);
    calls_name_their_item_and_iteration(after, step);
}

/// No node starts in a scope that is closed, or in which nothing starts because of a failure.
fn assert_may_start(path: &NodePath, fold: &Fold, after: &Rows, run: &Run) {
    let mut inner = path.clone();
    while let Some(scope) = Scope::of(&inner, run) {
        let around = fold.status(scope.around.as_str());
        assert_eq!(
            around,
            NodeStatus::Running,
            "{path} starts while {} is {around}",
            scope.around
        );
        let stops = run.workflow.settings().on_failure != OnFailure::Continue
            && is_stopping(&scope, fold, after, run);
        assert!(!stops, "{path} starts after a failure in {}", scope.around);
        inner = scope.around;
    }
}

fn is_stopping(scope: &Scope<'_>, fold: &Fold, after: &Rows, run: &Run) -> bool {
    let own = scope.tally(|path| fold.status(path));
    match kind_of(&scope.around, run) {
        NodeKind::ParallelGroup(group) if scope.ordinal.is_none() => own.fails(group),
        NodeKind::ParallelGroup(group) => {
            let items = items_of(after, &scope.around).unwrap_or_default();
            own.unhandled > 0 || bodies(scope, items.len(), |path| fold.status(path)).fails(group)
        }
        _ => own.unhandled > 0,
    }
}

/// How the bodies of a group stand, of which there are so many.
fn bodies(scope: &Scope<'_>, count: usize, status: impl Fn(&str) -> NodeStatus) -> Tally {
    let mut tally = Tally::default();
    for ordinal in 0..count {
        let body = scope.numbered(ordinal).tally(&status);
        let is_settled = body.settled == body.total;
        tally.total += 1;
        tally.settled += u32::from(is_settled);
        tally.completed += u32::from(is_settled && body.unhandled == 0 && body.cancelled == 0);
        tally.cancelled += u32::from(body.unhandled == 0 && body.cancelled > 0);
        tally.unhandled += u32::from(is_settled && body.unhandled > 0);
    }
    tally
}

/// A group or loop completes when its settings say so, with the output that they say.
fn assert_completed_rightly(row: &NodeRow, after: &Rows, run: &Run) {
    let NodeState::Completed(done) = &row.state else {
        return;
    };
    // An exhausted budget fails a node whatever its `on_error` says, and ends everything around it.
    let is_over_budget = matches!(after.execution.ending, Some(Ending::Budget { .. }));
    if done.replaced.is_some() || row.reused || is_over_budget {
        return;
    }
    let said = done.output.to_value();
    let output = match kind_of(&row.path, run) {
        NodeKind::ParallelGroup(group) => output_of_group(row, group, &said, after, run),
        NodeKind::Loop(settings) => output_of_loop(row, settings, &said, after, run),
        _ => return,
    };
    assert_eq!(said, output, "the output of {}", row.path);
}

fn output_of_group(row: &NodeRow, group: &ParallelGroup, said: &Value, after: &Rows, run: &Run) -> Value {
    let status = |path: &str| after.status(path);
    let graph = run.workflow.scope(body_of(kind_of(&row.path, run)));
    let scope = Scope {
        around: row.path.clone(),
        ordinal: None,
        graph,
    };
    let (tally, output) = match group.fan_out {
        FanOut::Members(_) => {
            let bears = matches!(group.on_item_error, OnItemError::Null(_));
            let mut outputs = Map::new();
            for (path, on_error) in scope.paths() {
                let is_null =
                    bears && status(&path) == NodeStatus::Failed && !matches!(on_error, OnError::Goto(_));
                let output = output_of(after, &path).or(is_null.then_some(Value::Null));
                let id = NodePath::from(path).node_id().to_owned();
                outputs.extend(output.map(|output| (id, output)));
            }
            (scope.tally(status), Value::Object(outputs))
        }
        FanOut::Items { .. } => {
            let count = items_of(after, &row.path).unwrap().len();
            let outputs = (0..count).map(|ordinal| {
                let body = scope.numbered(ordinal);
                let tally = body.tally(status);
                let succeeded = tally.settled == tally.total && tally.unhandled == 0 && tally.cancelled == 0;
                // Where some are enough, the step that brings them may bring more.
                let is_needed = group.at_least.is_none() || !said[ordinal].is_null();
                if succeeded && is_needed {
                    body.output(after)
                } else {
                    Value::Null
                }
            });
            (bodies(&scope, count, status), outputs.collect())
        }
    };
    match group.at_least {
        Some(least) => {
            let succeeded = output.as_array().map_or(tally.completed as usize, |items| {
                items.iter().filter(|item| !item.is_null()).count()
            });
            assert!(
                succeeded >= least.get() as usize,
                "{} completes too early",
                row.path
            );
        }
        None => {
            assert!(!tally.fails(group), "{} completes though it failed", row.path);
            assert_eq!(tally.settled, tally.total, "{} completes too early", row.path);
            assert_eq!(
                tally.cancelled, 0,
                "{} completes without what was cut off",
                row.path
            );
        }
    }
    output
}

fn output_of_loop(row: &NodeRow, settings: &Loop, said: &Value, after: &Rows, run: &Run) -> Value {
    let iterations = usize::try_from(said["iterations"].as_u64().unwrap()).unwrap();
    let graph = run.workflow.scope(settings.body);
    let scope = Scope {
        around: row.path.clone(),
        ordinal: None,
        graph,
    };
    let status = |path: &str| after.status(path);
    let results = (0..iterations).map(|ordinal| {
        let body = scope.numbered(ordinal);
        let tally = body.tally(status);
        assert_eq!(
            tally.settled, tally.total,
            "iteration {ordinal} of {} is not over",
            row.path
        );
        assert_eq!(
            (tally.unhandled, tally.cancelled),
            (0, 0),
            "iteration {ordinal} of {} did not succeed",
            row.path
        );
        body.output(after)
    });
    let results: Vec<Value> = results.collect();
    let stopped_by = said["stopped_by"].as_str().unwrap();
    let most = settings.max_iterations.get() as usize;
    match (&settings.repeat, stopped_by) {
        (Repeat::Items(_), "items") => {
            assert_eq!(Some(iterations), items_of(after, &row.path).map(<[_]>::len));
        }
        (Repeat::Until(_) | Repeat::While(_), "exhausted") => {
            assert_eq!((settings.on_exhausted, iterations), (OnExhausted::Complete, most));
        }
        (Repeat::Until(_), "condition") => assert!((1..=most).contains(&iterations)),
        (Repeat::While(_), "condition") => assert!(iterations <= most),
        _ => panic!("{} was stopped by {stopped_by}", row.path),
    }
    json!({
        "iterations": iterations,
        "last": results.last(),
        "results": results,
        "stopped_by": stopped_by,
    })
}

/// Once a group or loop has settled, nothing goes on in it: what is in flight is only waited for.
fn members_end_with_what_is_around(after: &Rows) {
    for (path, row) in &after.nodes {
        let Some((around, _)) = row.path.around() else {
            continue;
        };
        let state = &row.state;
        if after.nodes[around.as_str()].state.status().is_settled() && !state.status().is_settled() {
            let is_in_flight = matches!(state, NodeState::Running(_) | NodeState::Child(_));
            assert!(
                is_in_flight && is_ending(state),
                "{path} goes on after {around} has settled"
            );
        }
    }
}

/// Iterations are counted before their bodies begin, items are as many as there are, and every node that may run is
/// counted.
fn runs_are_counted(after: &Rows, run: &Run) {
    let mut total = run.workflow.graph().len();
    let mut begun = BTreeSet::new();
    for row in after.nodes.values() {
        let Some(scope) = Scope::of(&row.path, run) else {
            continue;
        };
        if !begun.insert((scope.around.clone(), scope.ordinal)) {
            continue;
        }
        total += scope.graph.len();
        let Some(ordinal) = scope.ordinal else { continue };
        let path = &row.path;
        if let Some(items) = items_of(after, &scope.around) {
            assert!((ordinal as usize) < items.len(), "{path} has no item");
        }
        if let NodeKind::Loop(settings) = kind_of(&scope.around, run) {
            let at = after.nodes[scope.around.as_str()].iteration;
            assert!(
                ordinal <= at && ordinal < settings.max_iterations.get(),
                "{path} in iteration {at}"
            );
        }
    }
    assert_eq!(after.execution.nodes_total as usize, total);
}

/// A group has no more members, or bodies, under way than its `max_concurrency`.
fn so_many_run_at_once(after: &Rows, run: &Run) {
    let mut under_way: BTreeMap<(NodePath, Option<u32>), BTreeSet<&str>> = BTreeMap::new();
    for row in after.nodes.values() {
        let status = row.state.status();
        if let Some((around, ordinal)) = row.path.around()
            && matches!(status, NodeStatus::Running | NodeStatus::Waiting)
        {
            under_way
                .entry((around, ordinal))
                .or_default()
                .insert(row.path.as_str());
        }
    }
    let mut at_once: BTreeMap<&NodePath, usize> = BTreeMap::new();
    for ((around, ordinal), members) in &under_way {
        *at_once.entry(around).or_default() += if ordinal.is_some() { 1 } else { members.len() };
    }
    for (around, count) in at_once {
        if let NodeKind::ParallelGroup(group) = kind_of(around, run)
            && let Some(limit) = group.max_concurrency
        {
            assert!(count <= limit.get() as usize, "{count} run at once in {around}");
        }
    }
}

/// I8: a call gets the item and the number of the body that it is in.
fn calls_name_their_item_and_iteration(after: &Rows, step: &Step) {
    for effect in &step.effects {
        let Effect::Call(call) = effect else { continue };
        let places = std::iter::successors(call.path.around(), |(around, _)| around.around());
        let numbered: Vec<(NodePath, u32)> = places
            .filter_map(|(around, ordinal)| Some((around, ordinal?)))
            .collect();
        let index = call
            .loop_context
            .as_ref()
            .map(|context| context.to_value()["index"].take());
        assert_eq!(index, numbered.first().map(|(_, ordinal)| json!(ordinal)));
        let mut items = numbered.iter();
        let item = items.find_map(|(around, ordinal)| items_of(after, around)?.get(*ordinal as usize));
        assert_eq!(call.item.as_ref(), item);
    }
}
