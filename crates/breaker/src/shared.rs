//! A breaker that many callers share, and the guards of their calls.
//!
//! Its lock is held for a few instructions and never across a call.

use jiff::Timestamp;

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
#[derive(Clone, Debug, Default)]
pub struct SharedBreaker(Arc<Mutex<Breaker>>);

impl SharedBreaker {
    /// Shares a breaker.
    #[must_use]
    pub fn new(breaker: Breaker) -> Self {
        Self(Arc::new(Mutex::new(breaker)))
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
        let ticket = self.lock().acquire(now)?;
        Ok(Permit {
            breaker: self,
            ticket: Some(ticket),
        })
    }

    /// The breaker itself, locked: everybody else waits until the guard is dropped.
    ///
    /// Permits do not come back while it is held by their own thread, so hold it for a statement.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.0)
    }

    /// Whether nobody else holds it, permits included.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
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
        self.breaker.lock().record(ticket, verdict, now)
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.lock().release(ticket);
        }
    }
}
