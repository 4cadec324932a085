//! Rates over windows of calls and of time: exact counts, minimums, slow calls.

use std::time::Duration;

use agentchains_breaker::{Breaker, Counts, Rate, Reason, Settings, SlowCalls, Span, State, Verdict, Window};

use crate::{at, call, settings, slow_call};

/// No number of failures in a row opens it, only the window does.
fn with_window(
    span: Span,
    minimum_calls: u32,
    failure_rate: Option<f64>,
    slow: Option<(f64, u64)>,
) -> Settings {
    Settings {
        window: Some(Window {
            span,
            minimum_calls: minimum_calls.try_into().unwrap(),
            failure_rate: failure_rate.map(|rate| Rate::new(rate).unwrap()),
            slow_calls: slow.map(|(rate, millis)| SlowCalls {
                rate: Rate::new(rate).unwrap(),
                duration: Duration::from_millis(millis),
            }),
        }),
        ..settings(u32::MAX, 1000, 1)
    }
}

fn calls(count: u32) -> Span {
    Span::Calls(count.try_into().unwrap())
}

fn minute() -> Span {
    Span::Time(Duration::from_secs(60))
}

fn counts(breaker: &Breaker) -> [u64; 3] {
    let Counts {
        calls,
        failures,
        slow_calls,
    } = breaker.snapshot().window.unwrap();
    [calls, failures, slow_calls]
}

#[test]
fn a_failure_rate_opens_it_exactly_when_it_is_reached() {
    let mut breaker = Breaker::new(with_window(calls(10), 4, Some(0.5), None));
    let (success, failure) = (Verdict::Success, Verdict::Failure);
    for verdict in [failure, success, success] {
        assert_eq!(call(&mut breaker, verdict, at(0)), None);
    }
    assert_eq!(counts(&breaker), [3, 1, 0]);
    let opened = call(&mut breaker, failure, at(0)).unwrap();
    assert_eq!((opened.to, opened.reason), (State::Open, Reason::FailureRate));
    assert_eq!(counts(&breaker), [4, 2, 0]);
}

#[test]
fn below_the_minimum_no_rate_opens_it_and_a_success_may_complete_the_minimum() {
    let mut breaker = Breaker::new(with_window(calls(10), 4, Some(0.5), None));
    for _ in 0..3 {
        assert_eq!(call(&mut breaker, Verdict::Failure, at(0)), None);
    }
    let opened = call(&mut breaker, Verdict::Success, at(0)).unwrap();
    assert_eq!(opened.reason, Reason::FailureRate);
}

#[test]
fn a_window_of_calls_forgets_the_oldest_first() {
    let mut breaker = Breaker::new(with_window(calls(4), 4, Some(0.75), None));
    let verdicts = [true, true, false, false, true, false, false, true, true];
    let expected = [1, 2, 2, 2, 2, 1, 1, 2, 2];
    for (is_failure, failures) in verdicts.into_iter().zip(expected) {
        let verdict = if is_failure {
            Verdict::Failure
        } else {
            Verdict::Success
        };
        assert_eq!(call(&mut breaker, verdict, at(0)), None);
        assert_eq!(counts(&breaker)[1], failures);
    }
    assert_eq!(counts(&breaker)[0], 4);
    assert_eq!(
        call(&mut breaker, Verdict::Failure, at(0)).unwrap().reason,
        Reason::FailureRate
    );
}

#[test]
fn a_window_of_time_forgets_by_the_sixtieth() {
    let mut breaker = Breaker::new(with_window(minute(), 100, Some(1.0), None));
    call(&mut breaker, Verdict::Failure, at(999));
    call(&mut breaker, Verdict::Failure, at(1000));
    for (millis, expected) in [
        (59_999, [3, 2, 0]),
        // The slice of the first second is out.
        (60_000, [3, 1, 0]),
        (60_999, [4, 1, 0]),
        (61_000, [4, 0, 0]),
        // All are out but the one that is counted.
        (10_000_000, [1, 0, 0]),
    ] {
        call(&mut breaker, Verdict::Success, at(millis));
        assert_eq!(counts(&breaker), expected, "at {millis} ms");
    }
}

#[test]
fn a_clock_that_is_corrected_counts_on_and_one_set_back_by_a_window_starts_anew() {
    let mut breaker = Breaker::new(with_window(minute(), 100, Some(1.0), None));
    call(&mut breaker, Verdict::Failure, at(100_000));
    call(&mut breaker, Verdict::Failure, at(41_000));
    assert_eq!(counts(&breaker), [2, 2, 0]);
    call(&mut breaker, Verdict::Failure, at(40_000));
    assert_eq!(counts(&breaker), [1, 1, 0]);
}

