//! Snapshots that are restored after a restart and adopted from other replicas; none makes a breaker stuck.

use agentchains_breaker::{Breaker, MAX_TRANSITIONS, Mode, Reason, Settings, Snapshot, State, Verdict};
use jiff::Timestamp;

use crate::{at, call, settings, trip};

/// A breaker that went through a restart with its snapshot as JSON.
fn restarted(before: &Breaker, now: Timestamp) -> Breaker {
    let stored = serde_json::to_string(&before.snapshot()).unwrap();
    let mut breaker = Breaker::new(before.settings().clone());
    breaker.restore(&serde_json::from_str(&stored).unwrap(), now);
    breaker
}

#[test]
fn an_open_breaker_stays_open_for_the_rest_of_its_time() {
    let mut before = Breaker::new(settings(1, 1000, 1));
    call(&mut before, Verdict::Failure, at(0));
    let mut after = restarted(&before, at(400));
    assert_eq!(after.snapshot(), before.snapshot());
    assert_eq!(after.acquire(at(999)).unwrap_err().retry_at, at(1000));
    assert!(call(&mut after, Verdict::Success, at(1000)).is_some());
}

#[test]
fn a_closed_breaker_goes_on_counting() {
    let mut before = Breaker::new(settings(3, 1000, 1));
    call(&mut before, Verdict::Failure, at(0));
    call(&mut before, Verdict::Failure, at(0));
    let mut after = restarted(&before, at(1));
    assert!(call(&mut after, Verdict::Failure, at(1)).is_some());
}

#[test]
fn a_half_open_breaker_lets_the_next_call_try_with_all_places_free() {
    let mut before = Breaker::new(settings(1, 1000, 1));
    trip(&mut before, at(0));
    let _lost_in_the_crash = before.acquire(at(1000)).unwrap();
    let mut after = Breaker::new(settings(1, 1000, 1));
    let restored = after.restore(&before.snapshot(), at(1500)).unwrap();
    assert_eq!(
        (restored.from, restored.to, restored.reason),
        (State::HalfOpen, State::Open, Reason::Restored)
    );
    assert_eq!(after.snapshot().half_open_in_flight, 0);
    let closed = call(&mut after, Verdict::Success, at(1500)).unwrap();
    assert_eq!(closed.reason, Reason::ProbeSucceeded);
}

#[test]
fn a_breaker_that_is_held_open_stays_so_whatever_the_mode_shows() {
    for mode in [Mode::Normal, Mode::ForcedOpen, Mode::ForcedClosed] {
        let mut before = Breaker::new(settings(1, 1000, 1));
        before.force_open(at(0));
        before.configure(Settings {
            mode,
            ..settings(1, 1000, 1)
        });
        let mut after = Breaker::new(settings(1, 1000, 1));
        assert_eq!(after.restore(&before.snapshot(), at(1)), None);
        assert!(after.snapshot().held_open, "{mode:?}");
        assert!(after.acquire(at(1_000_000)).is_err());
        assert!(after.reset(at(1_000_000)).is_some());
    }
}

#[test]
fn a_mode_is_not_restored_and_what_it_forced_is_not_either() {
    let mut before = Breaker::new(Settings {
        mode: Mode::ForcedOpen,
        ..settings(1, 1000, 1)
    });
    assert!(before.acquire(at(0)).is_err());
    let mut after = Breaker::new(settings(1, 1000, 1));
    assert_eq!(after.restore(&before.snapshot(), at(1)), None);
    assert_eq!(after.state(), State::Closed);
}

#[test]
fn calls_in_flight_do_not_count_after_a_restore_and_give_their_places_back() {
    let mut breaker = Breaker::new(settings(1, 1000, 1));
    let early = breaker.acquire(at(0)).unwrap();
    trip(&mut breaker, at(0));
    let probe = breaker.acquire(at(1000)).unwrap();
    breaker.restore(&Breaker::default().snapshot(), at(1001));
    assert_eq!(breaker.record(early, Verdict::Failure, at(1002)), None);
    assert_eq!(breaker.record(probe, Verdict::Failure, at(1002)), None);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.half_open_in_flight), (State::Closed, 0));
}

#[test]
fn no_snapshot_keeps_a_breaker_open_for_longer_than_its_settings() {
    let hostile = Snapshot {
        state: State::Open,
        failure_count: u32::MAX,
        opened_at: Some(Timestamp::MIN),
        retry_at: Some(Timestamp::MAX),
        half_open_in_flight: u32::MAX,
        openings_in_a_row: u32::MAX,
        ..Breaker::default().snapshot()
    };
    let later = Snapshot {
        opened_at: Some(Timestamp::MAX),
        ..hostile.clone()
    };
    for snapshot in [&hostile, &later] {
        for take_over in [Breaker::restore, Breaker::adopt] {
            let mut breaker = Breaker::new(settings(1, 1000, 1));
            take_over(&mut breaker, snapshot, at(0));
            assert_eq!(breaker.snapshot().retry_at, Some(at(1000)));
            assert_eq!(breaker.acquire(at(0)).unwrap_err().retry_at, at(1000));
            // Nor after the clock was set back.
            let mut set_back = Breaker::new(settings(1, 1000, 1));
            take_over(&mut set_back, snapshot, at(3_600_000));
            assert_eq!(set_back.acquire(at(0)).unwrap_err().retry_at, at(1000));
            assert!(call(&mut breaker, Verdict::Failure, at(1000)).is_some());
            assert!(call(&mut breaker, Verdict::Success, at(2000)).is_some());
        }
    }
}

