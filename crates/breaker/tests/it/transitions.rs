//! Each line of the breaker's table, and what lies next to it.

use agentchains_breaker::{
    Breaker, MAX_TRANSITIONS, PROBE_POLL, Reason, Settings, State, Transition, Verdict,
};
use jiff::Timestamp;

use crate::{at, call, settings, trip};

/// A breaker that opened at noon after its default of five failures.
fn open_breaker() -> Breaker {
    let mut breaker = Breaker::default();
    trip(&mut breaker, at(0));
    breaker
}

#[test]
fn the_last_failure_of_the_threshold_opens_it() {
    let mut breaker = Breaker::default();
    for failures in 1..5 {
        assert_eq!(call(&mut breaker, Verdict::Failure, at(0)), None);
        assert_eq!(breaker.snapshot().failure_count, failures);
    }
    let opened = call(&mut breaker, Verdict::Failure, at(7));
    let expected = Transition {
        at: at(7),
        from: State::Closed,
        to: State::Open,
        reason: Reason::FailureThreshold,
        observed_only: false,
    };
    assert_eq!(opened, Some(expected));

    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.opened_at, snapshot.retry_at),
        (Some(at(7)), Some(at(30_007)))
    );
    assert_eq!(snapshot.transitions, [expected]);
}

#[test]
fn a_success_in_between_starts_the_count_anew_and_an_ignored_call_does_not() {
    let mut breaker = Breaker::new(settings(2, 1000, 1));
    for verdict in [
        Verdict::Failure,
        Verdict::Success,
        Verdict::Failure,
        Verdict::Ignored,
    ] {
        assert_eq!(call(&mut breaker, verdict, at(0)), None);
    }
    assert!(call(&mut breaker, Verdict::Failure, at(0)).is_some());
}

#[test]
fn open_refuses_until_its_recovery_timeout_is_over() {
    let mut breaker = open_breaker();
    for millis in [0, 1, 29_999] {
        assert_eq!(breaker.acquire(at(millis)).unwrap_err().retry_at, at(30_000));
    }
    let probe = breaker.acquire(at(30_000)).unwrap();
    let expected = Transition {
        at: at(30_000),
        from: State::Open,
        to: State::HalfOpen,
        reason: Reason::RecoveryTimeout,
        observed_only: false,
    };
    assert_eq!(probe.transition(), Some(expected));
    assert_eq!(breaker.snapshot().half_open_in_flight, 1);
    breaker.release(probe);
}

#[test]
fn half_open_refuses_more_probes_than_its_places() {
    let mut breaker = Breaker::new(settings(1, 1000, 2));
    trip(&mut breaker, at(0));
    let first = breaker.acquire(at(1000)).unwrap();
    let second = breaker.acquire(at(1001)).unwrap();
    assert_eq!(second.transition(), None);
    assert_eq!(
        breaker.acquire(at(1002)).unwrap_err().retry_at,
        at(1002) + PROBE_POLL
    );

    breaker.release(first);
    let third = breaker.acquire(at(1003)).unwrap();
    breaker.record(second, Verdict::Ignored, at(1004));
    breaker.release(third);
    assert_eq!(breaker.snapshot().half_open_in_flight, 0);
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_probe_that_succeeds_closes_it() {
    let mut breaker = open_breaker();
    let closed = call(&mut breaker, Verdict::Success, at(31_000)).unwrap();
    assert_eq!(
        (closed.from, closed.to, closed.reason),
        (State::HalfOpen, State::Closed, Reason::ProbeSucceeded)
    );
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.failure_count, snapshot.opened_at, snapshot.retry_at),
        (0, None, None)
    );
}

#[test]
fn a_probe_that_fails_opens_it_for_another_timeout() {
    let mut breaker = open_breaker();
    let probe = breaker.acquire(at(31_000)).unwrap();
    let opened = breaker.record(probe, Verdict::Failure, at(40_000)).unwrap();
    assert_eq!(
        (opened.from, opened.to, opened.reason),
        (State::HalfOpen, State::Open, Reason::ProbeFailed)
    );
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failure_count, snapshot.retry_at), (6, Some(at(70_000))));
}

