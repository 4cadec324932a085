//! The places of half-open calls, and the lease after which those that never came back are given anew.

use std::time::Duration;

use jiff::Timestamp;

use crate::call::Kind;

/// Probes in flight, those of earlier generations included: they too are requests on the wire.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    in_flight: u32,
    /// Tells a ticket whose place was taken back from one that still holds its own.
    round: u64,
    last_admitted_at: Timestamp,
}

impl Probes {
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(crate) fn admit(&mut self, now: Timestamp) -> Kind {
        self.in_flight = self.in_flight.saturating_add(1);
        self.last_admitted_at = now;
        Kind::Probe { round: self.round }
    }

    pub(crate) fn release(&mut self, kind: Kind) {
        if matches!(kind, Kind::Probe { round } if round == self.round) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// Takes all places back once the youngest probe has had its `lease`; whether it did.
    ///
    /// A clock that was set back starts the lease anew.
    pub(crate) fn expire(&mut self, now: Timestamp, lease: Duration) -> bool {
        self.last_admitted_at = self.last_admitted_at.min(now);
        let age = now.duration_since(self.last_admitted_at).unsigned_abs();
        let is_over = self.in_flight > 0 && age >= lease;
        if is_over {
            self.in_flight = 0;
            self.round = self.round.wrapping_add(1);
        }
        is_over
    }
}
