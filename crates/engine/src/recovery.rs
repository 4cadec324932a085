//! Recovery: executions that an earlier process was driving when it ended get a driver again.
//!
//! What is to be done about them is decided first ([`Plan`]). Most are taken over side by side, a bounded number at
//! once, so that new work is not starved. One that was being driven in crash after crash, and came no further between
//! them, may be what made the process crash. Where nothing outside its tree was being driven, the third crash puts it into
//! quarantine. Among others it is one of many that may be innocent, as when someone kills the process again and again:
//! such ones go on alone, in random order, so that a crash is held against those that had their turn before it, and
//! each time against fewer of the innocent. What stands out after many crashes goes into quarantine.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use agentchains_machine::{ExecutionId, Input};
use agentchains_ports::Interrupted;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::{
    clock::add,
    shared::{Message, Shared},
    waking::wait_for_store,
};

/// Executions whose first commit is waited for at the same time.
const AT_ONCE: usize = 64;
/// Where there are more than that, each waits up to this long before its turn, so that agents are not called in waves.
const JITTER: Duration = Duration::from_millis(20);
/// Interrupted executions that are read in one go.
const PAGE: u32 = 1024;
/// Recoveries in vain after which an execution is not recovered again, where nothing outside its tree was being driven.
const MAX_RECOVERIES_BY_ITSELF: u32 = 2;
/// The same for one among others, where no other tree has as many. The first was with the others, the rest alone: for an
/// innocent one to get as far, kills at random moments must hit just it, time after time.
const MAX_RECOVERIES_IF_IT_STANDS_OUT: u32 = 10;
/// The same where others have as many: they would crash the process for ever.
const MAX_RECOVERIES_AMONG_EQUALS: u32 = 20;
/// How long an execution that goes on alone may take to come any further before the next one's turn.
const WATCH: Duration = Duration::from_secs(1);
/// How long all of them may take to get their turns: their own timeouts go on meanwhile. Of many, each is alone for less.
const WATCH_ALL: Duration = Duration::from_secs(5);

/// How the executions that were interrupted are taken over.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Ended, not driven.
    quarantined: Vec<ExecutionId>,
    /// Side by side.
    together: Vec<ExecutionId>,
    /// One after the other, once the others have been taken over.
    alone: Vec<ExecutionId>,
}

impl Plan {
    fn new(facts: &[Interrupted]) -> Self {
        let most = facts.iter().map(|fact| fact.recoveries).max();
        let limit = if are_of_one_tree(facts.iter()) {
            MAX_RECOVERIES_BY_ITSELF
        } else if are_of_one_tree(facts.iter().filter(|fact| Some(fact.recoveries) == most)) {
            MAX_RECOVERIES_IF_IT_STANDS_OUT
        } else {
            MAX_RECOVERIES_AMONG_EQUALS
        };
        let mut plan = Self::default();
        for fact in facts {
            let way = match fact.recoveries {
                recoveries if recoveries >= limit && Some(recoveries) == most => &mut plan.quarantined,
                0 => &mut plan.together,
                _ => &mut plan.alone,
            };
            way.push(fact.id);
        }
        plan
    }
}

fn are_of_one_tree<'a>(facts: impl Iterator<Item = &'a Interrupted>) -> bool {
    let mut roots = facts.map(|fact| fact.root);
    let first = roots.next();
    roots.all(|root| Some(root) == first)
}

/// Takes over what an earlier process was driving when it ended.
pub(crate) async fn take_over(shared: Arc<Shared>) {
    let Some(facts) = interrupted(&shared).await else {
        return;
    };
    let Plan {
        quarantined,
        together,
        mut alone,
    } = Plan::new(&facts);
    for id in quarantined {
        error!(
            execution = %id,
            "this execution is put into quarantine, as it may be what makes the process crash; see its error, then retry it"
        );
        shared.quarantine(id);
    }
    take_over_together(&shared, together).await;
    let random = RandomState::new();
    alone.sort_by_cached_key(|id| random.hash_one(id));
    let watch = watch(alone.len());
    for suspect in alone {
        take_over_alone(&shared, suspect, watch).await;
        if shared.draining.is_cancelled() {
            return;
        }
    }
    if !facts.is_empty() {
        info!(
            executions = facts.len(),
            "took over what an earlier process left unfinished"
        );
    }
}

/// All that were interrupted, however long the store takes to tell. `None` when the engine stops.
async fn interrupted(shared: &Shared) -> Option<Vec<Interrupted>> {
    let mut all: Vec<Interrupted> = Vec::new();
    while !shared.draining.is_cancelled() {
        match shared
            .store
            .interrupted(all.last().map(|last| last.id), PAGE)
            .await
        {
            Ok(page) if page.is_empty() => return Some(all),
            Ok(page) => all.extend(page),
            Err(error) => _ = wait_for_store(shared, &error).await,
        }
    }
    None
}

