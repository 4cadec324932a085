//! The document that expressions see, as templates ask for its parts.

use serde::Deserialize;

use crate::value::Json;

/// The document that expressions see (section 2).
pub trait Scope {
    /// The execution's input.
    fn input(&self) -> Json;

    /// A settled upstream node.
    ///
    /// `None` where the node was skipped or has not settled: a reference to it counts as missing.
    fn node(&self, id: &str) -> Option<SettledNode>;

    /// The object `{"id", "workflow_id", "version", "started_at"}` of the execution.
    fn execution(&self) -> Json;

    /// The item of the body that runs over items; `None` outside of one.
    fn item(&self) -> Option<Json> {
        None
    }

    /// A member of `loop`; `None` outside of a body, and where there is none yet.
    fn loop_field(&self, _field: LoopField) -> Option<Json> {
        None
    }
}

/// What expressions see of a node that has completed or failed (section 2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SettledNode {
    /// Its status, a text.
    pub status: Json,
    /// Its output; null where it failed.
    pub output: Json,
    /// Its error; null where it has none.
    pub error: Json,
    /// What it cost, in USD.
    pub cost: Json,
    /// Attempts that were made.
    pub attempt: Json,
}

impl SettledNode {
    /// The names of the members.
    pub(crate) const MEMBERS: [&str; 5] = ["status", "output", "error", "cost", "attempt"];

    /// The member with that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json> {
        match name {
            "status" => Some(&self.status),
            "output" => Some(&self.output),
            "error" => Some(&self.error),
            "cost" => Some(&self.cost),
            "attempt" => Some(&self.attempt),
            _ => None,
        }
    }

    /// The object of all members.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Self::MEMBERS
            .into_iter()
            .filter_map(|name| Some((name, self.member(name)?.clone())))
            .collect()
    }
}

/// A member of `loop` (section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoopField {
    /// The number of the iteration or item, counted from 0.
    Index,
    /// The output of the iteration before.
    Last,
    /// The outputs of all iterations before.
    Results,
}

impl LoopField {
    pub(crate) const ALL: [Self; 3] = [Self::Index, Self::Last, Self::Results];

    /// The name in templates and expressions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Last => "last",
            Self::Results => "results",
        }
    }

    /// The member with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}
