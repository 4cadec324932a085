//! Purses: commits draw from them in full or not at all (I16), whoever else draws at the same time.

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{Changes, ExecutionRow, ExecutionStatus};
use agentchains_ports::{Commit, CommitError, Fence, PurseChange, PurseId};
use futures_util::future::join;
use jiff::civil::date;

use super::{Backend, Ports, TestResult, create, read};
use crate::samples::{TENANT, attempt, changes, execution, execution_id, node};

type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// An execution as whoever drives it knows it.
struct Driven<'s, S> {
    store: &'s S,
    row: ExecutionRow,
    fence: Fence,
}

impl<'s, S: Ports> Driven<'s, S> {
    /// Records an execution that may spend so much, in nano-dollars.
    async fn new(store: &'s S, ordinal: u32, max_budget: Option<i64>) -> Result<Self, BodyError> {
        let row = ExecutionRow {
            max_budget: max_budget.map(Usd::from_nanos),
            ..execution(ordinal)
        };
        let first = changes(row, 1);
        Ok(Self {
            store,
            row: first.execution.clone(),
            fence: create(store, first).await?,
        })
    }

    fn purse(&self) -> PurseId {
        PurseId::of_execution(self.row.id)
    }

    async fn commit(&mut self, changes: Changes, purses: &[PurseChange]) -> Result<(), CommitError> {
        let after = changes.execution.clone();
        let commit = Commit {
            fence: self.fence,
            changes,
            purses: purses.to_vec(),
        };
        self.store.commit(commit).await?;
        self.fence = self.fence.advanced();
        self.row = after;
        Ok(())
    }

    /// Commits an event, with that.
    async fn draw(&mut self, purses: &[PurseChange]) -> Result<(), CommitError> {
        self.commit(changes(self.row.clone(), 1), purses).await
    }
}

fn reserve(purse: &PurseId, nanos: i64) -> PurseChange {
    PurseChange {
        reserved: Usd::from_nanos(nanos),
        must_fit: true,
        ..settle(purse, 0, 0)
    }
}

fn settle(purse: &PurseId, reserved: i64, charged: i64) -> PurseChange {
    PurseChange {
        purse: purse.clone(),
        limit: None,
        reserved: Usd::from_nanos(-reserved),
        spent: Usd::from_nanos(charged),
        must_fit: false,
    }
}

fn with_limit(change: PurseChange, nanos: i64) -> PurseChange {
    PurseChange {
        limit: Some(Usd::from_nanos(nanos)),
        ..change
    }
}

/// What a purse holds, in nano-dollars: its limit, what is spent and what is reserved.
async fn held<S: Ports>(store: &S, purse: &PurseId) -> Result<Option<(i64, i64, i64)>, BodyError> {
    let nanos = |budget: Budget| {
        let limit = budget.limit()?.nanos();
        Some((limit, budget.spent().nanos(), budget.reserved().nanos()))
    };
    Ok(store.purse(purse).await?.and_then(nanos))
}

fn assert_refused(outcome: &Result<(), CommitError>, by: &PurseId) {
    assert!(
        matches!(outcome, Err(CommitError::OverBudget(purse)) if purse == by),
        "{outcome:?}"
    );
}

/// One without a budget has none, and the same creation again leaves the purse as it is.
pub async fn an_execution_with_a_budget_has_a_purse<S: Ports>(store: &S) -> TestResult {
    let mut with = Driven::new(store, 1, Some(10)).await?;
    let without = Driven::new(store, 2, None).await?;
    assert_eq!(held(store, &with.purse()).await?, Some((10, 0, 0)));
    assert_eq!(held(store, &without.purse()).await?, None);

    with.draw(&[reserve(&with.purse(), 4)]).await?;
    store.create(changes(with.row.clone(), 0), None).await?;
    assert_eq!(held(store, &with.purse()).await?, Some((10, 0, 4)));
    Ok(())
}

