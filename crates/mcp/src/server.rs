//! The protocol's requests, and who makes them.

use std::borrow::Cow;

use agentchains_engine::Caller;
use rmcp::{
    ErrorData, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, InitializeResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, Tool,
    },
    service::{RequestContext, RoleServer},
};

use crate::{McpServer, outcome::IntoResult as _, resources, tools, waiting::Progress};

/// What a model is told about the server.
const INSTRUCTIONS: &str = "Runs workflows of AI agents. workflow_list names them; workflow_execute starts one and waits a \
                            while for its end; workflow_status says how an execution stands, what it gave and what it cost.";

/// Serves one client.
pub(crate) struct Tools {
    pub(crate) server: McpServer,
    /// Who asks, where all requests are those of one person.
    caller: Option<Caller>,
}

impl Tools {
    pub(crate) const fn new(server: McpServer, caller: Option<Caller>) -> Self {
        Self { server, caller }
    }

    fn caller(&self, context: &RequestContext<RoleServer>) -> Caller {
        let of_request = || {
            let request = context.extensions.get::<http::request::Parts>()?;
            request.extensions.get::<Caller>().cloned()
        };
        let known = self.caller.clone().or_else(of_request);
        known.unwrap_or_else(Caller::anonymous)
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> InitializeResult {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .build();
        InitializeResult::new(capabilities)
            .with_server_info(Implementation::new("agentchains", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all(self.server.approvals)))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all(self.server.approvals)
            .into_iter()
            .find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(&context);
        let progress = Progress::of(&context);
        let arguments = request.arguments.unwrap_or_default();
        let called = tools::call(&self.server, &caller, &request.name, arguments, &progress).await;
        match called {
            Some(outcome) => Ok(outcome.into_result().into()),
            None => Err(ErrorData::invalid_params(
                Cow::Owned(format!(
                    "there is no tool {:?}; tools/list names them",
                    request.name
                )),
                None,
            )),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        resources::list(&self.server.engine, &self.caller(&context), cursor).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let caller = self.caller(&context);
        let read = resources::read(&self.server.engine, &caller, &request.uri).await?;
        Ok(read.into())
    }
}
