//! How long a breaker stays open: growth, cap and jitter.

use std::time::Duration;

use agentchains_breaker::{Breaker, Rate, Settings, Verdict};
use jiff::{SignedDuration, Timestamp};

use crate::{at, call, settings};

/// The open times in milliseconds of so many openings in a row.
fn open_times(settings: Settings, seed: u64, openings: usize) -> Vec<i128> {
    let mut breaker = Breaker::with_seed(settings, seed);
    let mut now = at(0);
    let mut times = vec![];
    for _ in 0..openings {
        assert!(call(&mut breaker, Verdict::Failure, now).is_some());
        let retry_at = breaker.snapshot().retry_at.unwrap();
        times.push(retry_at.duration_since(now).as_millis());
        now = retry_at;
    }
    times
}

fn growing(cap_millis: u64) -> Settings {
    Settings {
        max_recovery_timeout: Some(Duration::from_millis(cap_millis)),
        ..settings(1, 1000, 1)
    }
}

#[test]
fn without_a_cap_the_open_time_is_always_the_same() {
    assert_eq!(open_times(settings(1, 1000, 1), 0, 4), [1000; 4]);
}

#[test]
fn the_open_time_doubles_with_each_opening_up_to_the_cap() {
    assert_eq!(open_times(growing(5000), 0, 5), [1000, 2000, 4000, 5000, 5000]);
}

#[test]
fn a_cap_below_the_timeout_does_not_shorten_it() {
    assert_eq!(open_times(growing(1), 0, 2), [1000; 2]);
}

#[test]
fn the_open_time_does_not_overflow() {
    let mut breaker = Breaker::new(growing(u64::MAX));
    for _ in 0..70 {
        let now = breaker.snapshot().retry_at.unwrap_or(at(0));
        let ticket = breaker.acquire(now).unwrap();
        breaker.record(ticket, Verdict::Failure, now);
        if breaker.snapshot().retry_at == Some(Timestamp::MAX) {
            break;
        }
    }
    let snapshot = breaker.snapshot();
    assert!(snapshot.retry_at.unwrap() > at(0) + SignedDuration::from_hours(24 * 365));
}

#[test]
fn closing_and_reset_start_the_growth_anew() {
    let mut breaker = Breaker::new(growing(8000));
    call(&mut breaker, Verdict::Failure, at(0));
    call(&mut breaker, Verdict::Failure, at(1000));
    assert_eq!(breaker.snapshot().openings_in_a_row, 2);
    call(&mut breaker, Verdict::Success, at(3000));
    assert_eq!(breaker.snapshot().openings_in_a_row, 0);
    call(&mut breaker, Verdict::Failure, at(3000));
    assert_eq!(breaker.snapshot().retry_at, Some(at(4000)));
    breaker.reset(at(3500));
    assert_eq!(breaker.snapshot().openings_in_a_row, 0);
}

#[test]
fn opening_by_hand_does_not_count_as_an_opening() {
    let mut breaker = Breaker::new(growing(8000));
    call(&mut breaker, Verdict::Failure, at(0));
    call(&mut breaker, Verdict::Failure, at(1000));
    breaker.force_open(at(1500));
    assert_eq!(breaker.snapshot().openings_in_a_row, 2);
}

#[test]
fn jitter_takes_off_at_most_its_part_and_is_the_same_for_the_same_seed() {
    let jittered = |part| Settings {
        recovery_jitter: Some(Rate::new(part).unwrap()),
        ..settings(1, 1_000_000, 1)
    };
    let mut seen: Vec<_> = (0..20)
        .flat_map(|seed| open_times(jittered(0.25), seed, 5))
        .collect();
    assert!(
        seen.iter().all(|millis| (750_000..=1_000_000).contains(millis)),
        "{seen:?}"
    );
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 90, "{} different open times", seen.len());
    // Spread over the whole part, not around one place.
    assert!(seen[0] < 770_000 && seen[seen.len() - 1] > 980_000, "{seen:?}");

    assert_eq!(open_times(jittered(0.25), 7, 5), open_times(jittered(0.25), 7, 5));
}

#[test]
fn jitter_of_the_whole_time_never_opens_for_less_than_nothing() {
    let settings = Settings {
        recovery_jitter: Some(Rate::new(1.0).unwrap()),
        ..settings(1, u64::MAX, 1)
    };
    for seed in 0..100 {
        let mut breaker = Breaker::with_seed(settings.clone(), seed);
        call(&mut breaker, Verdict::Failure, at(0));
        assert!(breaker.snapshot().retry_at.unwrap() >= at(0));
    }
}