/// To the last nano-dollar, and for less than was reserved.
pub async fn what_is_reserved_is_settled<S: Ports>(store: &S) -> TestResult {
    let mut driven = Driven::new(store, 1, Some(10)).await?;
    let purse = driven.purse();
    driven.draw(&[reserve(&purse, 4)]).await?;
    driven.draw(&[reserve(&purse, 6)]).await?;
    assert_eq!(held(store, &purse).await?, Some((10, 0, 10)));
    assert_refused(&driven.draw(&[reserve(&purse, 1)]).await, &purse);
    driven.draw(&[settle(&purse, 4, 1)]).await?;
    assert_eq!(held(store, &purse).await?, Some((10, 1, 6)));
    driven.draw(&[reserve(&purse, 3)]).await?;
    driven.draw(&[settle(&purse, 6, 6), settle(&purse, 3, 0)]).await?;
    assert_eq!(held(store, &purse).await?, Some((10, 7, 0)));
    Ok(())
}

/// Neither rows nor events nor other purses; without the reservation it is made, under the same fence.
pub async fn a_commit_without_room_writes_nothing<S: Ports>(store: &S) -> TestResult {
    let above = Driven::new(store, 1, Some(20)).await?.purse();
    let mut driven = Driven::new(store, 2, Some(10)).await?;
    let (own, id) = (driven.purse(), driven.row.id);
    let mut refused = changes(driven.row.clone(), 1);
    refused.execution.nodes_settled = 1;
    refused.nodes = vec![node("web", 0)];
    refused.attempts = vec![attempt("web", 1)];

    for draws in [
        [reserve(&above, 11), reserve(&own, 11)],
        [reserve(&own, 6), reserve(&own, 5)],
    ] {
        assert_refused(&driven.commit(refused.clone(), &draws).await, &own);
        assert_eq!(read(store, id).await?, driven.row);
        assert_eq!(store.nodes(id).await?, []);
        assert_eq!(store.attempts(id).await?, []);
        assert_eq!(store.events(id, 0, 10).await?.len(), 1);
        assert_eq!(held(store, &above).await?, Some((20, 0, 0)));
        assert_eq!(held(store, &own).await?, Some((10, 0, 0)));
    }

    driven.commit(refused.clone(), &[]).await?;
    assert_eq!(read(store, id).await?, refused.execution);
    assert_eq!(store.nodes(id).await?, refused.nodes);
    Ok(())
}

/// Whichever that is. The other one may ask for less.
pub async fn of_two_commits_at_once_the_first_takes_what_is_left<S: Ports>(store: &S) -> TestResult {
    for (round, swapped) in [(0, false), (10, true)] {
        let shared = Driven::new(store, round, Some(10)).await?.purse();
        let mut first = Driven::new(store, round + 1, None).await?;
        let mut second = Driven::new(store, round + 2, None).await?;
        if swapped {
            std::mem::swap(&mut first, &mut second);
        }
        let draws = [reserve(&shared, 6)];
        let (made, refused) = join(first.draw(&draws), second.draw(&draws)).await;
        made?;
        assert_refused(&refused, &shared);
        assert_eq!(read(store, first.row.id).await?.last_seq, 2);
        assert_eq!(read(store, second.row.id).await?.last_seq, 1);
        assert_eq!(held(store, &shared).await?, Some((10, 0, 6)));
        second.draw(&[reserve(&shared, 4)]).await?;
        assert_eq!(held(store, &shared).await?, Some((10, 0, 10)));
    }
    Ok(())
}

/// Also when both are asked for at once.
pub async fn what_one_commit_frees_the_next_may_take<S: Ports>(store: &S) -> TestResult {
    let mut first = Driven::new(store, 1, Some(10)).await?;
    let mut second = Driven::new(store, 2, None).await?;
    let shared = first.purse();
    first.draw(&[reserve(&shared, 10)]).await?;
    let (frees, takes) = ([settle(&shared, 10, 3)], [reserve(&shared, 7)]);
    let (freed, taken) = join(first.draw(&frees), second.draw(&takes)).await;
    freed?;
    taken?;
    assert_eq!(held(store, &shared).await?, Some((10, 3, 7)));
    Ok(())
}