/// Wakes the executions, as many at once as may be, each until it has made its first commit.
async fn take_over_together(shared: &Arc<Shared>, ids: Vec<ExecutionId>) {
    let is_crowd = ids.len() > AT_ONCE;
    let random = RandomState::new();
    let each = stream::iter(ids).for_each_concurrent(AT_ONCE, |id| {
        let delay = JITTER.mul_f64(if is_crowd { share(random.hash_one(id)) } else { 0.0 });
        async move {
            if !delay.is_zero() {
                shared.clock.sleep_until(add(shared.clock.now(), delay)).await;
            }
            // Fails when the execution is gone or terminal, and then there is nothing to take over.
            let _ = wake(shared, id).await;
        }
    });
    tokio::select! {
        () = each => {}
        () = shared.draining.cancelled() => {}
    }
}

/// How long each of so many is alone.
fn watch(suspects: usize) -> Duration {
    let suspects = u32::try_from(suspects).unwrap_or(u32::MAX);
    WATCH_ALL
        .checked_div(suspects)
        .map_or(WATCH, |share| share.min(WATCH))
}

/// Wakes an execution, and watches it until it has come any further or its time is over.
async fn take_over_alone(shared: &Arc<Shared>, id: ExecutionId, watch: Duration) {
    let mut row = shared.hub.watch_row(id);
    let until = add(shared.clock.now(), watch);
    let went_on = async {
        // Fails when the execution is gone or terminal, and then there is nothing to watch.
        if wake(shared, id).await.is_ok() {
            let _ = row.changed().await;
        }
    };
    tokio::select! {
        () = went_on => {}
        () = shared.clock.sleep_until(until) => {}
        () = shared.draining.cancelled() => {}
    }
}

/// Wakes an execution. The answer comes with its first commit, and fails when there is nothing to drive.
pub(crate) fn wake(shared: &Arc<Shared>, id: ExecutionId) -> oneshot::Receiver<()> {
    let (done, recorded) = oneshot::channel();
    shared.deliver(id, Message::Recorded(Input::Tick, done));
    recorded
}

/// A number from 0 to 1 for a hash.
fn share(hash: u64) -> f64 {
    f64::from((hash >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> ExecutionId {
        ExecutionId::from_uuid(Uuid::from_u128(number))
    }

    fn fact(number: u128, root: u128, recoveries: u32) -> Interrupted {
        Interrupted {
            id: id(number),
            root: id(root),
            recoveries,
        }
    }

    fn plan(facts: &[(u128, u32)]) -> Plan {
        let fact = |&(number, recoveries)| fact(number, number, recoveries);
        Plan::new(&facts.iter().map(fact).collect::<Vec<_>>())
    }

    #[test]
    fn what_came_no_further_before_goes_on_alone_until_it_stands_out() {
        assert_eq!(
            plan(&[(1, 0), (2, 1), (3, 9), (4, 0), (5, 10)]),
            Plan {
                quarantined: vec![id(5)],
                together: vec![id(1), id(4)],
                alone: vec![id(2), id(3)],
            }
        );
    }

    #[test]
    fn of_equals_none_is_quarantined_before_many_more_crashes() {
        assert_eq!(plan(&[(1, 12), (2, 12), (3, 0)]).alone, [id(1), id(2)]);
        assert_eq!(plan(&[(1, 20), (2, 20), (3, 11)]).quarantined, [id(1), id(2)]);
    }

    #[test]
    fn a_tree_is_one_suspect() {
        let parent_and_child = [fact(1, 1, 2), fact(2, 1, 2)];
        assert_eq!(Plan::new(&parent_and_child).quarantined, [id(1), id(2)]);
        let beside_another = [fact(1, 1, 10), fact(2, 1, 10), fact(3, 3, 9)];
        assert_eq!(Plan::new(&beside_another).quarantined, [id(1), id(2)]);
    }

    #[test]
    fn few_are_watched_for_a_second_each_and_many_for_five_altogether() {
        assert_eq!((watch(0), watch(1), watch(5)), (WATCH, WATCH, WATCH));
        assert_eq!(watch(10), Duration::from_millis(500));
        assert_eq!(watch(10_000) * 10_000, WATCH_ALL);
    }

    #[test]
    fn the_third_crash_puts_what_was_driven_by_itself_into_quarantine() {
        assert_eq!(plan(&[(1, 0)]).together, [id(1)]);
        assert_eq!(plan(&[(1, 1)]).alone, [id(1)]);
        assert_eq!(plan(&[(1, 2)]).quarantined, [id(1)]);
    }
}
