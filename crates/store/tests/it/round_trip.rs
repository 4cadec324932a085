//! Whatever the values, what is read is what was written.

use std::sync::Arc;

use agentchains_cost::Usd;
use agentchains_machine::{Changes, Completion, ExecutionRow, NodeRequest, NodeRow, NodeState};
use agentchains_ports::{ExecutionQuery, ExecutionStore};
use agentchains_testkit::{
    samples::{TENANT, changes, full_execution, full_node},
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
        (in_flight, nodes_total, nodes_settled) in any::<(u32, u32, u32)>(),
        workflow_version in any::<u32>(),
    ) -> ExecutionRow {
        ExecutionRow {
            input: Arc::new(input), output: Some(Arc::new(output)), labels, initiated_by, max_budget, spent,
            reserved, created_at, wake_at, in_flight, nodes_total, nodes_settled, workflow_version,
            ..full_execution(1)
        }
    }
}

prop_compose! {
    fn a_node()(
        (config, output) in (json(), json()),
        upstream in collection::vec(any::<String>(), 0..3),
        cost in money(),
        (attempts, position) in any::<(u32, u32)>(),
        finished_at in proptest::option::of(moment()),
    ) -> NodeRow {
        let done = Completion { output: Arc::new(output), branch: None, replaced: None };
        NodeRow {
            attempts, cost, finished_at,
            request: Some(Arc::new(NodeRequest { config, upstream })),
            ..full_node("web", position, NodeState::Completed(done))
        }
    }
}

prop_compose! {
    fn a_creation()(execution in an_execution(), node in a_node(), data in json()) -> Changes {
        let mut changes = changes(execution, 1);
        changes.events[0].data = data;
        changes.nodes = vec![node];
        changes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_written(written in a_creation()) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let id = written.execution.id;
        let (execution, nodes, events) = runtime.block_on(async {
            let store = SqliteInMemory.open().await.unwrap();
            store.create(written.clone(), None).await.unwrap();
            let execution = store.execution(TENANT, id).await.unwrap();
            let read = (execution, store.nodes(id).await.unwrap(), store.events(id, 0, 10).await.unwrap());
            store.close().await;
            read
        });
        prop_assert_eq!(execution, Some(written.execution));
        prop_assert_eq!(nodes, written.nodes);
        prop_assert_eq!(events, written.events);
    }
}