#[test]
fn slow_calls_open_it_whether_they_succeed_or_fail() {
    let mut breaker = Breaker::new(with_window(calls(4), 4, None, Some((0.5, 100))));
    slow_call(&mut breaker, Verdict::Success, at(0), 99);
    slow_call(&mut breaker, Verdict::Failure, at(0), 100);
    slow_call(&mut breaker, Verdict::Failure, at(0), 0);
    assert_eq!(counts(&breaker), [3, 2, 1]);
    let opened = slow_call(&mut breaker, Verdict::Success, at(0), 100).unwrap();
    assert_eq!(opened.reason, Reason::SlowCallRate);
}

#[test]
fn a_call_that_ends_before_it_began_is_not_slow() {
    let mut breaker = Breaker::new(with_window(calls(1), 1, None, Some((0.5, 100))));
    assert_eq!(slow_call(&mut breaker, Verdict::Success, at(0), -1_000_000), None);
    assert_eq!(counts(&breaker), [1, 0, 0]);
}

#[test]
fn a_slow_probe_opens_it_again() {
    let mut breaker = Breaker::new(with_window(calls(4), 4, None, Some((0.5, 100))));
    for _ in 0..4 {
        slow_call(&mut breaker, Verdict::Success, at(-100), 100);
    }
    let reopened = slow_call(&mut breaker, Verdict::Success, at(1000), 100).unwrap();
    assert_eq!((reopened.to, reopened.reason), (State::Open, Reason::ProbeSlow));
    let closed = slow_call(&mut breaker, Verdict::Success, at(3000), 99).unwrap();
    assert_eq!(closed.to, State::Closed);
}

#[test]
fn ignored_calls_are_not_in_the_window_and_closing_empties_it() {
    let mut breaker = Breaker::new(with_window(calls(4), 4, Some(1.0), None));
    call(&mut breaker, Verdict::Ignored, at(0));
    call(&mut breaker, Verdict::Failure, at(0));
    assert_eq!(counts(&breaker), [1, 1, 0]);
    for _ in 0..3 {
        call(&mut breaker, Verdict::Failure, at(0));
    }
    assert_eq!((breaker.state(), counts(&breaker)), (State::Open, [4, 4, 0]));
    call(&mut breaker, Verdict::Success, at(1000));
    assert_eq!(counts(&breaker), [0; 3]);
    for failures in 1..4 {
        call(&mut breaker, Verdict::Failure, at(1000));
        assert_eq!(counts(&breaker), [failures, failures, 0]);
    }
}

#[test]
fn failures_in_a_row_are_named_before_a_rate() {
    let mut breaker = Breaker::new(Settings {
        failure_threshold: 2.try_into().unwrap(),
        ..with_window(calls(2), 2, Some(1.0), None)
    });
    call(&mut breaker, Verdict::Failure, at(0));
    let opened = call(&mut breaker, Verdict::Failure, at(0)).unwrap();
    assert_eq!(opened.reason, Reason::FailureThreshold);
}

#[test]
fn the_same_window_keeps_its_calls_when_other_settings_change() {
    let mut breaker = Breaker::new(with_window(calls(4), 4, Some(1.0), None));
    call(&mut breaker, Verdict::Failure, at(0));
    breaker.configure(Settings {
        recovery_timeout: Duration::from_secs(7),
        ..with_window(calls(4), 4, Some(1.0), None)
    });
    assert_eq!(counts(&breaker), [1, 1, 0]);
    breaker.configure(with_window(calls(5), 4, Some(1.0), None));
    assert_eq!(counts(&breaker), [0; 3]);
    breaker.configure(settings(5, 1000, 1));
    assert_eq!(breaker.snapshot().window, None);
}

#[test]
fn a_window_of_too_many_calls_holds_the_most_it_may() {
    let mut breaker = Breaker::new(with_window(calls(u32::MAX), u32::MAX, Some(1.0), None));
    for _ in 0..10_010 {
        call(&mut breaker, Verdict::Failure, at(0));
    }
    assert_eq!(counts(&breaker), [10_000, 10_000, 0]);
}

#[test]
fn windows_of_extreme_lengths_do_not_overflow() {
    for length in [Duration::ZERO, Duration::MAX] {
        let mut breaker = Breaker::new(with_window(Span::Time(length), 1, Some(1.0), None));
        for now in [jiff::Timestamp::MAX, jiff::Timestamp::MIN, at(0)] {
            call(&mut breaker, Verdict::Success, now);
            call(&mut breaker, Verdict::Success, now);
        }
        assert!(counts(&breaker)[0] >= 2);
    }
}
