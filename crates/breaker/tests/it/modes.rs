//! Modes: what somebody has decided stands before what the breaker knows, and leaves it as it is.

use agentchains_breaker::{Breaker, Mode, Reason, Settings, State, Verdict};

use crate::{at, call, settings, trip};

/// Two failures in a row open it for a second.
fn in_mode(mode: Mode) -> Settings {
    Settings {
        mode,
        ..settings(2, 1000, 1)
    }
}

#[test]
fn forced_open_refuses_everything_until_the_mode_changes() {
    let mut breaker = Breaker::new(in_mode(Mode::ForcedOpen));
    for millis in [0, 1000, 1_000_000] {
        let refused = breaker.acquire(at(millis)).unwrap_err();
        assert_eq!((refused.retry_at, refused.transition), (at(millis + 1000), None));
    }
    assert_eq!((breaker.reset(at(0)), breaker.force_open(at(0))), (None, None));
    let snapshot = breaker.snapshot();
    assert_eq!(
        (snapshot.state, snapshot.mode, snapshot.retry_at),
        (State::Open, Mode::ForcedOpen, None)
    );
    breaker.configure(in_mode(Mode::Normal));
    assert_eq!(breaker.state(), State::Closed);
    assert!(breaker.acquire(at(1_000_001)).is_ok());
}

#[test]
fn forced_closed_admits_everything_and_counts_nothing() {
    let mut breaker = Breaker::new(in_mode(Mode::ForcedClosed));
    for _ in 0..10 {
        assert_eq!(call(&mut breaker, Verdict::Failure, at(0)), None);
    }
    assert_eq!(breaker.force_open(at(0)), None);
    assert_eq!(
        (breaker.state(), breaker.snapshot().failure_count),
        (State::Closed, 0)
    );
}

#[test]
fn a_forced_mode_leaves_what_the_breaker_knows_as_it_is() {
    for mode in [Mode::ForcedOpen, Mode::ForcedClosed] {
        let mut breaker = Breaker::new(in_mode(Mode::Normal));
        trip(&mut breaker, at(0));
        let probe = breaker.acquire(at(1000)).unwrap();
        breaker.configure(in_mode(mode));
        assert_eq!(breaker.record(probe, Verdict::Success, at(1001)), None);
        drop(breaker.acquire(at(1002)));

        breaker.configure(in_mode(Mode::Normal));
        assert_eq!(
            (breaker.state(), breaker.snapshot().half_open_in_flight),
            (State::HalfOpen, 0)
        );
        assert!(call(&mut breaker, Verdict::Success, at(1003)).is_some());
    }
}

#[test]
fn a_call_admitted_by_force_does_not_count_later() {
    let mut breaker = Breaker::new(in_mode(Mode::ForcedClosed));
    let tickets = [0, 1].map(|_| breaker.acquire(at(0)).unwrap());
    breaker.configure(in_mode(Mode::Normal));
    for ticket in tickets {
        assert_eq!(breaker.record(ticket, Verdict::Failure, at(1)), None);
    }
    assert_eq!(breaker.snapshot().failure_count, 0);
}

#[test]
fn observing_admits_everything_and_tells_what_it_would_have_done() {
    let mut breaker = Breaker::new(in_mode(Mode::ObserveOnly));
    assert_eq!(call(&mut breaker, Verdict::Failure, at(0)), None);
    let opened = call(&mut breaker, Verdict::Failure, at(0)).unwrap();
    assert_eq!(
        (opened.to, opened.reason, opened.observed_only),
        (State::Open, Reason::FailureThreshold, true)
    );

    // It would have refused this one, so that its outcome would not be known.
    assert_eq!(call(&mut breaker, Verdict::Success, at(999)), None);
    assert_eq!(breaker.state(), State::Open);

    let probe = breaker.acquire(at(1000)).unwrap();
    assert!(probe.transition().unwrap().observed_only);
    let beside_the_probe = breaker.acquire(at(1000)).unwrap();
    assert_eq!(breaker.record(beside_the_probe, Verdict::Success, at(1001)), None);
    assert_eq!(breaker.snapshot().half_open_in_flight, 1);
    let closed = breaker.record(probe, Verdict::Success, at(1001)).unwrap();
    assert_eq!((closed.to, closed.observed_only), (State::Closed, true));
}

#[test]
fn what_was_observed_holds_once_the_breaker_decides() {
    let mut breaker = Breaker::new(in_mode(Mode::ObserveOnly));
    trip(&mut breaker, at(0));
    assert!(breaker.acquire(at(1)).is_ok());
    breaker.configure(in_mode(Mode::Normal));
    assert_eq!(breaker.acquire(at(1)).unwrap_err().retry_at, at(1000));
}

#[test]
fn only_an_observed_transition_says_so_in_json() {
    let mut breaker = Breaker::new(in_mode(Mode::ObserveOnly));
    let opened = breaker.force_open(at(0)).unwrap();
    let json = serde_json::to_string(&opened).unwrap();
    assert!(
        json.ends_with(r#""reason":"forced_open","observed_only":true}"#),
        "{json}"
    );
    assert_eq!(
        serde_json::from_str::<agentchains_breaker::Transition>(&json).unwrap(),
        opened
    );
}
