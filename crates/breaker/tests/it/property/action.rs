//! What may happen to a breaker, at random.

use std::time::Duration;

use agentchains_breaker::{
    Breaker, Mode, Rate, Reason, Settings, SlowCalls, Snapshot, Span, State, Transition, Verdict, Window,
};
use proptest::prelude::*;

use crate::{at, settings};

/// The settings of one history. Times are short, so that everything happens often.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) threshold: u32,
    pub(super) places: u32,
    pub(super) cap_millis: Option<u64>,
    pub(super) window: Option<Window>,
}

pub(super) const TIMEOUT_MILLIS: u64 = 100;
pub(super) const LEASE_MILLIS: u64 = 250;
pub(super) const SLOW_MILLIS: u64 = 80;

impl Plan {
    pub(super) fn settings(&self, mode: Mode) -> Settings {
        Settings {
            max_recovery_timeout: self.cap_millis.map(Duration::from_millis),
            probe_lease: Duration::from_millis(LEASE_MILLIS),
            window: self.window,
            mode,
            ..settings(self.threshold, TIMEOUT_MILLIS, self.places)
        }
    }
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Wait { millis: u64 },
    Acquire,
    Record { pick: usize, verdict: Verdict },
    Release { pick: usize },
    Reset,
    ForceOpen,
    SetMode(Mode),
}

/// What no model foretells.
#[derive(Clone, Debug)]
pub(super) enum Hostile {
    Ordinary(Action),
    JumpOfTheClock {
        millis: i64,
    },
    Restore(Snapshot),
    Adopt(Snapshot),
    /// The call's ticket is never seen again.
    Lose {
        pick: usize,
    },
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let cap = prop::option::of(Just(350));
    (1_u32..5, 1_u32..4, cap, prop::option::of(window())).prop_map(
        |(threshold, places, cap_millis, window)| Plan {
            threshold,
            places,
            cap_millis,
            window,
        },
    )
}

fn window() -> impl Strategy<Value = Window> {
    let rate = || prop::sample::select(vec![0.3, 0.5, 1.0]).prop_map(|rate| Rate::new(rate).expect("a rate"));
    let span = prop_oneof![
        (1_u32..8).prop_map(|calls| Span::Calls(calls.try_into().expect("a call"))),
        Just(Span::Time(Duration::from_millis(300))),
    ];
    let slow_calls = rate().prop_map(|rate| SlowCalls {
        rate,
        duration: Duration::from_millis(SLOW_MILLIS),
    });
    let rates = (prop::option::of(rate()), prop::option::of(slow_calls));
    (span, 1_u32..5, rates).prop_map(|(span, minimum, (failure_rate, slow_calls))| Window {
        span,
        minimum_calls: minimum.try_into().expect("a call"),
        failure_rate,
        slow_calls,
    })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        4 => Just(Mode::Normal),
        2 => Just(Mode::ObserveOnly),
        1 => Just(Mode::ForcedOpen),
        1 => Just(Mode::ForcedClosed),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let verdict = prop_oneof![
        3 => Just(Verdict::Success),
        5 => Just(Verdict::Failure),
        1 => Just(Verdict::Ignored),
    ];
    prop_oneof![
        10 => (0..=TIMEOUT_MILLIS).prop_map(|millis| Action::Wait { millis }),
        20 => Just(Action::Acquire),
        20 => (any::<usize>(), verdict).prop_map(|(pick, verdict)| Action::Record { pick, verdict }),
        2 => any::<usize>().prop_map(|pick| Action::Release { pick }),
        1 => Just(Action::Reset),
        1 => Just(Action::ForceOpen),
        1 => mode().prop_map(Action::SetMode),
    ]
}

pub(super) fn actions() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec(action(), 0..120)
}

pub(super) fn hostile_actions() -> impl Strategy<Value = Vec<Hostile>> {
    let hostile = prop_oneof![
        20 => action().prop_map(Hostile::Ordinary),
        1 => (-1_000_000_i64..1_000_000).prop_map(|millis| Hostile::JumpOfTheClock { millis }),
        1 => snapshot().prop_map(Hostile::Restore),
        1 => snapshot().prop_map(Hostile::Adopt),
        1 => any::<usize>().prop_map(|pick| Hostile::Lose { pick }),
    ];
    prop::collection::vec(hostile, 0..80)
}

/// Any snapshot, also one that no breaker would give.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let state = || prop::sample::select(vec![State::Closed, State::Open, State::HalfOpen]);
    let time = || (-10_000_000_i64..10_000_000).prop_map(at);
    let transition = (time(), state(), state()).prop_map(|(at, from, to)| Transition {
        at,
        from,
        to,
        reason: Reason::Reset,
        observed_only: false,
    });
    let times = (prop::option::of(time()), prop::option::of(time()));
    let transitions = prop::collection::vec(transition, 0..3);
    (
        state(),
        any::<[u32; 3]>(),
        times,
        (mode(), any::<bool>()),
        transitions,
    )
        .prop_map(
            |(
                state,
                [failures, openings, in_flight],
                (opened_at, retry_at),
                (mode, held_open),
                transitions,
            )| Snapshot {
                state,
                failure_count: failures,
                opened_at,
                retry_at,
                half_open_in_flight: in_flight,
                mode,
                held_open,
                openings_in_a_row: openings,
                transitions,
                ..Breaker::default().snapshot()
            },
        )
}
