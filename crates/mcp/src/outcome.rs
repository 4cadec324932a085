//! How a tool's call ends: with a value, or with a sentence that a model can act on.

use agentchains_engine::{EngineError, ports::StoreError};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::Value;

/// The end of a tool's call.
pub(crate) type Outcome = Result<Value, ToolError>;

/// Why a tool did not do what it was called for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ToolError(String);

impl ToolError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<EngineError> for ToolError {
    fn from(error: EngineError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for ToolError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// A value as a tool gives it.
pub(crate) fn value(of: &impl Serialize) -> Outcome {
    serde_json::to_value(of).map_err(|error| ToolError(error.to_string()))
}

/// The forms in which outcomes are told.
pub(crate) trait IntoResult {
    /// The value as structured content, and as text for clients that know no other.
    fn into_result(self) -> CallToolResult;
}

impl IntoResult for Outcome {
    fn into_result(self) -> CallToolResult {
        match self {
            Ok(value) => CallToolResult::structured(value),
            Err(ToolError(message)) => CallToolResult::error(vec![ContentBlock::text(message)]),
        }
    }
}
