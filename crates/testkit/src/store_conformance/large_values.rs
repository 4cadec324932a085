//! Values of more than 64 KiB are read back wherever they stand, and as long as anybody has them.

use std::{slice, sync::Arc};

use agentchains_machine::{
    ApprovalStatus, Changes, Completion, DecisionRecord, ExecutionRow, ExecutionStatus, Json, NodeRequest,
    NodeRow, NodeState, Waiting,
};
use agentchains_ports::{ApprovalFilter, Commit, ExecutionFilter};
use serde_json::{Value, json};

use super::{Ports, TestResult, create, first_page, read};
use crate::samples::{
    TENANT, approval, approval_id, changes, child, deep_value, execution, execution_id, full_approval,
    full_node, make_fork, node,
};

/// The bytes up to which a value is small.
const LIMIT: usize = 64 << 10;

/// A text that takes that many bytes in JSON.
fn text(bytes: usize) -> Value {
    Value::from("x".repeat(bytes - 2))
}

/// Far more than what a store keeps in a row, with what JSON escapes, and with values that are large by themselves.
fn large() -> Json {
    json!({
        "text": "\"é\u{1}\u{0}\\\u{1F600}".repeat(LIMIT / 4),
        "list": [text(LIMIT + 1), 7, { "again": text(LIMIT + 1) }],
        "deep": deep_value().to_value(),
    })
    .into()
}

fn completed(at_path: &str, output: &Json) -> NodeRow {
    let completion = Completion {
        output: output.clone(),
        branch: None,
        replaced: None,
    };
    full_node(at_path, 0, NodeState::Completed(completion))
}

/// A node that waits, with a large request.
fn waiting(value: &Json) -> NodeRow {
    NodeRow {
        state: NodeState::Waiting(Waiting::Approval {
            approval_id: approval_id(1),
            expires_at: None,
        }),
        request: Some(Arc::new(NodeRequest {
            config: value.clone(),
            items: Some([value.clone(), Json::null()].into()),
            upstream: vec!["web".to_owned()],
        })),
        ..node("wait", 1)
    }
}

/// What records an execution that has a value wherever one may stand.
fn with_value_everywhere(row: ExecutionRow, value: &Json) -> Changes {
    let id = row.id;
    let mut changes = changes(
        ExecutionRow {
            input: value.clone(),
            output: Some([("web", value.clone())].into_iter().collect()),
            ..row
        },
        1,
    );
    changes.events[0].data = [("output", value.clone())].into_iter().collect();
    changes.nodes = vec![completed("web", value), waiting(value)];
    make_fork(&mut changes);
    changes.seeds[1].output = value.clone();
    let mut question = full_approval(1, id, ApprovalStatus::Pending);
    question.shown = value.clone();
    question.form = Some(value.to_value());
    question.decisions[0].data = Some(value.to_value());
    changes.approvals = vec![question];
    changes
}

/// In every row and by every way to read it.
pub async fn large_values_are_read_back_wherever_they_stand<S: Ports>(store: &S) -> TestResult {
    let id = execution_id(1);
    let written = with_value_everywhere(child(1, 7), &large());
    create(store, written.clone()).await?;

    let all = ExecutionFilter::default();
    let listed = store.executions(TENANT, &all, &first_page(10)).await?.items;
    assert_eq!(listed, slice::from_ref(&written.execution));
    assert_eq!(store.children(execution_id(7)).await?, listed);
    assert_eq!(read(store, id).await?, written.execution);
    assert_eq!(store.nodes(id).await?, written.nodes);
    assert_eq!(store.waiting_nodes(id).await?, written.nodes[1..]);
    assert_eq!(store.events(id, 0, 10).await?, written.events);
    let question = store.approval(TENANT, approval_id(1)).await?;
    assert_eq!(question.as_ref(), written.approvals.first());
    let all = ApprovalFilter::default();
    let questions = store.approvals(TENANT, &all, &first_page(10)).await?.items;
    assert_eq!(questions, written.approvals);

    let snapshot = store.snapshot(TENANT, id).await?.ok_or("it has no snapshot")?;
    let claimed = store.claim(id).await?.ok_or("it cannot be claimed")?.snapshot;
    for snapshot in [snapshot, claimed] {
        assert_eq!(snapshot.execution, written.execution);
        assert_eq!(snapshot.nodes, written.nodes);
        assert_eq!(snapshot.approvals, written.approvals);
        assert_eq!(snapshot.seeds, written.seeds);
    }
    Ok(())
}

/// A byte less, and one more, alone and within others.
pub async fn values_about_as_large_as_a_row_takes_are_read_back<S: Ports>(store: &S) -> TestResult {
    let sizes = LIMIT - 3..=LIMIT + 1;
    let values = sizes.flat_map(|size| {
        [
            text(size),
            json!([text(size)]),
            json!({ "a": { "b": text(size) } }),
        ]
    });
    for (ordinal, value) in (1_u32..).zip(values) {
        let written = changes(
            ExecutionRow {
                input: value.into(),
                ..execution(ordinal)
            },
            1,
        );
        create(store, written.clone()).await?;
        assert_eq!(read(store, written.execution.id).await?, written.execution);
    }
    Ok(())
}

/// By a commit.
pub async fn a_large_value_takes_the_place_of_another<S: Ports>(store: &S) -> TestResult {
    let mut first = changes(execution(1), 1);
    first.nodes = vec![waiting(&large())];
    first.approvals = vec![approval(1, first.execution.id)];
    let fence = create(store, first.clone()).await?;

    let other: Json = json!({ "decision": text(2 * LIMIT) }).into();
    let mut second = changes(first.execution, 1);
    second.execution.output = Some(large());
    second.nodes = vec![NodeRow {
        kind: first.nodes[0].kind,
        position: first.nodes[0].position,
        request: first.nodes[0].request.clone(),
        ..completed("wait", &other)
    }];
    second.approvals = first.approvals;
    second.approvals[0].decisions = vec![DecisionRecord {
        data: Some(other.to_value()),
        ..full_approval(1, execution_id(1), ApprovalStatus::Pending).decisions[0].clone()
    }];
    let commit = Commit {
        fence,
        changes: second.clone(),
        purses: Vec::new(),
    };
    store.commit(commit).await?;
    assert_eq!(read(store, execution_id(1)).await?, second.execution);
    assert_eq!(store.nodes(execution_id(1)).await?, second.nodes);
    let question = store.approval(TENANT, approval_id(1)).await?;
    assert_eq!(question.as_ref(), second.approvals.first());
    Ok(())
}

/// Of those with the same value, whichever goes first.
pub async fn large_values_are_read_back_until_the_last_execution_with_them_is_deleted<S: Ports>(
    store: &S,
) -> TestResult {
    let written = |ordinal| {
        let row = ExecutionRow {
            status: ExecutionStatus::Completed,
            ..execution(ordinal)
        };
        Changes {
            approvals: Vec::new(),
            ..with_value_everywhere(row, &large())
        }
    };
    create(store, written(1)).await?;
    create(store, written(2)).await?;
    assert!(store.delete_terminal(TENANT, execution_id(1)).await?);
    assert_eq!(read(store, execution_id(2)).await?, written(2).execution);
    assert_eq!(store.nodes(execution_id(2)).await?, written(2).nodes);
    create(store, written(3)).await?;
    for ordinal in [2, 3] {
        assert!(store.delete_terminal(TENANT, execution_id(ordinal)).await?);
    }
    create(store, written(4)).await?;
    assert_eq!(read(store, execution_id(4)).await?, written(4).execution);
    Ok(())
}