/// It takes nothing from others that are asked for at the same time.
pub async fn a_fenced_commit_draws_nothing<S: Ports>(store: &S) -> TestResult {
    let mut stale = Driven::new(store, 1, Some(10)).await?;
    let mut second = Driven::new(store, 2, None).await?;
    let shared = stale.purse();
    stale.fence = stale.fence.advanced();
    let draws = [reserve(&shared, 10)];
    let (refused, made) = join(stale.draw(&draws), second.draw(&draws)).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    made?;
    assert_eq!(held(store, &shared).await?, Some((10, 0, 10)));
    Ok(())
}

/// Not even for a call that costs nothing (the limit is passed), until the limit is raised.
pub async fn an_overrun_is_settled_and_leaves_no_room<S: Ports>(store: &S) -> TestResult {
    let mut driven = Driven::new(store, 1, Some(10)).await?;
    let purse = driven.purse();
    driven.draw(&[reserve(&purse, 5)]).await?;
    driven.draw(&[settle(&purse, 5, 12)]).await?;
    assert_eq!(held(store, &purse).await?, Some((10, 12, 0)));
    for nanos in [0, 1] {
        assert_refused(&driven.draw(&[reserve(&purse, nanos)]).await, &purse);
    }
    driven.draw(&[settle(&purse, 0, 1)]).await?;
    assert_eq!(held(store, &purse).await?, Some((10, 13, 0)));
    driven.draw(&[with_limit(reserve(&purse, 2), 15)]).await?;
    assert_eq!(held(store, &purse).await?, Some((15, 13, 2)));
    Ok(())
}

/// Higher or lower; one that a refused commit sets does not hold.
pub async fn another_limit_counts_for_the_commit_that_sets_it<S: Ports>(store: &S) -> TestResult {
    let mut driven = Driven::new(store, 1, Some(10)).await?;
    let purse = driven.purse();
    driven.draw(&[with_limit(reserve(&purse, 15), 15)]).await?;
    assert_refused(&driven.draw(&[with_limit(reserve(&purse, 6), 20)]).await, &purse);
    assert_eq!(held(store, &purse).await?, Some((15, 0, 15)));
    driven.draw(&[with_limit(settle(&purse, 0, 0), 5)]).await?;
    assert_eq!(held(store, &purse).await?, Some((5, 0, 15)));
    Ok(())
}

/// With its limit, by whoever draws first; the others find it.
pub async fn a_purse_of_a_tenant_is_made_on_first_use<S: Ports>(store: &S) -> TestResult {
    let (day, month) = (date(2026, 11, 22), date(2026, 11, 1));
    let purses = [PurseId::of_day(TENANT, day), PurseId::of_month(TENANT, month)];
    let mut first = Driven::new(store, 1, None).await?;
    let mut second = Driven::new(store, 2, None).await?;
    let draws = |nanos| [(0, 10), (1, 30)].map(|(at, cap)| with_limit(reserve(&purses[at], nanos), cap));
    assert_refused(&first.draw(&draws(11)).await, &purses[0]);
    assert_eq!(held(store, &purses[0]).await?, None);

    let (taken, fitting) = (draws(7), draws(3));
    let (one, other) = join(first.draw(&taken), second.draw(&fitting)).await;
    one?;
    other?;
    assert_eq!(held(store, &purses[0]).await?, Some((10, 0, 10)));
    assert_eq!(held(store, &purses[1]).await?, Some((30, 0, 10)));
    assert_refused(&first.draw(&draws(1)).await, &purses[0]);
    assert_eq!(held(store, &PurseId::of_day("other", day)).await?, None);
    Ok(())
}

/// Everything fits, and nothing is counted.
pub async fn a_purse_that_is_not_kept_has_no_limit<S: Ports>(store: &S) -> TestResult {
    let mut driven = Driven::new(store, 1, None).await?;
    let purse = driven.purse();
    driven.draw(&[reserve(&purse, i64::MAX)]).await?;
    driven.draw(&[settle(&purse, 1, i64::MAX)]).await?;
    assert_eq!(held(store, &purse).await?, None);
    Ok(())
}

