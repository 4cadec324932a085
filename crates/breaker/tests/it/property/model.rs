//! The breaker as the list of all that ever happened, asked again at each step.

use agentchains_breaker::{Counts, Mode, Reason, Span, State, Verdict};

use super::action::{LEASE_MILLIS, Plan, SLOW_MILLIS, TIMEOUT_MILLIS};

/// A time in which the state was the same, and which counted outcomes it saw.
#[derive(Debug)]
struct Epoch {
    state: State,
    since: u64,
    /// Why it began.
    reason: Reason,
    outcomes: Vec<Outcome>,
}

#[derive(Clone, Copy, Debug)]
struct Outcome {
    at: u64,
    is_failure: bool,
    is_slow: bool,
}

/// A call in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) id: usize,
    start: u64,
    /// The epoch that its outcome counts in.
    epoch: Option<usize>,
    is_probe: bool,
    /// Its place was taken back.
    is_expired: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    plan: Plan,
    pub(super) mode: Mode,
    epochs: Vec<Epoch>,
    pub(super) calls: Vec<Call>,
    next_id: usize,
    last_probe_at: u64,
}

impl Model {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut model = Self {
            plan: plan.clone(),
            mode: Mode::Normal,
            epochs: vec![],
            calls: vec![],
            next_id: 0,
            last_probe_at: 0,
        };
        model.enter(State::Closed, Reason::Reset, 0);
        model
    }

    fn epoch(&self) -> &Epoch {
        self.epochs.last().expect("the first epoch")
    }

    fn enter(&mut self, state: State, reason: Reason, now: u64) {
        self.epochs.push(Epoch {
            state,
            since: now,
            reason,
            outcomes: vec![],
        });
    }

    fn is_forced(&self) -> bool {
        matches!(self.mode, Mode::ForcedOpen | Mode::ForcedClosed)
    }

    /// The state that others see.
    pub(super) fn state(&self) -> State {
        match self.mode {
            Mode::ForcedOpen => State::Open,
            Mode::ForcedClosed => State::Closed,
            Mode::Normal | Mode::ObserveOnly => self.epoch().state,
        }
    }

    /// The changes of state: epochs that differ from the one before.
    pub(super) fn transitions(&self) -> Vec<(State, State, Reason, u64)> {
        let pairs = self.epochs.windows(2);
        let changes = pairs.filter(|pair| pair[0].state != pair[1].state);
        changes
            .map(|pair| (pair[0].state, pair[1].state, pair[1].reason, pair[1].since))
            .collect()
    }

    pub(super) fn probes(&self) -> usize {
        let holds_place = |call: &&Call| call.is_probe && !call.is_expired;
        self.calls.iter().filter(holds_place).count()
    }

    /// The epochs since it was last closed, that one included.
    fn since_closed(&self) -> &[Epoch] {
        let closed = self.epochs.iter().rposition(|epoch| epoch.state == State::Closed);
        &self.epochs[closed.expect("the first epoch is closed")..]
    }

    pub(super) fn failures_in_a_row(&self) -> usize {
        let outcomes = self.since_closed().iter().flat_map(|epoch| &epoch.outcomes);
        let in_order: Vec<_> = outcomes.collect();
        // A success that was too slow for a probe does not end a row: only closing does.
        let ends_row = |outcome: &Outcome| !outcome.is_failure;
        let closed = self.since_closed()[0].outcomes.len();
        let (before, probes) = in_order.split_at(closed);
        let trailing = before
            .iter()
            .rev()
            .take_while(|outcome| !ends_row(outcome))
            .count();
        trailing + probes.iter().filter(|outcome| outcome.is_failure).count()
    }

    pub(super) fn openings(&self) -> u32 {
        let by_itself = |epoch: &&Epoch| epoch.state == State::Open && epoch.reason != Reason::ForcedOpen;
        let count = self.since_closed().iter().filter(by_itself).count();
        count.try_into().expect("a few")
    }

    /// The counts of the window, as of the last call that counted in it.
    pub(super) fn counts(&self) -> Option<Counts> {
        let window = self.plan.window?;
        let outcomes = &self.since_closed()[0].outcomes;
        let slice = |at: u64| at / 5;
        let covered: Vec<&Outcome> = match window.span {
            Span::Calls(calls) => outcomes.iter().rev().take(calls.get() as usize).collect(),
            // 60 slices of 5 ms.
            Span::Time(_) => {
                let current = outcomes.last().map_or(0, |last| slice(last.at));
                let is_covered = |outcome: &&Outcome| slice(outcome.at) + 60 > current;
                outcomes.iter().filter(is_covered).collect()
            }
        };
        let count = |is: fn(&Outcome) -> bool| covered.iter().filter(|outcome| is(outcome)).count() as u64;
        Some(Counts {
            calls: count(|_| true),
            failures: count(|outcome| outcome.is_failure),
            slow_calls: count(|outcome| outcome.is_slow),
        })
    }

    /// Whether a hand has opened it since it last changed.
    pub(super) fn is_held_open(&self) -> bool {
        self.epoch().reason == Reason::ForcedOpen
    }

    /// From when on an open breaker that is not held open lets a call try.
    pub(super) fn retry_at(&self) -> u64 {
        let epoch = self.epoch();
        let doublings = self.openings() - 1;
        let cap = self.plan.cap_millis.unwrap_or(TIMEOUT_MILLIS);
        epoch.since + (TIMEOUT_MILLIS << doublings.min(16)).min(cap)
    }

    /// Whether a call is admitted. It is in flight then, with this id.
    pub(super) fn acquire(&mut self, now: u64) -> Option<usize> {
        let counts = match self.mode {
            Mode::ForcedOpen => return None,
            Mode::ForcedClosed => false,
            Mode::Normal | Mode::ObserveOnly => self.admits(now),
        };
        if !counts && self.mode == Mode::Normal {
            return None;
        }
        let is_probe = counts && self.epoch().state == State::HalfOpen;
        if is_probe {
            self.last_probe_at = now;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.calls.push(Call {
            id,
            start: now,
            epoch: counts.then(|| self.epochs.len() - 1),
            is_probe,
            is_expired: false,
        });
        Some(id)
    }

    fn admits(&mut self, now: u64) -> bool {
        if self.epoch().state == State::Closed {
            return true;
        }
        if self.is_held_open() {
            return false;
        }
        let places = self.plan.places as usize;
        if self.probes() >= places && now >= self.last_probe_at + LEASE_MILLIS {
            self.calls.iter_mut().for_each(|call| call.is_expired = true);
            if self.epoch().state == State::HalfOpen {
                self.enter(State::Open, Reason::ProbeLeaseOver, now);
            }
        }
        match self.epoch().state {
            State::Closed => true,
            State::HalfOpen => self.probes() < places,
            State::Open => {
                let admitted = now >= self.retry_at() && self.probes() < places;
                if admitted {
                    self.enter(State::HalfOpen, Reason::RecoveryTimeout, now);
                }
                admitted
            }
        }
    }

    pub(super) fn record(&mut self, call: Call, verdict: Verdict, now: u64) {
        let is_of_this_epoch = call.epoch == Some(self.epochs.len() - 1);
        if !is_of_this_epoch || self.is_forced() || verdict == Verdict::Ignored {
            return;
        }
        let window = self.plan.window;
        let outcome = Outcome {
            at: now,
            is_failure: verdict == Verdict::Failure,
            is_slow: window.is_some_and(|window| window.slow_calls.is_some())
                && now - call.start >= SLOW_MILLIS,
        };
        self.epochs
            .last_mut()
            .expect("the first epoch")
            .outcomes
            .push(outcome);
        match self.epoch().state {
            State::HalfOpen if outcome.is_failure => self.enter(State::Open, Reason::ProbeFailed, now),
            State::HalfOpen if outcome.is_slow => self.enter(State::Open, Reason::ProbeSlow, now),
            State::HalfOpen => self.enter(State::Closed, Reason::ProbeSucceeded, now),
            State::Closed => {
                if let Some(reason) = self.reason_to_open() {
                    self.enter(State::Open, reason, now);
                }
            }
            State::Open => panic!("a call of an open breaker counted"),
        }
    }

    fn reason_to_open(&self) -> Option<Reason> {
        if self.failures_in_a_row() == self.plan.threshold as usize {
            return Some(Reason::FailureThreshold);
        }
        let (window, counts) = (self.plan.window?, self.counts()?);
        let is_reached = |part: u64, rate: f64| part as f64 / counts.calls as f64 >= rate - 1e-9;
        if counts.calls < u64::from(window.minimum_calls.get()) {
            None
        } else if window
            .failure_rate
            .is_some_and(|rate| is_reached(counts.failures, rate.as_f64()))
        {
            Some(Reason::FailureRate)
        } else if window
            .slow_calls
            .is_some_and(|slow| is_reached(counts.slow_calls, slow.rate.as_f64()))
        {
            Some(Reason::SlowCallRate)
        } else {
            None
        }
    }

    pub(super) fn by_hand(&mut self, state: State, reason: Reason, now: u64) {
        if !self.is_forced() {
            self.enter(state, reason, now);
        }
    }
}
