//! Nodes that stand for others: groups, loops and sub-workflows (language reference, section 7).
//!
//! Plain data, as the rest of the document. The members of a group or a loop are the nodes of a scope of their own,
//! which [`Compiled::scope`](crate::Compiled::scope) gives.

use std::num::NonZeroU32;

use schemars::JsonSchema;

use crate::{condition::Predicate, template::Template};

/// Position of a scope among those of a workflow: the workflow's own nodes, or the members of a group or loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeIndex(u32);

impl ScopeIndex {
    /// The workflow's own nodes.
    pub const TOP: Self = Self(0);

    pub(crate) fn new(position: usize) -> Self {
        // There are fewer scopes than nodes, and those are bounded by `limits::MAX_NODES`.
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// The position, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The settings of a `parallel_group`.
#[derive(Debug, Clone)]
pub struct ParallelGroup {
    /// What runs concurrently.
    pub fan_out: FanOut,
    /// Members, or bodies, that run at once; absent: all.
    pub max_concurrency: Option<NonZeroU32>,
    /// How many must succeed; absent: all.
    pub at_least: Option<NonZeroU32>,
    /// What a member's failure does.
    pub on_item_error: OnItemError,
}

/// What a group runs concurrently.
#[derive(Debug, Clone)]
pub enum FanOut {
    /// The nodes of a scope, each once.
    Members(ScopeIndex),
    /// A scope, once for each item.
    Items {
        /// Renders to an array.
        items: Template,
        /// What runs for each of its items.
        body: ScopeIndex,
    },
}

/// What the failure of a group's member or item does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnItemError {
    /// The group fails.
    Fail,
    /// Its result is null, for so many of them; one more fails the group.
    Null(Tolerance),
}

/// How many failures a group bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// Any number.
    All,
    /// That many.
    Count(u32),
    /// So many of a million members or items, rounded down: 100,000 for 10%.
    PartsPerMillion(u32),
}

impl Tolerance {
    /// The number of failures among `total` that are borne.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::All => total,
            Self::Count(count) => count,
            Self::PartsPerMillion(parts) => {
                let borne = u64::from(total) * u64::from(parts) / 1_000_000;
                u32::try_from(borne).unwrap_or(u32::MAX)
            }
        }
    }
}

/// The settings of a `loop`.
#[derive(Debug, Clone)]
pub struct Loop {
    /// What is repeated.
    pub body: ScopeIndex,
    /// For how long.
    pub repeat: Repeat,
    /// Iterations at the most; with items, the number of items at the most.
    pub max_iterations: NonZeroU32,
    /// What happens when that many were made and the condition still does not end the loop.
    pub on_exhausted: OnExhausted,
}

/// For how long a loop goes on.
#[derive(Debug, Clone)]
pub enum Repeat {
    /// Until this holds after an iteration.
    Until(Predicate),
    /// As long as this holds before an iteration.
    While(Predicate),
    /// Once for each item of what this renders to, one after the other.
    Items(Template),
}

/// What a loop does when its iterations are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum OnExhausted {
    /// It fails with `loop_exhausted`.
    #[default]
    Fail,
    /// It completes with what it has.
    Complete,
}

/// The settings of a `subworkflow`.
#[derive(Debug, Clone)]
pub struct Subworkflow {
    /// The id or the name of the workflow that is started.
    pub workflow: String,
    /// The version; absent: the latest when it is started.
    pub version: Option<NonZeroU32>,
    /// The child's input; absent: the execution's input with each live predecessor's output under its id.
    pub input: Option<Template>,
    /// Whether the node waits for the child's end.
    pub wait: bool,
}
