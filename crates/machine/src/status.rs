//! Statuses of nodes and executions, and which of them may follow which.

use agentchains_workflow::NodeKind;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A word that is not one of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{word:?} is not a known {what}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word in the API, in events and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::status::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|known| known.as_str() == word)
                    .ok_or_else(|| $crate::status::UnknownWord::new($what, word))
            }
        }
    };
}
pub(crate) use words;

impl UnknownWord {
    /// Names what was looked for and the word that was found instead.
    #[must_use]
    pub fn new(what: &'static str, word: &str) -> Self {
        Self {
            what,
            word: word.to_owned(),
        }
    }
}

words! {
    /// Type of a node, as in documents.
    NodeType("node type") {
        /// Invokes an agent.
        AgentCall = "agent_call",
        /// Chooses a branch.
        Condition = "condition",
        /// Asks a person.
        HumanApproval = "human_approval",
        /// Runs several nodes concurrently, as one.
        ParallelGroup = "parallel_group",
        /// Repeats nodes.
        Loop = "loop",
        /// Runs another workflow.
        Subworkflow = "subworkflow",
    }
}

impl NodeType {
    /// The type of a node's settings.
    #[must_use]
    pub const fn of(kind: &NodeKind) -> Self {
        match kind {
            NodeKind::AgentCall(_) => Self::AgentCall,
            NodeKind::Condition(_) => Self::Condition,
            NodeKind::HumanApproval(_) => Self::HumanApproval,
            NodeKind::ParallelGroup(_) => Self::ParallelGroup,
            NodeKind::Loop(_) => Self::Loop,
            NodeKind::Subworkflow(_) => Self::Subworkflow,
        }
    }
}

words! {
    /// Status of a node (language reference, section 6).
    NodeStatus("node status") {
        /// Its join has not been decided, or it is queued.
        Pending = "pending",
        /// An attempt is in flight, or its members or its child execution run.
        Running = "running",
        /// It waits for a person, a timer or an open breaker.
        Waiting = "waiting",
        /// It has an output.
        Completed = "completed",
        /// Its last attempt failed.
        Failed = "failed",
        /// It will not run.
        Skipped = "skipped",
        /// The execution ended before it did.
        Cancelled = "cancelled",
    }
}

impl NodeStatus {
    /// Whether nothing changes this node any more.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled
        )
    }

    /// Whether a node of this status may get that one next.
    ///
    /// Only a node around it that is tried again takes a settled node back to pending, and never a completed one.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending | Self::Waiting | Self::Running => !matches!(next, Self::Pending),
            Self::Failed | Self::Skipped | Self::Cancelled => matches!(next, Self::Pending),
            Self::Completed => false,
        }
    }
}

words! {
    /// Status of an execution (language reference, section 6).
    ExecutionStatus("execution status") {
        /// Recorded, not begun.
        Pending = "pending",
        /// Nodes run or may run.
        Running = "running",
        /// Nothing new starts.
        Paused = "paused",
        /// A cancel was recorded; calls in flight are being aborted.
        Cancelling = "cancelling",
        /// Every node settled and no failure was left unhandled.
        Completed = "completed",
        /// A failure was left unhandled, or a limit was reached.
        Failed = "failed",
        /// Someone cancelled it.
        Cancelled = "cancelled",
    }
}

impl ExecutionStatus {
    /// Whether nothing changes this execution any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Whether an execution of this status may get that one next.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Running),
            Self::Running => !matches!(next, Self::Pending | Self::Running),
            Self::Paused => matches!(
                next,
                Self::Running | Self::Cancelling | Self::Failed | Self::Cancelled
            ),
            Self::Cancelling => matches!(next, Self::Cancelled),
            Self::Completed | Self::Failed | Self::Cancelled => false,
        }
    }
}

words! {
    /// Why an execution is paused.
    PauseReason("pause reason") {
        /// Someone asked for it.
        User = "user",
        /// Nothing can go on until a person answers.
        Approval = "approval",
        /// The budget is exhausted and `on_budget` is `pause`.
        Budget = "budget",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settled_node_only_ever_becomes_pending_and_a_completed_one_not_even_that() {
        for from in NodeStatus::ALL.iter().filter(|status| status.is_settled()) {
            for to in NodeStatus::ALL {
                let again = *from != NodeStatus::Completed && *to == NodeStatus::Pending;
                assert_eq!(from.may_become(*to), again, "{from} -> {to}");
            }
        }
    }

    #[test]
    fn a_terminal_execution_never_changes() {
        for from in ExecutionStatus::ALL.iter().filter(|status| status.is_terminal()) {
            for to in ExecutionStatus::ALL {
                assert!(!from.may_become(*to), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn words_are_read_back_as_written() {
        for status in NodeStatus::ALL {
            assert_eq!(status.as_str().parse::<NodeStatus>(), Ok(*status));
        }
        assert!("exploded".parse::<ExecutionStatus>().is_err());
    }
}
