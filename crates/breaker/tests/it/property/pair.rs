//! A breaker that is shared, as calls see it, and its model side by side.

use agentchains_breaker::{Breaker, MAX_TRANSITIONS, Mode, Permit, Reason, SharedBreaker, State, Verdict};
use jiff::Timestamp;

use super::action::{Action, Hostile, LEASE_MILLIS, Plan, TIMEOUT_MILLIS};
use super::model::Model;
use crate::at;

pub(super) struct Pair {
    plan: Plan,
    breaker: SharedBreaker,
    model: Model,
    /// With the ids of the model's calls.
    permits: Vec<(usize, Permit)>,
    millis: u64,
    /// How far the clock was moved, where there is no model.
    jumped: i64,
}

impl Pair {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            breaker: SharedBreaker::new(Breaker::new(plan.settings(Mode::Normal))),
            model: Model::new(plan),
            permits: vec![],
            millis: 0,
            jumped: 0,
        }
    }

    fn now(&self) -> Timestamp {
        at(i64::try_from(self.millis).expect("a short history") + self.jumped)
    }

    fn take(&mut self, pick: usize) -> Option<(usize, Permit)> {
        (!self.permits.is_empty()).then(|| self.permits.swap_remove(pick % self.permits.len()))
    }

    /// Lets both do the same; they must admit the same calls.
    pub(super) fn apply(&mut self, action: Action) {
        let (now, millis) = (self.now(), self.millis);
        match action {
            Action::Wait { millis } => self.millis += millis,
            Action::Acquire => {
                let admitted = self.model.acquire(millis);
                match (self.breaker.acquire(now), admitted) {
                    (Ok(permit), Some(id)) => self.permits.push((id, permit)),
                    (Err(refused), None) => assert!(refused.retry_at > now, "{refused}"),
                    differs => panic!("{differs:?}"),
                }
            }
            Action::Record { pick, verdict } => {
                let Some((id, permit)) = self.take(pick) else {
                    return;
                };
                let index = self.model.calls.iter().position(|call| call.id == id);
                let call = self.model.calls.swap_remove(index.expect("in flight"));
                self.model.record(call, verdict, millis);
                permit.record(verdict, now);
            }
            Action::Release { pick } => {
                let Some((id, permit)) = self.take(pick) else {
                    return;
                };
                self.model.calls.retain(|call| call.id != id);
                drop(permit);
            }
            Action::Reset => {
                self.model.by_hand(State::Closed, Reason::Reset, millis);
                self.breaker.lock().reset(now);
            }
            Action::ForceOpen => {
                self.model.by_hand(State::Open, Reason::ForcedOpen, millis);
                self.breaker.lock().force_open(now);
            }
            Action::SetMode(mode) => {
                self.model.mode = mode;
                self.breaker.lock().configure(self.plan.settings(mode));
            }
        }
    }

    /// Both say the same, and the invariants hold.
    pub(super) fn check(&self) {
        let (snapshot, model) = (self.breaker.lock().snapshot(), &self.model);
        assert_eq!((snapshot.state, snapshot.mode), (model.state(), model.mode));
        assert_eq!(snapshot.half_open_in_flight as usize, model.probes());
        assert!(model.probes() <= self.plan.places as usize);
        assert_eq!(snapshot.failure_count as usize, model.failures_in_a_row());
        assert_eq!(snapshot.openings_in_a_row, model.openings());
        assert_eq!(snapshot.window, model.counts());
        assert_eq!(snapshot.held_open, model.is_held_open());
        if let Some(retry_at) = snapshot.retry_at {
            let millis = i64::try_from(model.retry_at()).expect("a short history");
            assert_eq!(retry_at, at(millis));
        }
        let transitions = model.transitions();
        let last = &transitions[transitions.len().saturating_sub(MAX_TRANSITIONS)..];
        let told = snapshot.transitions.iter();
        let told: Vec<_> = told
            .map(|step| (step.from, step.to, step.reason, step.at))
            .collect();
        let time = |millis: u64| at(i64::try_from(millis).expect("a short history"));
        let expected: Vec<_> = last
            .iter()
            .map(|&(from, to, reason, millis)| (from, to, reason, time(millis)))
            .collect();
        assert_eq!(told, expected);
    }

    /// Lets something happen to the breaker alone.
    pub(super) fn play(&mut self, action: &Hostile) {
        let now = self.now();
        match action {
            Hostile::Ordinary(Action::Acquire) => {
                self.permits
                    .extend(self.breaker.acquire(now).ok().map(|permit| (0, permit)));
            }
            Hostile::Ordinary(Action::Record { pick, verdict }) => {
                let Some((_, permit)) = self.take(*pick) else {
                    return;
                };
                permit.record(*verdict, now);
            }
            Hostile::Ordinary(Action::Release { pick }) => {
                let Some((_, permit)) = self.take(*pick) else {
                    return;
                };
                drop(permit);
            }
            Hostile::Ordinary(Action::Wait { millis }) => self.millis += millis,
            Hostile::Ordinary(Action::Reset) => drop(self.breaker.lock().reset(now)),
            Hostile::Ordinary(Action::ForceOpen) => drop(self.breaker.lock().force_open(now)),
            Hostile::Ordinary(Action::SetMode(mode)) => {
                self.breaker.lock().configure(self.plan.settings(*mode));
            }
            Hostile::JumpOfTheClock { millis } => self.jumped += millis,
            Hostile::Restore(snapshot) => drop(self.breaker.lock().restore(snapshot, now)),
            Hostile::Adopt(snapshot) => drop(self.breaker.lock().adopt(snapshot, now)),
            Hostile::Lose { pick } => std::mem::forget(self.take(*pick)),
        }
        assert!(self.breaker.lock().snapshot().half_open_in_flight <= self.plan.places);
    }

    /// Whatever was done to it: unless a hand holds it open, it admits calls within the longest open time, or the lease
    /// where places were not given back, and successes close it.
    pub(super) fn recovers(mut self, gives_back: bool) {
        self.breaker.lock().configure(self.plan.settings(Mode::Normal));
        if self.breaker.lock().snapshot().held_open {
            self.millis += 1_000_000;
            assert!(self.breaker.acquire(self.now()).is_err());
            self.breaker.lock().reset(self.now());
        }
        let permits = std::mem::take(&mut self.permits);
        if gives_back {
            drop(permits);
        } else {
            std::mem::forget(permits);
        }
        let longest = self.plan.cap_millis.unwrap_or(TIMEOUT_MILLIS);
        // Asking is what lets a breaker see that its clock was set back, or a lease is over. A first success of a
        // closed breaker may be the call that makes the failures before it enough for a rate.
        for wait in [0, LEASE_MILLIS, longest, LEASE_MILLIS, longest] {
            self.millis += wait;
            let Ok(permit) = self.breaker.acquire(self.now()) else {
                continue;
            };
            permit.record(Verdict::Success, self.now());
            if self.breaker.lock().state() == State::Closed {
                return;
            }
        }
        panic!("stuck: {:?}", self.breaker.lock().snapshot());
    }
}
