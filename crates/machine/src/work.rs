//! Work: what the nodes of an execution are busy with, counted so that a step need not search.

use crate::{ChildRun, NodeState, PauseReason};

/// How many nodes go on by themselves, and how many wait for a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Nodes that wait for an agent, a child execution or a moment.
    pub(crate) busy: u32,
    /// Nodes that a person must answer, here or in a child execution.
    pub(crate) asking: u32,
}

impl Work {
    pub(crate) fn add(&mut self, state: &NodeState) {
        let Self { busy, asking } = Self::of(state);
        self.busy += busy;
        self.asking += asking;
    }

    pub(crate) fn remove(&mut self, state: &NodeState) {
        let Self { busy, asking } = Self::of(state);
        self.busy -= busy;
        self.asking -= asking;
    }

    fn of(state: &NodeState) -> Self {
        match state {
            NodeState::Waiting(waiting) if waiting.open_question().is_some() => Self { busy: 0, asking: 1 },
            NodeState::Child(ChildRun {
                pause_reason: Some(PauseReason::Approval),
                ..
            }) => Self { busy: 0, asking: 1 },
            NodeState::Running(_) | NodeState::Child(_) | NodeState::Waiting(_) => {
                Self { busy: 1, asking: 0 }
            }
            _ => Self::default(),
        }
    }
}
