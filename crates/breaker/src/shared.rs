//! A breaker that many callers share, and the guards of their calls.
//!
//! Its lock is held for a few instructions and never across a call; calls that change nothing do without it.

use std::ops::{Deref, DerefMut};

use jiff::Timestamp;

use crate::calm::{Calm, CalmCell};
use crate::sync::{Arc, Mutex, MutexGuard, lock};
use crate::{Breaker, Refused, Ticket, Transition, Verdict};

/// One breaker for all who call the same agent. Cloning shares it.
///
/// ```
/// use agentchains_breaker::{Breaker, Outcome, Settings, SharedBreaker};
/// use jiff::Timestamp;
///
/// let breaker = SharedBreaker::new(Breaker::new(Settings::default()));
/// let now: Timestamp = "2026-11-22T12:00:00Z".parse()?;
///
/// let permit = breaker.acquire(now)?;
/// let status = 503; // of the answer to the call that the permit is for
/// permit.record(Outcome::Status(status).verdict(), now);
/// assert_eq!(breaker.lock().snapshot().failure_count, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedBreaker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    breaker: Mutex<Breaker>,
    calm: CalmCell,
}

/// A breaker whose lock is held: everybody else waits until it is dropped.
#[derive(Debug)]
#[must_use = "a lock that is dropped is given back"]
pub struct BreakerGuard<'a> {
    breaker: MutexGuard<'a, Breaker>,
    calm: &'a CalmCell,
}

impl SharedBreaker {
    /// Shares a breaker.
    #[must_use]
    pub fn new(breaker: Breaker) -> Self {
        Self(Arc::new(Shared {
            calm: CalmCell::new(breaker.calm()),
            breaker: Mutex::new(breaker),
        }))
    }

    /// Asks for a call at the time `now`.
    ///
    /// # Errors
    /// [`Refused`], as for [`Breaker::acquire`].
    #[inline]
    pub fn acquire(&self, now: Timestamp) -> Result<Permit, Refused> {
        self.clone().into_permit(now)
    }

    /// As [`acquire`](Self::acquire), for who has a share of the breaker to give away.
    #[inline]
    pub(crate) fn into_permit(self, now: Timestamp) -> Result<Permit, Refused> {
        let ticket = match self.0.calm.get().admitting() {
            Some(generation) => Ticket::counted(generation, now),
            None => self.acquire_locked(now)?,
        };
        Ok(Permit {
            breaker: self,
            ticket: Some(ticket),
        })
    }

    // Out of line: the way that most calls take stays short.
    #[inline(never)]
    fn acquire_locked(&self, now: Timestamp) -> Result<Ticket, Refused> {
        self.lock().acquire(now)
    }

    #[inline(never)]
    fn record_locked(&self, ticket: Ticket, verdict: Verdict, now: Timestamp) -> Option<Transition> {
        self.lock().record(ticket, verdict, now)
    }

    /// The breaker itself, locked.
    ///
    /// Permits do not come back while it is held by their own thread, so hold it for a statement.
    #[inline]
    pub fn lock(&self) -> BreakerGuard<'_> {
        BreakerGuard {
            breaker: lock(&self.0.breaker),
            calm: &self.0.calm,
        }
    }

    /// Whether this outcome changes nothing, as far as can be told without the lock.
    #[inline]
    fn is_unmoved_by(&self, ticket: &Ticket, verdict: Verdict) -> bool {
        let generation = ticket.generation;
        !ticket.has_place()
            && match verdict {
                Verdict::Success => self.0.calm.get() == Calm::Quiet { generation },
                Verdict::Ignored => true,
                Verdict::Failure => false,
            }
    }

    /// Whether nobody else holds it, permits included.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Default for SharedBreaker {
    fn default() -> Self {
        Self::new(Breaker::default())
    }
}

impl Deref for BreakerGuard<'_> {
    type Target = Breaker;

    fn deref(&self) -> &Breaker {
        &self.breaker
    }
}

impl DerefMut for BreakerGuard<'_> {
    fn deref_mut(&mut self) -> &mut Breaker {
        &mut self.breaker
    }
}

impl Drop for BreakerGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.calm.set(self.breaker.calm());
    }
}

/// A call that may be made.
///
/// Dropped without [`record`](Self::record), because the call was cancelled, timed out in its caller's hands
/// or panicked, it frees its place and counts as nothing.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as nothing"]
pub struct Permit {
    breaker: SharedBreaker,
    ticket: Option<Ticket>,
}

impl Permit {
    /// The change of state that admitting this call brought about.
    #[must_use]
    pub fn transition(&self) -> Option<Transition> {
        self.ticket.as_ref().and_then(Ticket::transition)
    }

    /// Tells the breaker how the call ended, at the time `now`, and gives the change of state that this
    /// brings about.
    #[inline]
    pub fn record(mut self, verdict: Verdict, now: Timestamp) -> Option<Transition> {
        let ticket = self.ticket.take()?;
        if self.breaker.is_unmoved_by(&ticket, verdict) {
            return None;
        }
        self.breaker.record_locked(ticket, verdict, now)
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take_if(|ticket| ticket.has_place()) {
            self.breaker.lock().release(ticket);
        }
    }
}
