//! Lists: their order, their parts, their filters.

use std::{collections::BTreeMap, error::Error};

use agentchains_machine::{ApprovalId, ApprovalRow, ApprovalStatus, ExecutionRow, ExecutionStatus};
use agentchains_ports::{ApprovalFilter, ExecutionFilter, PageRequest, StoreError};

use super::{Ports, TestResult, create, create_plain, first_page, read_all};
use crate::samples::{
    TENANT, approval, approval_id, at, changes, child, execution, execution_id, workflow_id,
};

/// Parts of any size make up the whole.
pub async fn executions_are_listed_newest_first_in_parts<S: Ports>(store: &S) -> TestResult {
    create_plain(store, [3, 1, 4, 5, 9, 2, 6]).await?;
    for limit in [1, 2, 3, 7, 200] {
        let filter = ExecutionFilter::default();
        let all = read_all!(limit, page => store.executions(TENANT, &filter, page));
        let ids: Vec<_> = all.iter().map(|row| row.id).collect();
        assert_eq!(
            ids,
            [9, 6, 5, 4, 3, 2, 1].map(execution_id),
            "in parts of {limit}"
        );
    }
    Ok(())
}

async fn found<S: Ports>(
    store: &S,
    filter: ExecutionFilter,
) -> Result<Vec<u32>, Box<dyn Error + Send + Sync>> {
    let rows = read_all!(2, page => store.executions(TENANT, &filter, page));
    assert_eq!(store.count_executions(TENANT, &filter).await?, rows.len() as u64);
    assert_eq!(store.count_executions("other", &filter).await?, 0);
    // The samples' executions are created as many milliseconds after the beginning as their ordinal says.
    let ordinal = |row: ExecutionRow| Ok(u32::try_from(row.created_at.duration_since(at(0)).as_millis())?);
    rows.into_iter().map(ordinal).collect()
}

/// By workflow, by statuses and by time; all that are given restrict.
pub async fn executions_are_filtered<S: Ports>(store: &S) -> TestResult {
    for (ordinal, status) in (1_u32..).zip(ExecutionStatus::ALL) {
        let row = ExecutionRow {
            status: *status,
            workflow_id: workflow_id(ordinal % 2),
            ..execution(ordinal)
        };
        create(store, changes(row, 1)).await?;
    }
    let all = ExecutionFilter::default;
    let of_workflow = ExecutionFilter {
        workflow_id: Some(workflow_id(0)),
        ..all()
    };
    assert_eq!(found(store, of_workflow.clone()).await?, [6, 4, 2]);
    let statuses = vec![
        ExecutionStatus::Pending,
        ExecutionStatus::Running,
        ExecutionStatus::Failed,
    ];
    let in_statuses = ExecutionFilter { statuses, ..all() };
    assert_eq!(found(store, in_statuses.clone()).await?, [6, 2, 1]);
    let between = ExecutionFilter {
        started_after: Some(at(2)),
        started_before: Some(at(6)),
        ..all()
    };
    assert_eq!(found(store, between.clone()).await?, [5, 4, 3]);
    let everything = ExecutionFilter {
        workflow_id: of_workflow.workflow_id,
        statuses: in_statuses.statuses,
        started_after: Some(at(2)),
        ..all()
    };
    assert_eq!(found(store, everything).await?, [6]);
    Ok(())
}

/// All that are given must be there, with just that value.
pub async fn executions_are_filtered_by_labels<S: Ports>(store: &S) -> TestResult {
    let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let odd = "a \"quoted\".name $ 'x'";
    for (ordinal, labels) in [
        (1, labels(&[("team", "red")])),
        (2, labels(&[("team", "red"), (odd, "%")])),
        (3, labels(&[("team", "blue"), (odd, "%")])),
        (4, labels(&[])),
    ] {
        create(
            store,
            changes(
                ExecutionRow {
                    labels,
                    ..execution(ordinal)
                },
                1,
            ),
        )
        .await?;
    }
    let with = |pairs: &[(&str, &str)]| ExecutionFilter {
        labels: labels(pairs),
        ..Default::default()
    };
    assert_eq!(found(store, with(&[("team", "red")])).await?, [2, 1]);
    assert_eq!(found(store, with(&[(odd, "%")])).await?, [3, 2]);
    assert_eq!(found(store, with(&[("team", "red"), (odd, "%")])).await?, [2]);
    assert_eq!(found(store, with(&[("team", "RED")])).await?, [0_u32; 0]);
    assert_eq!(found(store, with(&[("red", "team")])).await?, [0_u32; 0]);
    Ok(())
}

/// Two executions with questions in all statuses.
async fn create_questions<S: Ports>(store: &S) -> TestResult {
    let statuses = [
        ApprovalStatus::Pending,
        ApprovalStatus::Decided,
        ApprovalStatus::Expired,
        ApprovalStatus::Pending,
        ApprovalStatus::Withdrawn,
        ApprovalStatus::Pending,
    ];
    for ordinal in [1, 2] {
        let mut changes = changes(execution(ordinal), 1);
        for (question, status) in (0_u32..).zip(statuses) {
            let row = approval(ordinal * 10 + question, execution_id(ordinal));
            changes.approvals.push(ApprovalRow { status, ..row });
        }
        create(store, changes).await?;
    }
    Ok(())
}