#[test]
fn an_outcome_of_an_older_generation_is_ignored() {
    for verdict in [Verdict::Success, Verdict::Failure] {
        let mut breaker = Breaker::new(settings(1, 1000, 1));
        let from_closed = breaker.acquire(at(0)).unwrap();
        let also_from_closed = breaker.acquire(at(0)).unwrap();
        call(&mut breaker, Verdict::Failure, at(0));
        assert_eq!(breaker.record(from_closed, verdict, at(1)), None);
        assert_eq!(breaker.state(), State::Open);

        let probe = breaker.acquire(at(1000)).unwrap();
        assert_eq!(breaker.record(also_from_closed, verdict, at(1001)), None);
        assert_eq!(
            (breaker.state(), breaker.snapshot().half_open_in_flight),
            (State::HalfOpen, 1)
        );

        breaker.reset(at(1002));
        assert_eq!(breaker.record(probe, verdict, at(1003)), None);
        assert_eq!(
            (breaker.state(), breaker.snapshot().half_open_in_flight),
            (State::Closed, 0)
        );
    }
}

#[test]
fn a_probe_of_an_older_generation_keeps_its_place_until_it_ends() {
    let mut breaker = Breaker::new(settings(1, 1000, 1));
    trip(&mut breaker, at(0));
    let old = breaker.acquire(at(1000)).unwrap();
    breaker.reset(at(1500));
    trip(&mut breaker, at(1500));
    assert_eq!(
        breaker.acquire(at(2500)).unwrap_err().retry_at,
        at(2500) + PROBE_POLL
    );
    assert_eq!(breaker.state(), State::Open);

    assert_eq!(breaker.record(old, Verdict::Success, at(2600)), None);
    let probe = breaker.acquire(at(2600)).unwrap();
    assert_eq!(probe.transition().unwrap().to, State::HalfOpen);
    breaker.release(probe);
}

#[test]
fn probes_that_never_come_back_end_half_open_with_their_lease_and_free_their_places() {
    let mut breaker = Breaker::new(settings(1, 1000, 2));
    trip(&mut breaker, at(0));
    let lost = [1000, 2000].map(|millis| breaker.acquire(at(millis)).unwrap());
    let refused = breaker.acquire(at(601_999)).unwrap_err();
    assert_eq!(refused.transition, None);

    let refused = breaker.acquire(at(602_000)).unwrap_err();
    let reopened = refused.transition.unwrap();
    assert_eq!(
        (reopened.from, reopened.to, reopened.reason),
        (State::HalfOpen, State::Open, Reason::ProbeLeaseOver)
    );
    assert_eq!(refused.retry_at, at(603_000));

    let _probe = breaker.acquire(at(603_000)).unwrap();
    assert_eq!(breaker.snapshot().half_open_in_flight, 1);
    for ticket in lost {
        assert_eq!(breaker.record(ticket, Verdict::Success, at(603_001)), None);
    }
    assert_eq!(
        (breaker.state(), breaker.snapshot().half_open_in_flight),
        (State::HalfOpen, 1)
    );
}

#[test]
fn a_probe_lost_before_a_reset_does_not_keep_a_later_one_out_beyond_its_lease() {
    let mut breaker = Breaker::new(settings(1, 1000, 1));
    trip(&mut breaker, at(0));
    let _lost = breaker.acquire(at(1000)).unwrap();
    breaker.reset(at(1001));
    trip(&mut breaker, at(1002));
    assert!(breaker.acquire(at(600_999)).is_err());
    assert!(breaker.acquire(at(601_000)).is_ok());
}

#[test]
fn reset_closes_it_from_any_state_and_forgets_failures() {
    let mut breaker = Breaker::default();
    call(&mut breaker, Verdict::Failure, at(0));
    assert_eq!(breaker.reset(at(0)), None);
    assert_eq!(breaker.snapshot().failure_count, 0);

    let mut breaker = open_breaker();
    let closed = breaker.reset(at(1)).unwrap();
    assert_eq!(
        (closed.from, closed.to, closed.reason),
        (State::Open, State::Closed, Reason::Reset)
    );
    assert_eq!(breaker.snapshot().failure_count, 0);
    assert!(breaker.acquire(at(2)).is_ok());
}

#[test]
fn forced_open_it_is_held_open_until_a_reset() {
    let mut breaker = Breaker::default();
    let opened = breaker.force_open(at(0)).unwrap();
    assert_eq!(
        (opened.from, opened.to, opened.reason),
        (State::Closed, State::Open, Reason::ForcedOpen)
    );
    // Asking again makes sense once in a recovery timeout.
    let a_year = 365 * 86_400_000;
    for millis in [0, 30_000, a_year] {
        let refused = breaker.acquire(at(millis)).unwrap_err();
        assert_eq!(
            (refused.retry_at, refused.transition),
            (at(millis + 30_000), None)
        );
    }
    let snapshot = breaker.snapshot();
    assert!(snapshot.held_open);
    assert_eq!((snapshot.opened_at, snapshot.retry_at), (Some(at(0)), None));

    assert_eq!(breaker.reset(at(a_year)).unwrap().reason, Reason::Reset);
    assert!(!breaker.snapshot().held_open);
    assert!(breaker.acquire(at(a_year)).is_ok());
}

