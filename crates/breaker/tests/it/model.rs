//! Random histories against a naive model of the breaker, and the invariants that hold in each of them: the
//! places of half-open (I26), recovery (I27), silence while open and generations (I28).

use agentchains_breaker::{Breaker, Reason, State, Ticket, Verdict};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{at, settings};

const THRESHOLD: usize = 3;
const TIMEOUT_MILLIS: i64 = 100;

#[derive(Clone, Copy, Debug)]
enum Action {
    Wait { millis: i64 },
    Acquire,
    Record { pick: usize, verdict: Verdict },
    Release { pick: usize },
    Reset,
    ForceOpen,
}

fn action() -> impl Strategy<Value = Action> {
    let verdict = prop_oneof![
        2 => Just(Verdict::Success),
        5 => Just(Verdict::Failure),
        1 => Just(Verdict::Ignored),
    ];
    prop_oneof![
        4 => (0..=TIMEOUT_MILLIS).prop_map(|millis| Action::Wait { millis }),
        8 => Just(Action::Acquire),
        8 => (any::<usize>(), verdict).prop_map(|(pick, verdict)| Action::Record { pick, verdict }),
        1 => any::<usize>().prop_map(|pick| Action::Release { pick }),
        1 => Just(Action::Reset),
        1 => Just(Action::ForceOpen),
    ]
}

/// A call in flight: its ticket, and when it was admitted in the model's count of epochs.
struct Call {
    ticket: Ticket,
    epoch: usize,
    is_probe: bool,
}

/// The breaker as a list of epochs; an epoch is a state, since when, and the verdicts that counted in it.
struct Model {
    epochs: Vec<(State, Timestamp, Vec<Verdict>)>,
}

impl Model {
    fn new() -> Self {
        Self {
            epochs: vec![(State::Closed, at(0), vec![])],
        }
    }

    fn state(&self) -> State {
        self.epochs.last().unwrap().0
    }

    fn enter(&mut self, state: State, now: Timestamp) {
        self.epochs.push((state, now, vec![]));
    }

    /// Whether a call is admitted, given the probes in flight; may make the breaker half-open.
    fn admits(&mut self, now: Timestamp, probes: usize, places: usize) -> bool {
        let (state, since, _) = self.epochs.last().unwrap();
        match state {
            State::Closed => true,
            State::HalfOpen => probes < places,
            State::Open => {
                let is_over = now.duration_since(*since) >= SignedDuration::from_millis(TIMEOUT_MILLIS);
                let admitted = is_over && probes < places;
                if admitted {
                    self.enter(State::HalfOpen, now);
                }
                admitted
            }
        }
    }

    fn record(&mut self, epoch: usize, verdict: Verdict, now: Timestamp) {
        if epoch + 1 != self.epochs.len() || verdict == Verdict::Ignored {
            return;
        }
        let (state, _, verdicts) = self.epochs.last_mut().unwrap();
        verdicts.push(verdict);
        let failures = verdicts
            .iter()
            .rev()
            .take_while(|verdict| **verdict == Verdict::Failure)
            .count();
        match (*state, verdict) {
            (State::Closed, _) if failures == THRESHOLD => self.enter(State::Open, now),
            (State::HalfOpen, Verdict::Failure) => self.enter(State::Open, now),
            (State::HalfOpen, _) => self.enter(State::Closed, now),
            _ => {}
        }
    }
}

/// The breaker and its model side by side.
struct Pair {
    breaker: Breaker,
    model: Model,
    calls: Vec<Call>,
    now: Timestamp,
    places: usize,
}

impl Pair {
    fn new(places: u32) -> Self {
        let breaker = Breaker::new(settings(
            THRESHOLD.try_into().unwrap(),
            TIMEOUT_MILLIS.unsigned_abs(),
            places,
        ));
        Self {
            breaker,
            model: Model::new(),
            calls: vec![],
            now: at(0),
            places: places.try_into().unwrap(),
        }
    }

