//! Forks: what completed is taken over where it is asked the same, and costs nothing (language reference, section 8).

use std::collections::BTreeMap;

use agentchains_cost::Usd;
use agentchains_machine::{ExecutionId, ExecutionStatus, NodeRow, NodeState, Seed, SkipCause};
use agentchains_workflow::{Compiled, Join, NodeKind};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{events::events, generate::plan, plan::Plan, the_same_each_time, world::World};

proptest! {
    // Each case is two executions.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, ..the_same_each_time() })]

    #[test]
    fn what_completed_is_reused_where_it_is_asked_the_same(plan in plan(), events in events()) {
        let ended = World::new(&plan).play(&events).ended();
        let seeds = ended.run.machine.seeds(&[]);
        let fork = fork(&plan, &ended, seeds.clone()).play([]).ended();
        let asked = by_path(fork.run.machine.seeds(&[]));
        for (path, seed) in by_path(seeds) {
            if seed.child.is_some() {
                let started = fork.run.children.get(&path);
                prop_assert!(started.is_none_or(|child| child.made_from == seed.child), "{}", path);
                continue;
            }
            let Some(row) = fork.run.rows.nodes.get(&path) else { continue };
            let is_asked_the_same = asked.get(&path).is_some_and(|own| own.digest == seed.digest);
            prop_assert!(row.reused || !is_asked_the_same, "{} is asked the same again", path);
            if row.reused {
                prop_assert_eq!(fork.run.output(&path), seed.output.to_value(), "{}", path);
                prop_assert_eq!((row.cost, row.attempts), (Usd::ZERO, 0), "{}", path);
            }
        }
        if repeats(&ended) {
            prop_assert!(fork.run.calls.is_empty() && fork.children.is_empty());
            prop_assert_eq!(&fork.run.rows.execution.output, &ended.run.rows.execution.output);
        }
    }

    #[test]
    fn nothing_is_reused_from_a_node_on(plan in plan(), events in events(), from in any::<prop::sample::Index>()) {
        let ended = World::new(&plan).play(&events).ended();
        let rows: Vec<&NodeRow> = ended.run.rows.nodes.values().collect();
        let from = from.get(&rows).path.clone();
        let seeds = ended.run.machine.seeds(std::slice::from_ref(&from));
        let fork = fork(&plan, &ended, seeds).play([]).ended();
        for (path, row) in &fork.run.rows.nodes {
            let places = std::iter::successors(Some(row.path.clone()), |path| Some(path.around()?.0));
            let is_inside = places.into_iter().any(|path| path == from);
            prop_assert!(!(row.reused && is_inside), "{} is reused from {} on", path, from);
        }
    }

    #[test]
    fn a_given_output_takes_the_place_of_the_node(plan in plan(), events in events(), node in any::<prop::sample::Index>()) {
        let ended = World::new(&plan).play(&events).ended();
        let rows: Vec<&NodeRow> = ended.run.rows.nodes.values().collect();
        let path = node.get(&rows).path.clone();
        let given = Seed {
            path: path.clone(),
            digest: None,
            output: json!({"given": true}).into(),
            branch: None,
            child: None,
        };
        let fork = fork(&plan, &ended, vec![given]).play([]).ended();
        if let Some(row) = fork.run.rows.nodes.get(path.as_str())
            && let NodeState::Completed(done) = &row.state
        {
            prop_assert!(row.reused);
            prop_assert_eq!(done.output.to_value(), json!({"given": true}));
        }
        prop_assert!(fork.run.calls.iter().all(|call| call.path != path));
    }
}

/// A new execution of the same version with the same input.
fn fork(plan: &Plan, ended: &World, seeds: Vec<Seed>) -> World {
    World::made(plan, |new| {
        new.id = ExecutionId::from_uuid(Uuid::from_u128(9));
        new.forked_from = Some(ended.run.rows.execution.id);
        new.seeds = seeds;
    })
}

fn by_path(seeds: Vec<Seed>) -> BTreeMap<String, Seed> {
    let seeds = seeds.into_iter();
    seeds.map(|seed| (seed.path.as_str().to_owned(), seed)).collect()
}

/// Whether nothing in an execution depended on what came first, or on failures, so that it goes the same way again.
fn repeats(ended: &World) -> bool {
    let went_well = |row: &NodeRow| match &row.state {
        NodeState::Completed(done) => done.replaced.is_none(),
        NodeState::Skipped(reason) => matches!(
            reason.cause,
            SkipCause::BranchNotTaken | SkipCause::UpstreamSkipped
        ),
        _ => false,
    };
    let is_completed = ended.run.rows.execution.status == ExecutionStatus::Completed;
    is_completed && ended.run.rows.nodes.values().all(went_well) && !races(&ended.run.workflow)
}

fn races(workflow: &Compiled) -> bool {
    workflow.nodes().any(|node| {
        let is_satisfied_early =
            matches!(&node.kind, NodeKind::ParallelGroup(group) if group.at_least.is_some());
        is_satisfied_early || matches!(node.join, Join::Any | Join::AtLeast(_))
    })
}