#[test]
fn a_breaker_that_is_open_or_half_open_can_be_held_open() {
    let mut breaker = open_breaker();
    assert_eq!(breaker.force_open(at(1)), None);
    assert!(breaker.acquire(at(30_000)).is_err());
    breaker.reset(at(30_000));

    trip(&mut breaker, at(30_000));
    let probe = breaker.acquire(at(60_000)).unwrap();
    assert_eq!(breaker.force_open(at(60_001)).unwrap().from, State::HalfOpen);
    assert_eq!(breaker.record(probe, Verdict::Success, at(60_002)), None);
    assert!(breaker.snapshot().held_open);
}

#[test]
fn a_clock_set_back_does_not_prolong_the_timeout() {
    let mut breaker = open_breaker();
    let an_hour_before = -3_600_000;
    assert_eq!(
        breaker.acquire(at(an_hour_before)).unwrap_err().retry_at,
        at(an_hour_before + 30_000)
    );
    let _lost = breaker.acquire(at(an_hour_before + 30_000)).unwrap();

    // The lease of a probe follows the clock too.
    let two_hours_before = 2 * an_hour_before;
    assert!(breaker.acquire(at(two_hours_before)).is_err());
    let refused = breaker.acquire(at(two_hours_before + 600_000)).unwrap_err();
    assert_eq!(refused.transition.unwrap().reason, Reason::ProbeLeaseOver);
}

#[test]
fn a_timeout_beyond_the_end_of_time_lasts_until_then() {
    let mut breaker = Breaker::new(settings(1, u64::MAX, 1));
    trip(&mut breaker, Timestamp::MAX);
    assert_eq!(breaker.snapshot().retry_at, Some(Timestamp::MAX));
}

#[test]
fn a_timeout_of_zero_lets_the_next_call_try() {
    let mut breaker = Breaker::new(settings(1, 0, 1));
    call(&mut breaker, Verdict::Failure, at(0));
    assert_eq!(breaker.state(), State::Open);
    assert!(call(&mut breaker, Verdict::Success, at(0)).is_some());
}

#[test]
fn other_settings_hold_from_the_next_outcome_on() {
    let mut breaker = Breaker::default();
    call(&mut breaker, Verdict::Failure, at(0));
    breaker.configure(settings(2, 1000, 1));
    assert!(call(&mut breaker, Verdict::Failure, at(0)).is_some());
    breaker.configure(Settings::default());
    assert_eq!(breaker.snapshot().retry_at, Some(at(1000)));

    // Nobody waits for longer than the settings say.
    breaker.configure(settings(5, 300, 1));
    assert_eq!(breaker.acquire(at(100)).unwrap_err().retry_at, at(400));
}

#[test]
fn only_the_last_transitions_are_remembered() {
    let mut breaker = Breaker::default();
    for round in 0..20 {
        breaker.force_open(at(2 * round));
        breaker.reset(at(2 * round + 1));
    }
    let transitions = breaker.snapshot().transitions;
    assert_eq!(transitions.len(), MAX_TRANSITIONS);
    assert_eq!(
        (transitions[0].at, transitions[MAX_TRANSITIONS - 1].at),
        (at(20), at(39))
    );
}

#[test]
fn a_snapshot_has_the_names_of_the_api() {
    let mut breaker = Breaker::new(settings(1, 1500, 1));
    let fresh = serde_json::to_string(&breaker.snapshot()).unwrap();
    let expected = concat!(
        r#"{"state":"closed","failure_count":0,"opened_at":null,"retry_at":null,"#,
        r#""half_open_in_flight":0,"mode":"normal","held_open":false,"openings_in_a_row":0,"transitions":[]}"#
    );
    assert_eq!(fresh, expected);

    call(&mut breaker, Verdict::Failure, at(0));
    let opened = serde_json::to_string(&breaker.snapshot()).unwrap();
    let expected = concat!(
        r#"{"state":"open","failure_count":1,"opened_at":"2026-11-22T12:00:00.000Z","#,
        r#""retry_at":"2026-11-22T12:00:01.500Z","half_open_in_flight":0,"#,
        r#""mode":"normal","held_open":false,"openings_in_a_row":1,"transitions":["#,
        r#"{"at":"2026-11-22T12:00:00.000Z","from":"closed","to":"open","reason":"failure_threshold"}]}"#
    );
    assert_eq!(opened, expected);
}
