//! An event on its way to those who watch, of whom there may be many.

use std::{ops::Deref, sync::OnceLock};

use agentchains_machine::Event;
use bytes::Bytes;

/// An event that is durable. All who watch share it, and the form in which they send it on.
#[derive(Debug)]
pub struct Published {
    event: Event,
    text: OnceLock<Bytes>,
}

impl Published {
    pub(crate) const fn new(event: Event) -> Self {
        Self {
            event,
            text: OnceLock::new(),
        }
    }

    /// The event as it is sent on: written once, by the first who asks, for all of them. They must want the same.
    pub fn text(&self, write: impl FnOnce(&Event) -> String) -> &Bytes {
        self.text.get_or_init(|| write(&self.event).into())
    }
}

impl Deref for Published {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}
