//! Permits under the orders of threads that `shuttle` tries: places (I26), recovery (I27), generations (I28).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use jiff::{SignedDuration, Timestamp};
use shuttle::thread;

use crate::sync::Arc;
use crate::{Breaker, Registry, Settings, SharedBreaker, State, Verdict};

const SEED: u64 = 20_261_122;
/// Orders of threads for each test.
const ORDERS: usize = 5_000;
const THREADS: u32 = 3;
const PLACES: u32 = 2;

/// Tries the same random orders each time. A failure prints the schedule that `shuttle::replay` plays again.
fn check(body: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random_with_seed(body, SEED, ORDERS);
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// A breaker that opened at 0 and lets two calls try at 30.
fn open_breaker() -> SharedBreaker {
    let mut breaker = Breaker::new(Settings {
        half_open_max_calls: PLACES.try_into().unwrap(),
        ..Settings::default()
    });
    for _ in 0..Settings::default().failure_threshold.get() {
        let ticket = breaker.acquire(at(0)).unwrap();
        breaker.record(ticket, Verdict::Failure, at(0));
    }
    SharedBreaker::new(breaker)
}

/// How a call ends.
#[derive(Clone, Copy)]
enum End {
    Recorded(Verdict),
    Cancelled,
    Panicked,
}

/// Asks for a call, holds its permit while others run, and ends it.
fn attempt(breaker: &SharedBreaker, on_the_wire: &AtomicU32, end: End) {
    let Ok(permit) = breaker.acquire(at(30)) else {
        return;
    };
    // A call of the breaker once closed is no probe.
    let is_probe = breaker.lock().state() == State::HalfOpen;
    let together = on_the_wire.fetch_add(1, SeqCst) + 1;
    assert!(!is_probe || together <= PLACES, "{together} probes at once");
    thread::yield_now();
    on_the_wire.fetch_sub(1, SeqCst);
    match end {
        End::Recorded(verdict) => {
            permit.record(verdict, at(31));
        }
        End::Cancelled => drop(permit),
        End::Panicked => {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _permit = permit;
                resume_unwind(Box::new("in the middle of the call"));
            }));
            assert!(unwound.is_err());
        }
    }
}

/// Lets threads probe at once, each ending its calls in its own way.
fn probe_at_once(breaker: &SharedBreaker, ends: [End; THREADS as usize]) {
    let on_the_wire = Arc::new(AtomicU32::new(0));
    let threads = ends.map(|end| {
        let (breaker, on_the_wire) = (breaker.clone(), Arc::clone(&on_the_wire));
        thread::spawn(move || (0..2).for_each(|_| attempt(&breaker, &on_the_wire, end)))
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn probes_that_are_cancelled_or_panic_never_exceed_the_places_and_all_come_back() {
    check(|| {
        let breaker = open_breaker();
        probe_at_once(
            &breaker,
            [End::Cancelled, End::Panicked, End::Recorded(Verdict::Ignored)],
        );
        let snapshot = breaker.lock().snapshot();
        assert_eq!(
            (snapshot.state, snapshot.half_open_in_flight),
            (State::HalfOpen, 0)
        );
        assert!(breaker.acquire(at(30)).is_ok());
    });
}

#[test]
fn probes_with_any_outcome_leave_no_place_taken_and_a_breaker_that_recovers() {
    check(|| {
        let breaker = open_breaker();
        let [success, failure] = [Verdict::Success, Verdict::Failure].map(End::Recorded);
        probe_at_once(&breaker, [failure, success, End::Panicked]);
        assert_eq!(breaker.lock().snapshot().half_open_in_flight, 0);

        let later = at(31 + 30);
        let permit = breaker.acquire(later).unwrap();
        permit.record(Verdict::Success, later);
        assert_eq!(breaker.lock().state(), State::Closed);
    });
}

#[test]
fn a_late_failure_never_opens_a_breaker_that_was_reset() {
    check(|| {
        let breaker = SharedBreaker::new(Breaker::new(Settings {
            failure_threshold: 2.try_into().unwrap(),
            ..Settings::default()
        }));
        let permits = [0, 1].map(|_| breaker.acquire(at(0)).unwrap());
        let threads = permits.map(|permit| thread::spawn(move || permit.record(Verdict::Failure, at(1))));
        breaker.lock().reset(at(1));
        let opened = threads
            .map(|thread| thread.join().unwrap())
            .into_iter()
            .flatten()
            .count();
        let snapshot = breaker.lock().snapshot();
        // Either both failures came before the reset, or it threw the rest away.
        assert_eq!((snapshot.state, snapshot.failure_count), (State::Closed, 0));
        assert_eq!(snapshot.transitions.len(), 2 * opened);
    });
}

#[test]
fn calls_without_the_lock_see_every_change_that_came_before_them() {
    check(|| {
        let breaker = SharedBreaker::default();
        let early = breaker.acquire(at(0)).unwrap();
        let opened = {
            let breaker = breaker.clone();
            thread::spawn(move || {
                breaker.lock().force_open(at(0));
                assert!(breaker.acquire(at(1)).is_err(), "its own opening");
            })
        };
        // Beside the opening each answer is right, and none may outlive it.
        let beside = breaker.acquire(at(1)).ok();
        early.record(Verdict::Success, at(1));
        opened.join().unwrap();
        beside.map(|permit| permit.record(Verdict::Success, at(1)));
        assert!(breaker.acquire(at(1)).is_err());
        assert_eq!(breaker.lock().state(), State::Open);
    });
}

#[test]
fn no_failure_is_lost_between_successes_without_the_lock() {
    check(|| {
        let breaker = SharedBreaker::default();
        let threads = [Verdict::Failure, Verdict::Failure, Verdict::Ignored].map(|verdict| {
            let breaker = breaker.clone();
            thread::spawn(move || {
                breaker.acquire(at(0)).unwrap().record(verdict, at(0));
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(breaker.lock().snapshot().failure_count, 2);
        breaker.acquire(at(0)).unwrap().record(Verdict::Success, at(0));
        assert_eq!(breaker.lock().snapshot().failure_count, 0);
    });
}

#[test]
fn agents_that_are_asked_for_at_once_have_one_breaker_each() {
    check(|| {
        let registry = Registry::default();
        let threads = ["search", "search", "critic"].map(|agent_id| {
            let registry = registry.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    let permit = registry.acquire(agent_id, at(0)).unwrap();
                    permit.record(Verdict::Failure, at(0));
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let failures = ["search", "critic"].map(|agent_id| registry.snapshot(agent_id).failure_count);
        assert_eq!(failures, [4, 2]);
    });
}

#[test]
fn a_poisoned_lock_is_used_on() {
    check(|| {
        let breaker = open_breaker();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _held = breaker.lock();
            resume_unwind(Box::new("while holding the lock"));
        }));
        assert!(unwound.is_err());
        probe_at_once(&breaker, [End::Cancelled; THREADS as usize]);
        assert_eq!(breaker.lock().snapshot().half_open_in_flight, 0);
    });
}
