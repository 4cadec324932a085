//! Whatever the values, what is read is what was written.

use std::sync::Arc;

use agentchains_cost::Usd;
use agentchains_machine::{
    Attempt, Changes, ChildRun, Completion, ExecutionRow, HeldFor, Json, MessageId, NodeRequest, NodeRow,
    NodeState, Waiting,
};
use agentchains_ports::{ExecutionQuery, ExecutionStore};
use agentchains_store::Store;
use agentchains_testkit::{
    samples::{TENANT, approval_id, changes, execution_id, full_execution, full_node, make_fork, path},
    store_conformance::Backend,
};
use jiff::Timestamp;
use proptest::{collection, prelude::*};
use serde_json::{Map, Number, Value};
use tokio::runtime::Builder;

use crate::backends::SqliteInMemory;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let range = Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond();
    range.prop_map(|micros| Timestamp::from_microsecond(micros).unwrap())
}

fn money() -> impl Strategy<Value = Usd> {
    any::<i64>().prop_map(Usd::from_nanos)
}

prop_compose! {
    fn an_execution()(
        (input, output) in (json(), json()),
        labels in collection::btree_map(any::<String>(), any::<String>(), 0..4),
        initiated_by in any::<String>(),
        (max_budget, spent, reserved) in (proptest::option::of(money()), money(), money()),
        (created_at, wake_at) in (moment(), proptest::option::of(moment())),
        (in_flight, children, nodes_total, nodes_settled) in any::<(u32, u32, u32, u32)>(),
        workflow_version in any::<u32>(),
    ) -> ExecutionRow {
        ExecutionRow {
            input: input.into(), output: Some(output.into()), labels, initiated_by, max_budget, spent,
            reserved, created_at, wake_at, in_flight, children, nodes_total, nodes_settled, workflow_version,
            ..full_execution(1)
        }
    }
}

prop_compose! {
    fn an_attempt()(
        (started_at, deadline, abort_by) in (moment(), moment(), proptest::option::of(moment())),
        reserved in money(),
        (number, agent_id) in any::<(u32, String)>(),
    ) -> Attempt {
        let message_id = MessageId::of_attempt(execution_id(1), &path("web"), number);
        Attempt { number, message_id, agent_id, started_at, deadline, reserved, abort_by, answer: None, rejected: None }
    }
}

prop_compose! {
    fn a_child()(
        (deadline, cancel_by) in (proptest::option::of(moment()), proptest::option::of(moment())),
        (max_budget, spent) in (proptest::option::of(money()), money()),
    ) -> ChildRun {
        let execution_id = execution_id(2);
        ChildRun { execution_id, max_budget, spent, deadline, pause_reason: None, cancel_by }
    }
}

/// The states with values that are not words: what belongs to the others is in the samples.
fn state() -> impl Strategy<Value = NodeState> {
    let approval_id = approval_id(1);
    prop_oneof![
        an_attempt().prop_map(NodeState::Running),
        proptest::option::of(moment()).prop_map(|deadline| NodeState::Open { deadline }),
        a_child().prop_map(NodeState::Child),
        (an_attempt(), proptest::option::of(moment())).prop_map(move |(attempt, go_on_at)| {
            NodeState::Waiting(Waiting::Held {
                about: HeldFor::Outcome,
                approval_id,
                attempt,
                go_on_at,
                look_at: go_on_at,
            })
        }),
        json().prop_map(|output| {
            NodeState::Completed(Completion {
                output: output.into(),
                branch: None,
                replaced: None,
            })
        }),
    ]
}

prop_compose! {
    fn a_node()(
        config in json(),
        items in proptest::option::of(collection::vec(json().prop_map(Json::from), 0..3)),
        state in state(),
        upstream in collection::vec(any::<String>(), 0..3),
        cost in money(),
        (attempts, attempts_before, iteration, position) in any::<(u32, u32, u32, u32)>(),
        reused in any::<bool>(),
        finished_at in proptest::option::of(moment()),
    ) -> NodeRow {
        NodeRow {
            attempts, attempts_before, iteration, reused, cost, finished_at,
            request: Some(Arc::new(NodeRequest {
                config: config.into(),
                items: items.map(Arc::from),
                upstream,
            })),
            ..full_node("web", position, state)
        }
    }
}

prop_compose! {
    fn a_creation()(
        execution in an_execution(),
        node in a_node(),
        (data, left_behind) in (json(), json()),
    ) -> Changes {
        let mut changes = changes(execution, 1);
        changes.events[0].data = data.into();
        changes.nodes = vec![node];
        make_fork(&mut changes);
        changes.seeds[1].output = left_behind.into();
        changes
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_read_is_what_was_written(written in a_creation()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqliteInMemory.open().await.unwrap();
            let checked = check_round_trip(&store, written).await;
            store.close().await;
            checked
        })?;
    }
}

async fn check_round_trip(store: &Store, written: Changes) -> Result<(), TestCaseError> {
    let id = written.execution.id;
    store.create(written.clone(), None).await.unwrap();
    let snapshot = store.snapshot(TENANT, id).await.unwrap().unwrap();
    let events = store.events(id, 0, 10).await.unwrap();
    prop_assert_eq!(snapshot.execution, written.execution);
    prop_assert_eq!(snapshot.nodes, written.nodes);
    prop_assert_eq!(snapshot.seeds, written.seeds);
    prop_assert_eq!(events, written.events);
    Ok(())
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[cfg(unix)]
mod postgres {
    use proptest::test_runner::TestRunner;

    use super::*;
    use crate::backends::Postgres;

    /// On one database for all cases: making one takes longer than using it.
    #[test]
    fn what_is_read_is_what_was_written() {
        let Some(backend) = Postgres::new() else { return };
        // The store lets go of what it has read while this thread waits for the server.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let store = runtime.block_on(backend.open()).unwrap();
        let mut runner = TestRunner::new(config());
        let checked = runner.run(&a_creation(), |written| {
            backend
                .0
                .query("TRUNCATE executions, nodes, attempts, events CASCADE")
                .unwrap();
            runtime.block_on(check_round_trip(&store, written))
        });
        runtime.block_on(store.close());
        checked.unwrap();
    }
}