/// And nothing that is reserved or spent is below zero. What does not fit exactly is refused all the same.
pub async fn amounts_end_at_the_ends_of_their_range<S: Ports>(store: &S) -> TestResult {
    const MAX: i64 = i64::MAX;
    let mut driven = Driven::new(store, 1, Some(MAX)).await?;
    let purse = driven.purse();
    driven
        .draw(&[reserve(&purse, 5), settle(&purse, MAX, -3)])
        .await?;
    assert_eq!(held(store, &purse).await?, Some((MAX, 0, 0)));
    driven.draw(&[reserve(&purse, MAX)]).await?;
    assert_refused(&driven.draw(&[reserve(&purse, MAX)]).await, &purse);
    driven.draw(&[settle(&purse, -1, MAX)]).await?;
    driven.draw(&[settle(&purse, 0, MAX)]).await?;
    assert_eq!(held(store, &purse).await?, Some((MAX, MAX, MAX)));
    Ok(())
}

/// When one of a later period is made, but for those of the period just before it. Other tenants' stay.
pub async fn purses_of_earlier_days_and_months_are_forgotten<S: Ports>(store: &S) -> TestResult {
    let day = |tenant, month, day| PurseId::of_day(tenant, date(2026, month, day));
    let month = |tenant, month| PurseId::of_month(tenant, date(2026, month, 1));
    let earlier = [
        (day(TENANT, 1, 30), false),
        (day(TENANT, 2, 28), true),
        (month(TENANT, 1), false),
        (month(TENANT, 2), true),
        (day("other", 1, 30), true),
        (month("other", 1), true),
    ];
    let mut driven = Driven::new(store, 1, Some(10)).await?;
    let own = driven.purse();
    for (purse, _) in &earlier {
        driven.draw(&[with_limit(reserve(purse, 1), 10)]).await?;
    }
    let made = [day(TENANT, 3, 1), month(TENANT, 3)];
    let draws = made.clone().map(|purse| with_limit(reserve(&purse, 2), 10));
    driven.draw(&draws).await?;
    for (purse, kept) in &earlier {
        assert_eq!(held(store, purse).await?.is_some(), *kept, "{purse}");
    }
    for purse in &made {
        assert_eq!(held(store, purse).await?, Some((10, 0, 2)));
    }
    assert_eq!(held(store, &own).await?, Some((10, 0, 0)));
    Ok(())
}

/// Those of others and of the tenant stay.
pub async fn a_purse_is_forgotten_with_its_execution<S: Ports>(store: &S) -> TestResult {
    let mut driven = Driven::new(store, 1, Some(10)).await?;
    let other = Driven::new(store, 2, Some(10)).await?.purse();
    let of_tenant = PurseId::of_day(TENANT, date(2026, 11, 22));
    assert!(!store.delete_terminal(TENANT, execution_id(1)).await?);
    assert_eq!(held(store, &driven.purse()).await?, Some((10, 0, 0)));

    let mut end = changes(driven.row.clone(), 1);
    end.execution.status = ExecutionStatus::Completed;
    let draws = [
        settle(&driven.purse(), 0, 7),
        with_limit(settle(&of_tenant, 0, 7), 50),
    ];
    driven.commit(end, &draws).await?;
    assert!(store.delete_terminal(TENANT, execution_id(1)).await?);
    assert_eq!(held(store, &driven.purse()).await?, None);
    assert_eq!(held(store, &other).await?, Some((10, 0, 0)));
    assert_eq!(held(store, &of_tenant).await?, Some((50, 7, 0)));
    Ok(())
}

/// With what was spent and reserved.
pub async fn purses_are_there_after_reopening<B: Backend>(backend: &B) -> TestResult {
    let store = backend.open().await?;
    let mut driven = Driven::new(&store, 1, Some(10)).await?;
    let purse = driven.purse();
    driven.draw(&[reserve(&purse, 4)]).await?;
    driven.draw(&[settle(&purse, 1, 2)]).await?;
    backend.close(store).await;

    let store = backend.open().await?;
    assert_eq!(held(&store, &purse).await?, Some((10, 2, 3)));
    backend.close(store).await;
    Ok(())
}
