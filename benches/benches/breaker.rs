//! What a circuit breaker costs a call. `cargo bench -p agentchains-benches --bench breaker`

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up should stop")]

use std::time::Duration;

use agentchains_breaker::{
    Breaker, Rate, Registry, Settings, SharedBreaker, SlowCalls, Span, Verdict, Window,
};
use divan::{Bencher, black_box, counter::ItemsCount};
use jiff::{SignedDuration, Timestamp};

/// Calls in one sample: far above the resolution of the clock.
const CALLS: u32 = 10_000;

fn main() {
    divan::main();
}

/// What a breaker counts besides failures in a row.
#[derive(Clone, Copy, Debug)]
enum Counting {
    NoWindow,
    LastHundredCalls,
    LastMinute,
}

const ALL: [Counting; 3] = [
    Counting::NoWindow,
    Counting::LastHundredCalls,
    Counting::LastMinute,
];

/// The breaker as a value; an item is a call: acquire and record.
#[divan::bench(args = ALL)]
fn value(bencher: Bencher<'_, '_>, counting: Counting) {
    let (mut breaker, calls) = (Breaker::new(settings(counting)), calls());
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        for &(now, verdict) in black_box(&calls) {
            if let Ok(ticket) = breaker.acquire(now) {
                black_box(breaker.record(ticket, verdict, now));
            }
        }
    });
}

/// A breaker with its lock and permits as guards, for one thread and for two at once.
#[divan::bench(args = ALL, threads = [1, 2])]
fn shared(bencher: Bencher<'_, '_>, counting: Counting) {
    let breaker = SharedBreaker::new(Breaker::new(settings(counting)));
    let calls = calls();
    bencher.counter(ItemsCount::new(CALLS)).bench(|| {
        for &(now, verdict) in black_box(&calls) {
            if let Ok(permit) = breaker.acquire(now) {
                black_box(permit.record(verdict, now));
            }
        }
    });
}

/// A breaker that is found by its agent's id, among a thousand.
#[divan::bench(threads = [1, 2])]
fn registry(bencher: Bencher<'_, '_>) {
    let (registry, calls) = (Registry::default(), calls());
    for agent in 0..1000 {
        registry.configure(&format!("agent-{agent}"), Settings::default());
    }
    bencher.counter(ItemsCount::new(CALLS)).bench(|| {
        for &(now, verdict) in black_box(&calls) {
            if let Ok(permit) = registry.acquire(black_box("agent-500"), now) {
                black_box(permit.record(verdict, now));
            }
        }
    });
}

/// An open breaker refuses; an item is a refusal.
#[divan::bench]
fn refusal(bencher: Bencher<'_, '_>) {
    let (breaker, calls) = (SharedBreaker::default(), calls());
    let year = Settings {
        recovery_timeout: Duration::from_secs(31_536_000),
        ..Settings::default()
    };
    breaker.lock().configure(year);
    for _ in 0..5 {
        if let Ok(permit) = breaker.acquire(Timestamp::UNIX_EPOCH) {
            permit.record(Verdict::Failure, Timestamp::UNIX_EPOCH);
        }
    }
    bencher.counter(ItemsCount::new(CALLS)).bench(|| {
        for &(now, _) in black_box(&calls) {
            black_box(breaker.acquire(now).is_err());
        }
    });
}

/// A call each millisecond, every tenth failed.
fn calls() -> Vec<(Timestamp, Verdict)> {
    let call = |number: u32| {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(number.into());
        let is_failure = number.is_multiple_of(10);
        (
            now,
            if is_failure {
                Verdict::Failure
            } else {
                Verdict::Success
            },
        )
    };
    (1..=CALLS).map(call).collect()
}

fn settings(counting: Counting) -> Settings {
    let rate = Rate::new(0.5).expect("a rate");
    let window = |span| Window {
        span,
        minimum_calls: 20.try_into().expect("above 0"),
        failure_rate: Some(rate),
        slow_calls: Some(SlowCalls {
            rate,
            duration: Duration::from_secs(10),
        }),
    };
    Settings {
        window: match counting {
            Counting::NoWindow => None,
            Counting::LastHundredCalls => Some(window(Span::Calls(100.try_into().expect("above 0")))),
            Counting::LastMinute => Some(window(Span::Time(Duration::from_secs(60)))),
        },
        ..Settings::default()
    }
}
