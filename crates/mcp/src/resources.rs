//! Workflows as resources: the documents that a model may read before it runs one.

use agentchains_engine::{
    Caller, Engine, EngineError,
    machine::WorkflowId,
    ports::{PageRequest, Right, WorkflowFilter},
};
use rmcp::{
    ErrorData,
    model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};

/// What the addresses of workflows begin with.
const WORKFLOWS: &str = "agentchains://workflows/";

const MEDIA_TYPE: &str = "application/json";

/// Resources in one part of the list.
const PAGE: u32 = 100;

/// The active workflows.
pub(crate) async fn list(
    engine: &Engine,
    caller: &Caller,
    cursor: Option<String>,
) -> Result<ListResourcesResult, ErrorData> {
    demand_read(caller)?;
    let filter = WorkflowFilter {
        archived: Some(false),
        ..WorkflowFilter::default()
    };
    let page = PageRequest { limit: PAGE, cursor };
    let found = engine
        .workflows(caller, &filter, &page)
        .await
        .map_err(protocol_error)?;
    let resources = found.items.into_iter().map(|record| {
        let resource =
            Resource::new(format!("{WORKFLOWS}{}", record.id), record.name).with_mime_type(MEDIA_TYPE);
        match record.description {
            Some(description) => resource.with_description(description),
            None => resource,
        }
    });
    let mut listed = ListResourcesResult::with_all_items(resources.collect());
    listed.next_cursor = found.next_cursor;
    Ok(listed)
}

/// How the addresses are formed.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    let template = ResourceTemplate::new(format!("{WORKFLOWS}{{workflow_id}}"), "workflow")
        .with_description("The document of a workflow, in its latest version")
        .with_mime_type(MEDIA_TYPE);
    vec![template]
}

/// A workflow's document.
pub(crate) async fn read(
    engine: &Engine,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    demand_read(caller)?;
    let id = uri
        .strip_prefix(WORKFLOWS)
        .and_then(|id| id.parse::<WorkflowId>().ok());
    let absent = || ErrorData::resource_not_found(format!("there is no resource {uri:?}"), None);
    let view = match engine.workflow(caller, id.ok_or_else(absent)?, None).await {
        Ok(view) => view,
        Err(EngineError::NotFound { .. }) => return Err(absent()),
        Err(error) => return Err(protocol_error(error)),
    };
    let document = view.workflow.document().to_string();
    let contents = ResourceContents::text(document, uri).with_mime_type(MEDIA_TYPE);
    Ok(ReadResourceResult::new(vec![contents]))
}

fn demand_read(caller: &Caller) -> Result<(), ErrorData> {
    if caller.may(Right::Read) {
        return Ok(());
    }
    Err(ErrorData::invalid_request("this key may not read", None))
}

fn protocol_error(error: EngineError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