async fn questions<S: Ports>(
    store: &S,
    filter: ApprovalFilter,
    limit: u32,
) -> Result<Vec<ApprovalId>, Box<dyn Error + Send + Sync>> {
    let rows = read_all!(limit, page => store.approvals(TENANT, &filter, page));
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Newest first among the pending, and among the others. Parts of any size make up the whole.
pub async fn approvals_are_listed_pending_first_in_parts<S: Ports>(store: &S) -> TestResult {
    create_questions(store).await?;
    for limit in [1, 2, 5, 6, 7, 200] {
        let ids = questions(store, ApprovalFilter::default(), limit).await?;
        let expected = [25, 23, 20, 15, 13, 10, 24, 22, 21, 14, 12, 11].map(approval_id);
        assert_eq!(ids, expected, "in parts of {limit}");
    }
    Ok(())
}

/// By status, by execution, and by both.
pub async fn approvals_are_filtered<S: Ports>(store: &S) -> TestResult {
    create_questions(store).await?;
    let pending = Some(ApprovalStatus::Pending);
    let expired = Some(ApprovalStatus::Expired);
    let first = Some(execution_id(1));
    for (status, execution_id, expected) in [
        (pending, None, vec![25, 23, 20, 15, 13, 10]),
        (expired, None, vec![22, 12]),
        (None, first, vec![15, 13, 10, 14, 12, 11]),
        (pending, first, vec![15, 13, 10]),
        (expired, first, vec![12]),
        (None, Some(execution_id(9)), vec![]),
    ] {
        let filter = ApprovalFilter {
            status,
            execution_id,
            root_execution_id: None,
        };
        let ids = questions(store, filter, 2).await?;
        let expected: Vec<_> = expected.into_iter().map(approval_id).collect();
        assert_eq!(ids, expected, "{status:?} of {execution_id:?}");
    }
    Ok(())
}

/// Those of its top and of everything below, by status too.
pub async fn approvals_of_a_tree_are_listed_together<S: Ports>(store: &S) -> TestResult {
    let decided = Some(ApprovalStatus::Decided);
    for row in [execution(1), child(2, 1), execution(3)] {
        let (id, root_execution_id) = (row.id, row.root());
        let ordinal = u32::try_from(row.created_at.duration_since(at(0)).as_millis())?;
        let mut changes = changes(row, 1);
        for (question, status) in [(10, ApprovalStatus::Pending), (20, ApprovalStatus::Decided)] {
            changes.approvals.push(ApprovalRow {
                status,
                root_execution_id,
                ..approval(question + ordinal, id)
            });
        }
        create(store, changes).await?;
    }
    for (root, execution, status, expected) in [
        (1, None, None, vec![12, 11, 22, 21]),
        (1, None, decided, vec![22, 21]),
        (1, Some(2), None, vec![12, 22]),
        (2, None, None, vec![]),
        (3, None, None, vec![13, 23]),
    ] {
        let filter = ApprovalFilter {
            status,
            execution_id: execution.map(execution_id),
            root_execution_id: Some(execution_id(root)),
        };
        let expected: Vec<_> = expected.into_iter().map(approval_id).collect();
        assert_eq!(questions(store, filter.clone(), 2).await?, expected, "{filter:?}");
    }
    Ok(())
}

/// Whatever it looks like.
pub async fn a_cursor_that_no_list_gave_out_is_refused<S: Ports>(store: &S) -> TestResult {
    create_questions(store).await?;
    for cursor in [
        "",
        "x",
        "-1",
        "pending:",
        "'; DROP TABLE executions; --",
        "0190-ä",
        "4294967296",
    ] {
        let page = PageRequest {
            cursor: Some(cursor.to_owned()),
            ..first_page(10)
        };
        let refusals = [
            store
                .executions(TENANT, &ExecutionFilter::default(), &page)
                .await
                .err(),
            store
                .approvals(TENANT, &ApprovalFilter::default(), &page)
                .await
                .err(),
            store.workflows(TENANT, &Default::default(), &page).await.err(),
            store.versions(workflow_id(1), &page).await.err(),
        ];
        for refusal in refusals {
            assert!(
                matches!(refusal, Some(StoreError::Cursor(_))),
                "{cursor:?}: {refusal:?}"
            );
        }
    }
    Ok(())
}

/// Not by a list, and not by an id.
pub async fn another_tenant_sees_nothing<S: Ports>(store: &S) -> TestResult {
    create_questions(store).await?;
    let other = "other";
    assert_eq!(store.execution(other, execution_id(1)).await?, None);
    assert_eq!(store.approval(other, approval_id(10)).await?, None);
    let executions = store
        .executions(other, &ExecutionFilter::default(), &first_page(10))
        .await?;
    assert_eq!((executions.items, executions.next_cursor), (vec![], None));
    let approvals = store
        .approvals(other, &ApprovalFilter::default(), &first_page(10))
        .await?;
    assert_eq!((approvals.items, approvals.next_cursor), (vec![], None));
    Ok(())
}
