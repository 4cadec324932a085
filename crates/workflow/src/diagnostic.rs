//! What a document's author is told: [`Diagnostic`]s with stable [`Code`]s.
//!
//! Owns the vocabulary and its wire form. It finds nothing itself, and knows no document.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::limits;

/// Whether a finding refuses the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is taken; its author should look.
    Warning,
}

/// Declares the codes, each once: its documentation, its variant and its name.
macro_rules! codes {
    ($($(#[$doc:meta])+ $code:ident = $name:literal,)+) => {
        /// The kind of a finding; names are stable and documented (language page, section 3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])+ $code,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The name in the API and on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }
        }
    };
}

codes! {
    /// A branch that leads to something that is no node of the same scope.
    BranchNotSuccessor = "branch_not_successor",
    /// A successor of a condition that no branch names: it runs whatever is decided (warning).
    BranchUnconditional = "branch_unconditional",
    /// The dependencies lead back to where they began.
    CycleDetected = "cycle_detected",
    /// An edge, or a member that is named, from one group, loop or workflow to another.
    DependencyCrossesScope = "dependency_crosses_scope",
    /// The same edge is written more than once, or the same member named.
    DuplicateDependency = "duplicate_dependency",
    /// One object has a key twice.
    DuplicateKey = "duplicate_key",
    /// Two nodes have the same id, or ids that differ only by case.
    DuplicateNodeId = "duplicate_node_id",
    /// A group has no members.
    EmptyGroup = "empty_group",
    /// A loop has no body.
    EmptyLoop = "empty_loop",
    /// The workflow has no nodes.
    EmptyWorkflow = "empty_workflow",
    /// An expression has too many operators, is nested too deep or would take too long to evaluate.
    ExpressionTooComplex = "expression_too_complex",
    /// An expression is too long.
    ExpressionTooLong = "expression_too_long",
    /// A condition's expression that is not written as expressions are (RFC 9535).
    InvalidExpression = "invalid_expression",
    /// The text is not JSON (RFC 8259).
    InvalidJson = "invalid_json",
    /// A node's id is not spelled as ids are.
    InvalidNodeId = "invalid_node_id",
    /// A JSON Schema that is not one.
    InvalidSchema = "invalid_schema",
    /// A template that is not written as templates are.
    InvalidTemplate = "invalid_template",
    /// The type is right, the value is not.
    InvalidValue = "invalid_value",
    /// A join that asks for more in-edges than the node has.
    JoinNeverFires = "join_never_fires",
    /// A person's decision holds up nodes that do not need it, because layers are barriers (warning).
    LayeredBarrier = "layered_barrier",
    /// A loop that waits for a condition, without a limit.
    LoopUnbounded = "loop_unbounded",
    /// A required field is absent.
    MissingField = "missing_field",
    /// A referenced node may have been skipped, and no default is given (warning).
    ReferenceMayBeSkipped = "reference_may_be_skipped",
    /// A template or condition refers to a node that does not come before.
    ReferenceNotUpstream = "reference_not_upstream",
    /// A node's id is a word that expressions use.
    ReservedNodeId = "reserved_node_id",
    /// A JSON Schema refers to something outside of itself.
    SchemaRemoteRef = "schema_remote_ref",
    /// A JSON Schema that would take too long to apply.
    SchemaTooComplex = "schema_too_complex",
    /// A secret in data that agents, people or callers see.
    SecretNotAllowedHere = "secret_not_allowed_here",
    /// A workflow that starts itself, directly or through others (found by those who know the workflows).
    SubworkflowRecursion = "subworkflow_recursion",
    /// The JSON, or groups and loops inside of each other, are nested too deep.
    TooDeep = "too_deep",
    /// More edges than a workflow may have.
    TooManyEdges = "too_many_edges",
    /// More nodes than a workflow may have.
    TooManyNodes = "too_many_nodes",
    /// The budget cannot bound what a node costs (warning, found by those who know the agents).
    UnboundedCost = "unbounded_cost",
    /// No outcome of any condition lets the node run (warning).
    UnreachableNode = "unreachable_node",
    /// An agent that is not registered (warning, found by those who know the agents).
    UnknownAgent = "unknown_agent",
    /// An edge from or to a node that does not exist.
    UnknownDependency = "unknown_dependency",
    /// A field that does not exist at this place.
    UnknownField = "unknown_field",
    /// A node type that does not exist.
    UnknownNodeType = "unknown_node_type",
    /// A template or condition refers to something that does not exist.
    UnknownReference = "unknown_reference",
    /// A workflow that is not stored (warning, found by those who know the workflows).
    UnknownWorkflow = "unknown_workflow",
    /// A text or list is longer than it may be.
    ValueTooLong = "value_too_long",
    /// A value of another JSON type than expected.
    WrongType = "wrong_type",
}

impl Code {
    /// Whether a finding of this kind refuses the document.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::BranchUnconditional
            | Self::LayeredBarrier
            | Self::ReferenceMayBeSkipped
            | Self::UnboundedCost
            | Self::UnknownAgent
            | Self::UnknownWorkflow
            | Self::UnreachableNode => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One finding about a document.
///
/// Serialized as a member of the API's `errors` and `warnings`; which of the two says the severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnostic {
    /// Whether the document is refused because of it.
    #[serde(skip)]
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// Where: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The line, counted from 1, where the text is known.
    pub line: Option<u32>,
    /// The column in characters, counted from 1, where the text is known.
    pub column: Option<u32>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it, where that can be said.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A finding whose place in the text is not known.
    #[must_use]
    pub fn new(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity(),
            code,
            pointer: pointer.into(),
            line: None,
            column: None,
            message: message.into(),
            hint: None,
        }
    }
}

/// The findings about one document, in the order of the document.
///
/// At most [`limits::MAX_ERRORS`] errors and as many warnings are kept; [`omitted`](Self::omitted) counts the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// All findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The findings that refuse the document.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(|found| found.severity == Severity::Error)
    }

    /// The findings that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list
            .iter()
            .filter(|found| found.severity == Severity::Warning)
    }

    /// Whether there is a finding that refuses the document.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Findings beyond the limit, which were counted but not kept.
    #[must_use]
    pub fn omitted(&self) -> usize {
        (self.errors + self.warnings).saturating_sub(self.list.len())
    }

    /// Counts a finding, and says whether there is room to keep it.
    pub(crate) fn count(&mut self, severity: Severity) -> bool {
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count = count.saturating_add(1);
        *count <= limits::MAX_ERRORS
    }

    /// Keeps a finding that was counted.
    pub(crate) fn keep(&mut self, found: Diagnostic) {
        self.list.push(found);
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "DiagnosticCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|code| code.as_str()).collect();
        json_schema!({"type": "string", "enum": names})
    }
}
