//! What a call may know of a breaker without its lock.
//!
//! Nearly every call meets a closed breaker and ends well. To admit it changes nothing, and where there is no failure
//! to forget and no window to count in, its success changes nothing either. Whoever gives the lock back leaves a word
//! that says so, and such calls read it instead of taking the lock: what they do then is what they would have done
//! under the lock at the moment of reading.

use crate::sync::{AtomicU64, Ordering};

/// How much goes on in a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calm {
    /// It is not closed, or its mode is forced: every call takes the lock.
    None,
    /// It is closed, and admits every call in this generation.
    Closed { generation: u64 },
    /// It is closed, and a success in this generation changes nothing.
    Quiet { generation: u64 },
}

const QUIET: u64 = 2;
const CLOSED: u64 = 1;
/// The lower bits are the kind, the others the generation, of which there are more than nanoseconds in a century.
const KIND_BITS: u32 = 2;

impl Calm {
    /// The generation in which a call is admitted.
    pub(crate) fn admitting(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Closed { generation } | Self::Quiet { generation } => Some(generation),
        }
    }
}

/// Where a [`Calm`] is left for those without the lock.
#[derive(Debug)]
pub(crate) struct CalmCell(AtomicU64);

impl CalmCell {
    pub(crate) fn new(calm: Calm) -> Self {
        Self(AtomicU64::new(encode(calm)))
    }

    #[inline]
    pub(crate) fn get(&self) -> Calm {
        let word = self.0.load(Ordering::Acquire);
        let generation = word >> KIND_BITS;
        match word & 3 {
            QUIET => Calm::Quiet { generation },
            CLOSED => Calm::Closed { generation },
            _ => Calm::None,
        }
    }

    /// To be called under the lock only, so that the last word is that of the last change.
    #[inline]
    pub(crate) fn set(&self, calm: Calm) {
        self.0.store(encode(calm), Ordering::Release);
    }
}

#[inline]
fn encode(calm: Calm) -> u64 {
    match calm {
        Calm::None => 0,
        Calm::Closed { generation } => (generation << KIND_BITS) | CLOSED,
        Calm::Quiet { generation } => (generation << KIND_BITS) | QUIET,
    }
}
