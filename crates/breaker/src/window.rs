//! Counts of the calls in a window, exact and in constant time.
//!
//! A window of calls is a ring with one mark for each call. A window of time is a ring of 60 slices: it covers
//! the slice of the moment and the 59 before it, so that its edge moves by a sixtieth of its length. Every call
//! recorded in a covered slice is counted once, and no other.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::{MAX_WINDOW_CALLS, Span};

/// Slices of a window of time.
const SLICES: usize = 60;

/// How many calls a window holds, and of what kind. A slow failure counts as both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CircuitBreakerCounts")]
pub struct Counts {
    /// All calls that ended with a success or a failure.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that took longer than a slow call may.
    pub slow_calls: u64,
}

/// One call as a window sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(crate) is_failure: bool,
    pub(crate) is_slow: bool,
}

/// The calls of one window. Everything is allocated when it is made.
#[derive(Debug)]
pub(crate) struct Counter {
    total: Counts,
    ring: Ring,
}

#[derive(Debug)]
enum Ring {
    Calls {
        marks: Box<[Mark]>,
        next: usize,
    },
    Time {
        slices: Box<[Counts; SLICES]>,
        slice_millis: i64,
        /// The number of the slice of the moment, counted from the epoch.
        current: i64,
    },
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failures += other.failures;
        self.slow_calls += other.slow_calls;
    }

    fn subtract(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failures -= other.failures;
        self.slow_calls -= other.slow_calls;
    }
}

impl From<Mark> for Counts {
    fn from(mark: Mark) -> Self {
        Self {
            calls: 1,
            failures: mark.is_failure.into(),
            slow_calls: mark.is_slow.into(),
        }
    }
}

impl Counter {
    pub(crate) fn new(span: Span) -> Self {
        let ring = match span {
            Span::Calls(calls) => Ring::Calls {
                marks: vec![Mark::default(); calls.get().min(MAX_WINDOW_CALLS) as usize].into(),
                next: 0,
            },
            Span::Time(length) => Ring::Time {
                slices: Box::new([Counts::default(); SLICES]),
                slice_millis: slice_millis(length),
                current: 0,
            },
        };
        Self {
            total: Counts::default(),
            ring,
        }
    }

    /// The counts as of the last call that was added.
    pub(crate) fn counts(&self) -> Counts {
        self.total
    }

    pub(crate) fn add(&mut self, mark: Mark, now: Timestamp) {
        match &mut self.ring {
            Ring::Calls { marks, next } => {
                let is_full = self.total.calls == marks.len() as u64;
                let Some(place) = marks.get_mut(*next) else { return };
                let oldest = std::mem::replace(place, mark);
                *next = (*next + 1) % marks.len();
                if is_full {
                    self.total.subtract(oldest.into());
                }
            }
            Ring::Time {
                slices,
                slice_millis,
                current,
            } => {
                let slice = now.as_millisecond().div_euclid(*slice_millis);
                advance(slices, current, slice, &mut self.total);
                slices[index(*current)].add(mark.into());
            }
        }
        self.total.add(mark.into());
    }

    /// Forgets all calls.
    pub(crate) fn clear(&mut self) {
        self.total = Counts::default();
        match &mut self.ring {
            // Marks are read only once the ring is full again, and each is written before that.
            Ring::Calls { next, .. } => *next = 0,
            Ring::Time { slices, .. } => slices.fill(Counts::default()),
        }
    }
}

/// Moves the window on to `slice`, and takes the slices that it leaves behind from the total.
///
/// A time just before the current slice, of a call that was recorded late or a clock that was corrected, counts
/// in the current one; a clock that was set back by a whole window starts the window anew.
fn advance(slices: &mut [Counts; SLICES], current: &mut i64, slice: i64, total: &mut Counts) {
    let steps = slice.saturating_sub(*current);
    if steps.unsigned_abs() >= SLICES as u64 {
        slices.fill(Counts::default());
        *total = Counts::default();
        *current = slice;
    }
    while *current < slice {
        *current += 1;
        total.subtract(std::mem::take(&mut slices[index(*current)]));
    }
}

fn index(slice: i64) -> usize {
    // The remainder of a division by `SLICES` is an index.
    slice.rem_euclid(SLICES as i64) as usize
}

/// The length of a slice: a sixtieth, and a millisecond at least.
fn slice_millis(length: Duration) -> i64 {
    let millis = length.as_millis() / SLICES as u128;
    i64::try_from(millis).unwrap_or(i64::MAX).max(1)
}
