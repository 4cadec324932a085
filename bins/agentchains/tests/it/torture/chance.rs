//! Chance: numbers that follow from a seed, so that a failure can be looked for again.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The seed of the first round, unless `TORTURE_SEED` names another.
const SEED: u64 = 20_261_123;

/// Where numbers come from.
#[derive(Clone, Copy)]
pub(super) struct Chance {
    seed: u64,
}

impl Chance {
    /// That of a round. What a failure prints reproduces the round as the first one.
    pub(super) fn of_round(round: u64) -> Self {
        let first = std::env::var("TORTURE_SEED").ok();
        let first = first.map_or(SEED, |seed| seed.parse().expect("TORTURE_SEED is a number"));
        Self {
            seed: first.wrapping_add(round),
        }
    }

    /// A number below `most`, the same for the same question.
    pub(super) fn below(self, most: u64, what: &str, of: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, what, of).hash(&mut hasher);
        hasher.finish() % most
    }
}

/// Names the seed of a round that fails.
pub(super) struct Named(pub(super) Chance);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "the harness shows it for the tests that fail")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was TORTURE_SEED={} TORTURE_ROUNDS=1", self.0.seed);
        }
    }
}
