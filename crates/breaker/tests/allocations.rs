//! A closed breaker does not allocate. In a test binary of its own, whose allocator counts.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::time::Duration;

use agentchains_breaker::{
    Breaker, Rate, Registry, Settings, SharedBreaker, SlowCalls, Span, Verdict, Window,
};
use jiff::{SignedDuration, Timestamp};

/// The allocations of a thousand calls, one of ten failed, that start a second apart.
fn allocations(mut call: impl FnMut(Verdict, Timestamp)) -> u64 {
    let calls = || {
        for number in 0..1000 {
            let verdict = if number % 10 == 0 {
                Verdict::Failure
            } else {
                Verdict::Success
            };
            call(verdict, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(number));
        }
    };
    allocation_counter::measure(calls).count_total
}

fn windows() -> [Option<Window>; 3] {
    let window = |span| Window {
        span,
        minimum_calls: 20.try_into().unwrap(),
        failure_rate: Rate::new(0.5).ok(),
        slow_calls: Some(SlowCalls {
            rate: Rate::new(0.5).unwrap(),
            duration: Duration::from_secs(1),
        }),
    };
    let calls = Span::Calls(100.try_into().unwrap());
    let time = Span::Time(Duration::from_secs(60));
    [None, Some(window(calls)), Some(window(time))]
}

#[test]
fn a_call_of_a_closed_breaker_allocates_nothing_with_any_window() {
    for window in windows() {
        let settings = Settings {
            window,
            ..Settings::default()
        };
        let mut breaker = Breaker::new(settings.clone());
        let of_breaker = allocations(|verdict, now| {
            let ticket = breaker.acquire(now).unwrap();
            breaker.record(ticket, verdict, now);
        });
        let shared = SharedBreaker::new(Breaker::new(settings.clone()));
        let of_shared = allocations(|verdict, now| {
            shared.acquire(now).unwrap().record(verdict, now);
        });
        let registry = Registry::default();
        registry.configure("search", settings.clone());
        let of_registry = allocations(|verdict, now| {
            registry.configure("search", settings.clone());
            registry.acquire("search", now).unwrap().record(verdict, now);
        });
        assert_eq!([of_breaker, of_shared, of_registry], [0; 3], "{window:?}");
    }
}

#[test]
fn the_counter_counts() {
    let allocations = allocations(|_, _| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(allocations, 1000);
}
