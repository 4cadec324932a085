//! The limits of the language, each with its name and its reason.
//!
//! Sections are those of the workflow language reference.

use std::time::Duration;

use agentchains_cost::Usd;

/// Levels that JSON may be nested (section 10).
pub const MAX_DEPTH: usize = 128;
/// Nodes of one workflow (section 1).
pub const MAX_NODES: usize = 10_000;
/// Edges of one workflow, those of `depends_on` and `on_error` included (section 1).
pub const MAX_EDGES: usize = 100_000;
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
