//! The limits of the language, each with its name and its reason.
//!
//! Sections are those of the workflow language reference.

use std::time::Duration;

use agentchains_cost::Usd;
use serde::{Deserialize, Serialize};

use crate::value::Json;

/// The limits that whoever runs the engine may set (section 10). What goes over one is refused by a message that gives
/// its name, which is the field's.
///
/// ```
/// use agentchains_workflow::{Code, Limits, check_within};
///
/// let limits = Limits { max_nodes: 1, ..Limits::default() };
/// let text = r#"{"name": "two", "nodes": [
///     {"id": "a", "type": "human_approval"}, {"id": "b", "type": "human_approval"}]}"#;
/// let found = check_within(text, limits).diagnostics;
/// let error = found.errors().next().ok_or("one node too many is an error")?;
/// assert_eq!(error.code, Code::TooManyNodes);
/// assert!(error.message.contains("max_nodes"));
///
/// let shallow = Limits { max_json_depth: 2, ..Limits::default() };
/// let found = check_within(text, shallow).diagnostics;
/// assert!(found.errors().any(|error| error.code == Code::TooDeep));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Nodes of one workflow, nested ones included.
    pub max_nodes: usize,
    /// Edges of one workflow, those of `depends_on`, branches and `on_error` included.
    pub max_edges: usize,
    /// Items that a group runs over.
    pub max_items: usize,
    /// Iterations of one loop.
    pub max_iterations: u32,
    /// Node runs of one execution: those of every iteration and item count.
    pub max_node_runs: usize,
    /// Executions inside of each other.
    pub max_subworkflow_depth: u32,
    /// Executions of one tree: a root with everything below it.
    pub max_executions: u64,
    /// Bytes of one value as compact JSON: an input, an output, what a template renders to.
    pub max_value_bytes: usize,
    /// Levels that JSON may be nested; at most [`MAX_DEPTH`].
    pub max_json_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_nodes: MAX_NODES,
            max_edges: MAX_EDGES,
            max_items: MAX_ITERATIONS as usize,
            max_iterations: MAX_ITERATIONS,
            max_node_runs: 100_000,
            max_subworkflow_depth: 16,
            max_executions: 10_000,
            max_value_bytes: MAX_VALUE_BYTES,
            max_json_depth: MAX_DEPTH,
        }
    }
}

impl Limits {
    /// Why a value is none that may be kept, if it is not: it is too large, or nested too deep.
    #[must_use]
    pub fn excess(&self, value: &Json) -> Option<String> {
        if value.as_str().len() > self.max_value_bytes {
            let most = self.max_value_bytes;
            return Some(format!("it has more than {most} bytes (max_value_bytes)"));
        }
        let most = self.max_json_depth.min(MAX_DEPTH);
        (value.depth() > most).then(|| format!("it is nested more than {most} levels deep (max_json_depth)"))
    }

    /// The same for a document that was accepted under other limits: what it holds is not counted again.
    #[must_use]
    pub fn for_accepted_documents(self) -> Self {
        Self {
            max_nodes: usize::MAX,
            max_edges: usize::MAX,
            max_iterations: u32::MAX,
            max_json_depth: MAX_DEPTH,
            ..self
        }
    }
}

/// Levels that JSON may be nested (section 10).
pub const MAX_DEPTH: usize = 128;
/// Nodes of one workflow (section 1).
pub const MAX_NODES: usize = 10_000;
/// Edges of one workflow, those of `depends_on` and `on_error` included (section 1).
pub const MAX_EDGES: usize = 100_000;
/// Groups and loops around each other: more than fit into the levels that JSON may be nested, and few enough to walk
/// outwards from every node.
pub const MAX_SCOPE_DEPTH: usize = 64;
/// Iterations of a loop, and items that a loop or a group runs for (section 7).
pub const MAX_ITERATIONS: u32 = 10_000;
/// Characters of a workflow's or node's name (section 1), of an agent's id and of an approver.
pub const MAX_NAME_CHARS: usize = 200;
/// Characters of an address that a node gives instead of an agent.
pub const MAX_URL_CHARS: usize = 2_000;
/// Characters of a description (section 1).
pub const MAX_DESCRIPTION_CHARS: usize = 10_000;
/// Characters of an action's label.
pub const MAX_LABEL_CHARS: usize = 100;
/// Actions that one approval may offer: more than a person can choose from.
pub const MAX_ACTIONS: usize = 50;
/// Approvers that one approval may name.
pub const MAX_APPROVERS: usize = 1_000;
/// Attempts in flight at once that an execution may ask for.
pub const MAX_CONCURRENCY: u32 = 10_000;
/// Attempts that a retry policy may ask for.
pub const MAX_ATTEMPTS: u32 = 1_000;
/// The steepest growth of retry delays.
pub const MAX_MULTIPLIER: f64 = 100.0;
/// The longest wait: ten years, far from where due times in microseconds overflow.
pub const MAX_DURATION: Duration = Duration::from_secs(3_650 * 24 * 3_600);
/// The largest amount of money in a document, a million USD: up to it, nine decimals survive in a JSON number.
pub const MAX_USD: Usd = Usd::from_nanos(1_000_000 * 1_000_000_000);
/// Bytes of one value, rendered templates included (section 10).
pub const MAX_VALUE_BYTES: usize = 8 << 20;
/// Bytes of one expression, in a condition or inside `{{ }}`.
pub const MAX_EXPRESSION_BYTES: usize = 1_024;
/// Operators, filters and separators of one template expression.
pub const MAX_EXPRESSION_OPERATORS: usize = 64;
/// Brackets open at once in one template expression.
pub const MAX_EXPRESSION_DEPTH: usize = 16;
/// Brackets open at once in one expression of a condition.
pub const MAX_BRACKET_DEPTH: usize = 32;
/// Filters around each other in one expression of a condition.
pub const MAX_FILTER_DEPTH: usize = 4;
/// Steps that deciding one condition may take; about one for each value that is looked at.
pub const MAX_CONDITION_STEPS: usize = 10_000_000;
/// Cases that one condition may have.
pub const MAX_CASES: usize = 100;
/// Steps of one template expression's evaluation; the evaluator counts 64 bytes of text as one.
pub const EXPRESSION_FUEL: u64 = 50_000;
/// Bytes of input that all expressions of one template may read together when it is rendered.
pub const MAX_RENDER_WORK: usize = 64 << 20;
/// JSON values that a schema may consist of once every `$ref` is replaced by what it names.
pub const MAX_SCHEMA_SIZE: u64 = 100_000;
/// Errors, and warnings, that are reported of one document.
pub const MAX_ERRORS: usize = 1_000;
