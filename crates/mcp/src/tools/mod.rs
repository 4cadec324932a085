//! The tools, each with its schemas and the right that it needs.

mod approvals;
mod workflows;

use std::sync::Arc;

use agentchains_engine::{Caller, Engine, machine::ExecutionRow, ports::Right};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{McpServer, outcome::ToolError, waiting::Waiting};

/// The tools that are offered; those that decide for people only where that is allowed.
pub(crate) fn all(approvals: bool) -> Vec<Tool> {
    let mut tools = vec![
        workflows::execute_tool(),
        workflows::status_tool(),
        workflows::list_tool(),
        workflows::cancel_tool(),
        approvals::list_tool(),
    ];
    if approvals {
        tools.push(approvals::decide_tool());
    }
    tools
}

/// What a tool gives.
pub(crate) enum Called {
    /// An execution, as it stands.
    Execution {
        row: Box<ExecutionRow>,
        /// Whether the client may be asked what the execution asks people.
        asks: bool,
    },
    /// Anything else.
    Value(Value),
}

impl Called {
    fn execution(row: ExecutionRow, asks: bool) -> Self {
        Self::Execution {
            row: Box::new(row),
            asks,
        }
    }
}

/// Calls a tool. `None` where there is none of that name.
pub(crate) async fn call(
    server: &McpServer,
    caller: &Caller,
    name: &str,
    arguments: JsonObject,
    waiting: &Waiting<'_>,
) -> Option<Result<Called, ToolError>> {
    let right = match name {
        "workflow_status" | "workflow_list" | "approvals_list" => Right::Read,
        "workflow_execute" | "workflow_cancel" => Right::Run,
        "approval_decide" if server.approvals => Right::Decide,
        _ => return None,
    };
    if !caller.may(right) {
        let message = format!("this key may not use {name}; ask for one with another role");
        return Some(Err(ToolError::new(message)));
    }
    Some(carry_out(&server.engine, caller, name, arguments, waiting).await)
}

async fn carry_out(
    engine: &Engine,
    caller: &Caller,
    name: &str,
    arguments: JsonObject,
    waiting: &Waiting<'_>,
) -> Result<Called, ToolError> {
    match name {
        "workflow_execute" => workflows::execute(engine, caller, read(arguments)?, waiting).await,
        "workflow_status" => workflows::status(engine, caller, read(arguments)?, waiting).await,
        "workflow_cancel" => workflows::cancel(engine, caller, read(arguments)?).await,
        "workflow_list" => workflows::list(engine, caller, read(arguments)?)
            .await
            .map(Called::Value),
        "approvals_list" => approvals::list(engine, caller, read(arguments)?)
            .await
            .map(Called::Value),
        _ => approvals::decide(engine, caller, read(arguments)?)
            .await
            .map(Called::Value),
    }
}

fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, ToolError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ToolError::new(format!("the arguments do not fit the tool's schema: {error}")))
}

/// A tool with schemas that are written as JSON.
fn tool(
    name: &'static str,
    description: &'static str,
    input: Value,
    output: Value,
    annotations: ToolAnnotations,
) -> Tool {
    Tool::new(name, description, object(input))
        .with_raw_output_schema(object(output))
        .annotate(annotations)
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}
