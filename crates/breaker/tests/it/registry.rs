//! The registry and its guards: however a call ends, its place comes back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use agentchains_breaker::{Rate, Reason, Registry, Settings, State, Verdict};

use crate::{at, settings, trip};

#[test]
fn a_dropped_permit_frees_its_place_and_counts_as_nothing() {
    let registry = Registry::default();
    trip(&mut registry.breaker("search").lock(), at(0));
    let probe = registry.acquire("search", at(30_000)).unwrap();
    assert!(registry.acquire("search", at(30_000)).is_err());
    drop(probe);

    let snapshot = registry.snapshot("search");
    assert_eq!(
        (snapshot.state, snapshot.half_open_in_flight),
        (State::HalfOpen, 0)
    );
    assert!(registry.acquire("search", at(30_000)).is_ok());
}

#[test]
fn a_panic_during_a_call_frees_its_place() {
    let registry = Registry::default();
    trip(&mut registry.breaker("search").lock(), at(0));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _probe = registry.acquire("search", at(30_000)).unwrap();
        panic!("in the middle of the call");
    }));
    assert!(outcome.is_err());
    assert_eq!(registry.snapshot("search").half_open_in_flight, 0);
    assert!(registry.acquire("search", at(30_000)).is_ok());
}

#[test]
fn a_recorded_permit_frees_its_place_once() {
    let registry = Registry::default();
    registry.configure("search", settings(1, 0, 2));
    trip(&mut registry.breaker("search").lock(), at(0));
    let other = registry.acquire("search", at(0)).unwrap();
    let probe = registry.acquire("search", at(0)).unwrap();
    assert_eq!(probe.record(Verdict::Success, at(1)).unwrap().to, State::Closed);
    assert_eq!(registry.snapshot("search").half_open_in_flight, 1);
    drop(other);
    assert_eq!(registry.snapshot("search").half_open_in_flight, 0);
}

#[test]
fn each_agent_has_its_own_breaker_and_clones_share_them() {
    let registry = Registry::default();
    let clone = registry.clone();
    clone.force_open("search", at(0));
    assert_eq!(registry.snapshot("search").state, State::Open);
    assert_eq!(registry.snapshot("critic").state, State::Closed);
    assert!(registry.acquire("critic", at(0)).is_ok());
}

#[test]
fn a_removed_breaker_starts_afresh_and_old_permits_do_not_reach_it() {
    let registry = Registry::default();
    registry.configure("search", settings(1, 1000, 1));
    let permit = registry.acquire("search", at(0)).unwrap();
    registry.remove("search");
    permit.record(Verdict::Failure, at(0));
    assert_eq!(registry.snapshot("search").state, State::Closed);
    assert_eq!(registry.snapshot("search").failure_count, 0);
}

#[test]
fn the_breakers_of_countless_addresses_make_room_for_each_other_and_spare_those_in_use() {
    let registry = Registry::default();
    registry.force_open("search", at(0));
    registry.configure("critic", settings(1, 1000, 1));
    let call = registry.acquire("critic", at(0)).unwrap();
    for number in 0..10_000 {
        registry.configure(&format!("http://agent-{number}.example"), Settings::default());
    }
    assert_eq!(
        registry.snapshot("search").state,
        State::Open,
        "closed ones go first"
    );
    for number in 0..10_000 {
        registry.force_open(&format!("http://agent-{number}.example"), at(0));
    }
    assert_eq!(registry.snapshot("search").state, State::Closed);
    call.record(Verdict::Failure, at(0));
    assert_eq!(registry.snapshot("critic").state, State::Open);
}

#[test]
fn agents_and_replicas_have_their_own_jitter_and_the_same_one_each_time() {
    let retry_at = |seed, agent_id: &str| {
        let registry = Registry::with_seed(seed);
        let settings = Settings {
            recovery_jitter: Some(Rate::new(0.5).unwrap()),
            ..settings(1, 1_000_000, 1)
        };
        registry.configure(agent_id, settings);
        registry
            .acquire(agent_id, at(0))
            .unwrap()
            .record(Verdict::Failure, at(0));
        registry.snapshot(agent_id).retry_at.unwrap()
    };
    assert_eq!(retry_at(1, "search"), retry_at(1, "search"));
    assert_ne!(retry_at(1, "search"), retry_at(1, "critic"));
    assert_ne!(retry_at(1, "search"), retry_at(2, "search"));
}

#[test]
fn a_breaker_of_the_registry_is_shared_with_who_keeps_it() {
    let registry = Registry::default();
    let breaker = registry.breaker("search");
    trip(&mut registry.breaker("search").lock(), at(0));
    assert!(breaker.acquire(at(1)).is_err());
    breaker.lock().reset(at(2));
    assert_eq!(registry.snapshot("search").state, State::Closed);
}

#[test]
fn snapshots_are_restored_and_hints_adopted_by_agent() {
    let (before, after) = (Registry::default(), Registry::default());
    before.force_open("search", at(0));
    let snapshot = before.snapshot("search");
    assert_eq!(after.restore("search", &snapshot, at(1)), None);
    assert_eq!(after.snapshot("search").state, State::Open);
    assert_eq!(
        after.adopt("critic", &snapshot, at(1)).unwrap().reason,
        Reason::Hint
    );
    assert_eq!(after.snapshot("writer").state, State::Closed);
}

#[test]
fn threads_that_probe_at_once_never_exceed_the_places() {
    const THREADS: usize = 8;
    const PLACES: u32 = 3;
    let registry = Registry::default();
    registry.configure(
        "search",
        Settings {
            half_open_max_calls: PLACES.try_into().unwrap(),
            ..Settings::default()
        },
    );
    trip(&mut registry.breaker("search").lock(), at(0));

    let (start, in_flight, most) = (Barrier::new(THREADS), AtomicU32::new(0), AtomicU32::new(0));
    let attempt = || {
        let Ok(permit) = registry.acquire("search", at(30_000)) else {
            return;
        };
        most.fetch_max(in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        in_flight.fetch_sub(1, Ordering::SeqCst);
        drop(permit);
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                (0..1000).for_each(|_| attempt());
            });
        }
    });

    assert!((1..=PLACES).contains(&most.load(Ordering::SeqCst)));
    let snapshot = registry.snapshot("search");
    assert_eq!(
        (snapshot.state, snapshot.half_open_in_flight),
        (State::HalfOpen, 0)
    );
}