#[test]
fn an_open_snapshot_without_times_lets_the_next_call_try() {
    let json = r#"{"state":"open","failure_count":1,"half_open_in_flight":0,"transitions":[]}"#;
    let mut breaker = Breaker::default();
    breaker.restore(&serde_json::from_str(json).unwrap(), at(0));
    assert_eq!(breaker.state(), State::Open);
    assert!(breaker.acquire(at(0)).is_ok());
}

#[test]
fn only_the_last_transitions_are_restored() {
    let mut before = Breaker::default();
    for _ in 0..10 {
        before.force_open(at(0));
        before.reset(at(1));
    }
    let mut snapshot = before.snapshot();
    snapshot.transitions.extend(before.snapshot().transitions);
    let mut after = Breaker::default();
    assert_eq!(after.restore(&snapshot, at(2)), None);
    assert_eq!(after.snapshot().transitions, before.snapshot().transitions);
    assert_eq!(after.snapshot().transitions.len(), MAX_TRANSITIONS);
}

#[test]
fn a_hint_opens_a_closed_breaker_until_its_own_time() {
    let mut other = Breaker::new(settings(1, 1000, 1));
    call(&mut other, Verdict::Failure, at(0));
    let mut breaker = Breaker::new(settings(1, 1000, 1));
    let opened = breaker.adopt(&other.snapshot(), at(400)).unwrap();
    assert_eq!((opened.to, opened.reason), (State::Open, Reason::Hint));
    assert_eq!(breaker.acquire(at(400)).unwrap_err().retry_at, at(1000));
    assert!(call(&mut breaker, Verdict::Success, at(1000)).is_some());

    // What was adopted is told on as it was, and does not grow by going round.
    assert_eq!(other.adopt(&breaker.snapshot(), at(1000)), None);
}

#[test]
fn what_a_hand_does_elsewhere_holds_here_until_it_is_undone_there() {
    let mut other = Breaker::new(settings(1, 1000, 1));
    other.force_open(at(100));
    let held = other.snapshot();
    other.reset(at(200));
    let reset = other.snapshot();

    let mut open = Breaker::new(settings(1, 1000, 1));
    trip(&mut open, at(0));
    for mut breaker in [Breaker::new(settings(1, 1000, 1)), open] {
        breaker.adopt(&held, at(5_000));
        assert!(breaker.snapshot().held_open);
        assert!(breaker.acquire(at(1_000_000)).is_err());
        assert_eq!(breaker.adopt(&held, at(6_000)), None);

        let closed = breaker.adopt(&reset, at(7_000)).unwrap();
        assert_eq!((closed.to, closed.reason), (State::Closed, Reason::Hint));
        assert_eq!(breaker.adopt(&held, at(8_000)), None, "from before the reset");
    }

    // A hand here is later than the one there.
    let mut held_here = Breaker::new(settings(1, 1000, 1));
    held_here.force_open(at(300));
    assert_eq!(held_here.adopt(&reset, at(400)), None);
    assert!(held_here.snapshot().held_open);
}

#[test]
fn hints_that_say_nothing_about_this_moment_are_ignored() {
    let mut open = Breaker::new(settings(1, 1000, 1));
    trip(&mut open, at(0));
    let hint = open.snapshot();
    let observed = Snapshot {
        mode: Mode::ObserveOnly,
        ..hint.clone()
    };
    let fresh = || Breaker::new(settings(1, 1000, 1));

    assert_eq!(fresh().adopt(&fresh().snapshot(), at(1)), None, "closed");
    assert_eq!(fresh().adopt(&hint, at(1000)), None, "over");
    assert_eq!(fresh().adopt(&observed, at(1)), None, "observed only");

    let mut reset_since = fresh();
    reset_since.reset(at(1));
    assert_eq!(reset_since.adopt(&hint, at(2)), None, "from before a reset");

    let mut open_already = fresh();
    trip(&mut open_already, at(-10));
    assert_eq!(open_already.adopt(&hint, at(2)), None, "open already");
    assert_eq!(open_already.snapshot().retry_at, Some(at(990)));

    let mut forced = Breaker::new(Settings {
        mode: Mode::ForcedClosed,
        ..settings(1, 1000, 1)
    });
    assert_eq!(forced.adopt(&hint, at(2)), None, "forced");
}
