//! Simulated time: what happens to which execution, one thing after the other.

use std::collections::{BTreeMap, VecDeque};

use agentchains_machine::Input;
use jiff::Timestamp;

/// What is still to happen. What follows at once from what has happened comes first, then whatever is due next, and of
/// things that are due at the same moment the one that was foreseen first.
pub(super) struct Timeline {
    now: Timestamp,
    at_once: VecDeque<(usize, Input)>,
    later: BTreeMap<(Timestamp, u64), (usize, Input)>,
    /// By execution: the moment at which time alone changes it.
    wakes: BTreeMap<usize, (Timestamp, u64)>,
    foreseen: u64,
}

impl Timeline {
    pub(super) const fn from(now: Timestamp) -> Self {
        Self {
            now,
            at_once: VecDeque::new(),
            later: BTreeMap::new(),
            wakes: BTreeMap::new(),
            foreseen: 0,
        }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn at_once(&mut self, run: usize, input: Input) {
        self.at_once.push_back((run, input));
    }

    pub(super) fn at(&mut self, at: Timestamp, run: usize, input: Input) -> (Timestamp, u64) {
        self.foreseen += 1;
        let place = (at, self.foreseen);
        self.later.insert(place, (run, input));
        place
    }

    /// Wakes an execution at this moment and at no other.
    pub(super) fn wake(&mut self, run: usize, at: Option<Timestamp>) {
        if let Some(before) = self.wakes.remove(&run) {
            self.later.remove(&before);
        }
        if let Some(at) = at {
            let place = self.at(at, run, Input::Tick);
            self.wakes.insert(run, place);
        }
    }

    /// The next thing that happens, at the moment that it is then.
    pub(super) fn next(&mut self) -> Option<(usize, Input)> {
        if let Some(next) = self.at_once.pop_front() {
            return Some(next);
        }
        let ((at, _), next) = self.later.pop_first()?;
        self.now = self.now.max(at);
        Some(next)
    }
}
