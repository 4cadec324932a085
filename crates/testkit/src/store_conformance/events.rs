//! The numbers of an execution's events are 1 to n, without gap or repeat (I29).

use agentchains_machine::{Event, EventType, ExecutionRow};
use agentchains_ports::{Commit, CommitError};
use futures_util::future::join_all;

use super::{Ports, TestResult, advance, create, create_plain, read};
use crate::samples::{changes, event, execution, execution_id};

/// Parts of any size, from any number on.
pub async fn events_are_numbered_without_gaps_and_read_in_parts<S: Ports>(store: &S) -> TestResult {
    let mut first = changes(execution(1), 0);
    first.events = (1_u64..)
        .zip(EventType::ALL)
        .map(|(seq, kind)| event(seq, *kind))
        .collect();
    first.execution.last_seq = u64::try_from(first.events.len())?;
    let fence = create(store, first.clone()).await?;
    advance(store, execution_id(1), fence, |_| {}).await?;
    create_plain(store, [2]).await?;

    let mut all = first.events;
    all.push(event(first.execution.last_seq + 1, EventType::ExecutionStarted));
    for limit in [1, 3, 20, 1000] {
        let mut read = Vec::new();
        loop {
            let after = read.last().map_or(0, |event: &Event| event.seq);
            let part = store.events(execution_id(1), after, limit).await?;
            assert!(part.len() <= usize::try_from(limit)?);
            if part.is_empty() {
                break;
            }
            read.extend(part);
        }
        assert_eq!(read, all, "in parts of {limit}");
    }
    assert_eq!(store.events(execution_id(1), 5, 2).await?, all[5..7]);
    assert_eq!(store.events(execution_id(1), u64::MAX, 2).await?, []);
    assert_eq!(store.events(execution_id(1), 0, 0).await?, []);
    assert_eq!(store.events(execution_id(9), 0, 10).await?, []);
    Ok(())
}

/// Nothing of it is written.
pub async fn a_number_that_was_used_is_refused_with_the_whole_commit<S: Ports>(store: &S) -> TestResult {
    let fence = create(store, changes(execution(1), 2)).await?;
    let before = read(store, execution_id(1)).await?;
    let again = ExecutionRow {
        nodes_settled: 9,
        last_seq: 1,
        ..execution(1)
    };
    let refused = store
        .commit(Commit {
            fence,
            changes: changes(again, 1),
            purses: Vec::new(),
        })
        .await;
    assert!(matches!(refused, Err(CommitError::Store(_))), "{refused:?}");
    assert_eq!(read(store, execution_id(1)).await?, before);
    assert_eq!(store.events(execution_id(1), 0, 10).await?.len(), 2);
    advance(store, execution_id(1), fence, |_| {}).await
}

/// One that repeats a number is asked for together with others.
pub async fn a_refused_commit_does_not_keep_others_from_being_made<S: Ports>(store: &S) -> TestResult {
    let fences = create_plain(store, 0..9).await?;
    let commits = (0..9).zip(fences).map(|(ordinal, fence)| {
        let last_seq = u64::from(ordinal != 4);
        let changes = changes(
            ExecutionRow {
                last_seq,
                ..execution(ordinal)
            },
            1,
        );
        store.commit(Commit {
            fence,
            changes,
            purses: Vec::new(),
        })
    });
    for (ordinal, outcome) in (0..9).zip(join_all(commits).await) {
        assert_eq!(outcome.is_ok(), ordinal != 4, "{ordinal}: {outcome:?}");
        let events = store.events(execution_id(ordinal), 0, 10).await?;
        assert_eq!(events.len(), if ordinal == 4 { 1 } else { 2 }, "{ordinal}");
    }
    Ok(())
}
