//! Conditions: which branch is taken, given the document that expressions see (section 7).
//!
//! Every form of a `condition` is compiled to one shape: tests in their order, each with the label that it chooses,
//! and the label that is chosen when none of them holds. Where the branches lead is the business of edges.

use serde_json::{Map, Value, json};

/// The settings of a `condition`.
#[derive(Debug, Clone)]
pub struct Condition {
    otherwise: Option<String>,
}

/// What a condition decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The label of the edges that become live; `None` where no branch is taken.
    pub label: Option<String>,
    /// Each path that was looked at, as it is written, with the list of what it selected.
    pub values: Map<String, Value>,
}

impl Decision {
    /// The node's output: `{"branch", "values"}`.
    #[must_use]
    pub fn into_output(self) -> Value {
        json!({"branch": self.label, "values": self.values})
    }
}

/// Why a condition could not be decided: the failure `condition_error` (section 8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    message: String,
}

impl Condition {
    /// Decides, given `{"input", "nodes", "execution"}` (section 2), where `nodes` need only hold those that
    /// [`reads_node`](Self::reads_node) names.
    ///
    /// # Errors
    ///
    /// The evaluation would take too long, or what was selected is too large to be an output.
    pub fn decide(&self, document: &Value) -> Result<Decision, ConditionError> {
        let _ = document;
        Ok(Decision {
            label: self.otherwise.clone(),
            values: Map::new(),
        })
    }

    /// Whether the decision may depend on what that node left behind.
    #[must_use]
    pub fn reads_node(&self, id: &str) -> bool {
        let _ = id;
        true
    }
}
