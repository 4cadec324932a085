//! What a workflow is: its document, what is wrong with one, the compiled graph, templates and conditions.
//!
//! [`check`] is the only way in: it takes the text of a document and answers with everything that is wrong with it,
//! each finding with a stable code and its place in the text, or with the [`Compiled`] workflow. A document of the
//! older form, with `graph_json`, is converted on the way; [`import()`] answers with what it became. The crate is pure:
//! it knows no executions, no agents and no time.
//!
//! ```
//! use agentchains_workflow::{Code, check};
//!
//! let text = r#"{
//!   "name": "Digest",
//!   "nodes": [
//!     {"id": "search", "type": "agent_call", "agent_id": "web", "config": {"query": "{{input.topic}}"}},
//!     {"id": "review", "type": "human_approval", "depends_on": ["search"]}
//!   ]
//! }"#;
//! let workflow = check(text).workflow.ok_or("a valid document compiles")?;
//! let layers: Vec<usize> = workflow.graph().layers().iter().map(Vec::len).collect();
//! assert_eq!(layers, [1, 1]);
//!
//! let found = check(&text.replace("[\"search\"]", "[\"serch\"]")).diagnostics;
//! let error = found.errors().next().ok_or("an unknown dependency is an error")?;
//! assert_eq!((error.code, error.line), (Code::UnknownDependency, Some(5)));
//! assert_eq!(error.hint.as_deref(), Some("did you mean `search`?"));
//! # Ok::<(), &str>(())
//! ```

mod barriers;
pub mod canonical;
mod compiled;
pub mod composite;
pub mod condition;
mod cycle;
mod decode;
pub mod diagnostic;
pub mod document;
mod document_schema;
mod duration;
mod edges;
mod expression;
pub mod graph;
mod import;
mod json;
mod layout;
pub mod limits;
mod nesting;
mod picture;
mod places;
mod reachability;
mod references;
mod report;
pub mod schema;
mod size;
pub mod template;
mod tree;
mod value;
mod wiring;

pub use canonical::canonical_json;
pub use compiled::{Checked, Compiled, check, check_within};
pub use composite::{
    FanOut, Loop, OnExhausted, OnItemError, ParallelGroup, Repeat, ScopeIndex, Subworkflow, Tolerance,
};
pub use condition::{Condition, ConditionError, Decision, Predicate, Reach};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Severity};
pub use document::{
    AgentCall, HumanApproval, Jitter, Join, Node, NodeKind, OnBudget, OnError, OnFailure, OnTimeout,
    OnUnknown, Retry, Scheduling, Settings, UnknownCost,
};
pub use document_schema::{WorkflowDocument, document_schema};
pub use duration::{InvalidDuration, parse_duration};
pub use graph::{EdgeIndex, EdgeRef, Graph, NodeIndex, When};
pub use import::import;
pub use limits::Limits;
pub use picture::{PictureFormat, UnknownPictureFormat};
pub use places::{Place, Places};
pub use schema::{Schema, SchemaMismatch};
pub use template::{
    LoopField, ReferenceKind, References, RenderError, RenderErrorCode, Scope, SettledNode, Template,
};
pub use value::Json;
