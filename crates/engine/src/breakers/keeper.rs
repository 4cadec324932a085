//! Keeps breakers in the store: over a restart, and as hints between the replicas that share it.
//!
//! All of it happens beside the calls. A store that fails is logged and tried again; no call waits for it.

use std::{sync::Arc, time::Duration};

use agentchains_breaker::{Breaker, Snapshot as BreakerSnapshot, Transition};
use agentchains_ports::{AgentKey, StoreError};
use jiff::Timestamp;
use tracing::warn;

use crate::{clock::add, shared::Shared};

/// Between two looks at what other replicas have saved, and two tries to save what could not be.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Breakers that are read in one go.
const PART: u32 = 256;
/// How long the end of the engine may wait for the last changes to be saved.
const SAVE_LIMIT: Duration = Duration::from_secs(2);

/// How a breaker takes a snapshot over: [`Breaker::restore`] or [`Breaker::adopt`].
type TakeOver = fn(&mut Breaker, &BreakerSnapshot, Timestamp) -> Option<Transition>;

/// Restores the breakers, then saves them as they change and adopts what other replicas save, until the engine drains.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut seen = 0;
    take_over(&shared, &mut seen, Breaker::restore).await;
    // Fails only when it is set already, and only this sets it.
    let _ = shared.breakers.restored.set(());
    let mut look_at = add(shared.clock.now(), LOOK_EVERY);
    loop {
        tokio::select! {
            biased;
            () = shared.draining.cancelled() => return,
            () = shared.clock.sleep_until(look_at) => {
                save_all(&shared).await;
                take_over(&shared, &mut seen, Breaker::adopt).await;
                look_at = add(shared.clock.now(), LOOK_EVERY);
            }
            () = shared.breakers.changed.notified() => save_all(&shared).await,
        }
    }
}

/// Saves what has changed while the engine drained.
pub(crate) async fn save_the_rest(shared: &Shared) {
    let until = add(shared.clock.now(), SAVE_LIMIT);
    tokio::select! {
        () = save_all(shared) => {}
        () = shared.clock.sleep_until(until) => {}
    }
}

/// Goes through the breakers that were saved after the change that was `seen` last.
async fn take_over(shared: &Shared, seen: &mut u64, take_over: TakeOver) {
    loop {
        let part = match shared.breakers.store.load_breakers(*seen, PART).await {
            Ok(part) => part,
            Err(error) => {
                return complain(
                    shared,
                    &error,
                    "the circuit breakers that were saved cannot be read",
                );
            }
        };
        for record in &part {
            *seen = record.change;
            // An agent that is no longer registered has none.
            let Some(profile) = shared.runner.profile(&record.agent) else {
                continue;
            };
            let breaker = shared.breakers.of(&record.agent, &profile);
            let (transition, state) = {
                let mut breaker = breaker.lock();
                let transition = take_over(&mut breaker, &record.snapshot, shared.clock.now());
                (transition, breaker.state())
            };
            shared.metrics.agent(record.agent.agent_id()).breaker_is(state);
            if let Some(transition) = transition {
                shared.announce(&record.agent, transition);
            }
        }
        if part.len() < PART as usize {
            return;
        }
    }
}

/// Saves what is unsaved, up to the first that the store refuses.
async fn save_all(shared: &Shared) {
    loop {
        let Some(agent) = shared.breakers.unsaved().pop_first() else {
            return;
        };
        if let Err(error) = save(shared, &agent).await {
            shared.breakers.unsaved().insert(agent);
            return complain(shared, &error, "a circuit breaker cannot be saved; trying again");
        }
    }
}

async fn save(shared: &Shared, agent: &AgentKey) -> Result<(), StoreError> {
    let breakers = &shared.breakers;
    match breakers.registry.get(agent.as_str()) {
        Some(breaker) => {
            let snapshot = breaker.lock().snapshot();
            breakers.store.save_breaker(agent, &snapshot).await
        }
        None => breakers.store.delete_breaker(agent).await,
    }
}

fn complain(shared: &Shared, error: &StoreError, what: &str) {
    shared.metrics.store_failed();
    warn!(error = error.with_causes(), "{what}");
}