    fn probes(&self) -> usize {
        self.calls.iter().filter(|call| call.is_probe).count()
    }

    fn pick(&mut self, pick: usize) -> Option<Call> {
        (!self.calls.is_empty()).then(|| self.calls.swap_remove(pick % self.calls.len()))
    }

    fn acquire(&mut self) {
        let probes = self.probes();
        let admitted = self.model.admits(self.now, probes, self.places);
        match self.breaker.acquire(self.now) {
            Ok(ticket) => {
                assert!(admitted, "admitted {ticket:?}");
                let is_probe = self.model.state() == State::HalfOpen;
                self.calls.push(Call {
                    ticket,
                    epoch: self.model.epochs.len() - 1,
                    is_probe,
                });
            }
            Err(refused) => assert!(!admitted && refused.retry_at > self.now, "{refused}"),
        }
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Wait { millis } => self.now += SignedDuration::from_millis(millis),
            Action::Acquire => self.acquire(),
            Action::Record { pick, verdict } => {
                let Some(call) = self.pick(pick) else { return };
                self.model.record(call.epoch, verdict, self.now);
                self.breaker.record(call.ticket, verdict, self.now);
            }
            Action::Release { pick } => {
                let Some(call) = self.pick(pick) else { return };
                self.breaker.release(call.ticket);
            }
            Action::Reset => {
                self.model.enter(State::Closed, self.now);
                self.breaker.reset(self.now);
            }
            Action::ForceOpen => {
                self.model.enter(State::Open, self.now);
                self.breaker.force_open(self.now);
            }
        }
    }

    fn check(&self) {
        let snapshot = self.breaker.snapshot();
        assert_eq!(snapshot.state, self.model.state());
        assert_eq!(snapshot.half_open_in_flight as usize, self.probes());
        assert!(self.probes() <= self.places);
        assert_eq!(snapshot.retry_at.is_some(), snapshot.state == State::Open);
        for pair in snapshot.transitions.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        for step in &snapshot.transitions {
            let legal = match (step.from, step.to) {
                (State::Closed, State::Open) => [Reason::FailureThreshold, Reason::ForcedOpen],
                (State::Open, State::HalfOpen) => [Reason::RecoveryTimeout; 2],
                (State::HalfOpen, State::Closed) => [Reason::ProbeSucceeded, Reason::Reset],
                (State::HalfOpen, State::Open) => [Reason::ProbeFailed, Reason::ForcedOpen],
                (State::Open, State::Closed) => [Reason::Reset; 2],
                impossible => panic!("{impossible:?}"),
            };
            assert!(legal.contains(&step.reason), "{step:?}");
        }
    }
}

proptest! {
    #[test]
    fn every_history_is_that_of_the_model(
        places in 1_u32..4, actions in prop::collection::vec(action(), 0..120),
    ) {
        let mut pair = Pair::new(places);
        for action in actions {
            pair.apply(action);
            pair.check();
        }
    }

    #[test]
    fn after_any_history_it_admits_a_call_within_its_timeout(
        places in 1_u32..4, actions in prop::collection::vec(action(), 0..120),
    ) {
        let mut pair = Pair::new(places);
        for action in actions {
            pair.apply(action);
        }
        for call in std::mem::take(&mut pair.calls) {
            pair.breaker.release(call.ticket);
        }
        prop_assert_eq!(pair.breaker.snapshot().half_open_in_flight, 0);
        pair.now += SignedDuration::from_millis(TIMEOUT_MILLIS);
        let ticket = pair.breaker.acquire(pair.now);
        prop_assert!(ticket.is_ok());

        // Whatever the state was, a success now is one of a breaker that is closed or closes.
        pair.breaker.record(ticket.unwrap(), Verdict::Success, pair.now);
        prop_assert_eq!(pair.breaker.state(), State::Closed);
    }
}
