//! The protocol's requests, and who makes them.

use std::{borrow::Cow, time::Duration};

use agentchains_engine::{
    Caller,
    machine::{ExecutionRow, PauseReason},
};
use rmcp::{
    ErrorData, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, GetTaskParams, GetTaskResult,
        Implementation, InitializeResult, InputRequests, InputRequiredResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, Tool, UpdateTaskParams,
    },
    service::{RequestContext, RoleServer},
};

use crate::{
    McpServer,
    asking::{self, Answers, Way},
    outcome::{IntoResult as _, Outcome, ToolError},
    resources, standing, tasks,
    tools::{self, Called},
    waiting::{Progress, Waiting, rested},
};

/// What a model is told about the server.
const INSTRUCTIONS: &str = "Runs workflows of AI agents. workflow_list names them; workflow_execute starts one and waits a \
                            while for its end; workflow_status says how an execution stands, what it gave and what it cost.";

/// How long an execution is waited for after an answer, before the client is told how it stands.
const AFTER_ANSWER: Duration = Duration::from_secs(30);

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

impl Tools {
    /// Calls a tool, after the person behind the client has answered what it was asked before. `None` where there is no
    /// such tool.
    async fn answered(
        &self,
        caller: &Caller,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<Result<CallToolResponse, ToolError>> {
        let way = asking::way(&self.server, caller, context);
        let answers = match Answers::of(&request, way.is_some()) {
            Ok(answers) => answers,
            Err(error) => return Some(Err(error)),
        };
        let capabilities = context.client_capabilities();
        let has_tasks = capabilities.is_some_and(|capabilities| capabilities.supports_tasks());
        let is_task = has_tasks
            && asking::is_newest(context)
            && answers.is_none()
            && request.name == "workflow_execute";
        let waiting = Waiting {
            progress: &Progress::of(context),
            answers,
            is_elsewhere: is_task,
        };
        let arguments = request.arguments.unwrap_or_default();
        let called = tools::call(&self.server, caller, &request.name, arguments, &waiting).await?;
        Some(match called {
            Ok(Called::Execution { row, .. }) if is_task => {
                Ok(tasks::created(&row, self.server.engine.now()))
            }
            Ok(Called::Execution { row, asks }) => match way.filter(|_| asks) {
                Some(Way::Result) => self.asked(caller, &row).await,
                Some(Way::Request) => self.asked_at_once(caller, *row, context).await,
                None => self.told(caller, &row).await,
            },
            Ok(Called::Value(value)) => Ok(Outcome::Ok(value).into_result().into()),
            Err(error) => Err(error),
        })
    }

    /// How an execution stands.
    async fn told(&self, caller: &Caller, row: &ExecutionRow) -> Result<CallToolResponse, ToolError> {
        let standing = standing::of(&self.server.engine, caller, row).await;
        Ok(standing.into_result().into())
    }

    /// What the person behind the client is to be asked before an execution goes on, or how it stands.
    async fn asked(&self, caller: &Caller, row: &ExecutionRow) -> Result<CallToolResponse, ToolError> {
        let requests = self.requests(caller, row).await?;
        if requests.is_empty() {
            return self.told(caller, row).await;
        }
        let state = row.id.to_string();
        Ok(InputRequiredResult::new(Some(requests), Some(state)).into())
    }

    /// How an execution stands after the person behind the client was asked, as often as it asks and they answer.
    async fn asked_at_once(
        &self,
        caller: &Caller,
        mut row: ExecutionRow,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ToolError> {
        let engine = &self.server.engine;
        let progress = Progress::of(context);
        loop {
            let requests = self.requests(caller, &row).await?;
            let count = requests.len();
            let responses = asking::ask(&context.peer, requests).await;
            let is_answered = count > 0 && responses.len() == count;
            let goes_on = asking::decide(engine, caller, row.id, &responses).await?;
            if !is_answered || !goes_on {
                return self.told(caller, &engine.execution(caller, row.id).await?).await;
            }
            row = rested(engine, caller, row.id, row.last_seq, AFTER_ANSWER, &progress).await?;
        }
    }

    /// The questions that an execution waits for and that the caller may decide.
    async fn requests(&self, caller: &Caller, row: &ExecutionRow) -> Result<InputRequests, ToolError> {
        if row.pause_reason != Some(PauseReason::Approval) {
            return Ok(InputRequests::new());
        }
        Ok(asking::requests(&self.server.engine, caller, row).await?)
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> InitializeResult {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .enable_tasks()
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
        let unknown = format!("there is no tool {:?}; tools/list names them", request.name);
        match self.answered(&caller, request, &context).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Ok(Outcome::Err(error).into_result().into()),
            None => Err(ErrorData::invalid_params(Cow::Owned(unknown), None)),
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let caller = self.caller(&context);
        let asks = asking::way(&self.server, &caller, &context) == Some(Way::Result);
        tasks::get(&self.server, &caller, &request.task_id, asks).await
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let caller = self.caller(&context);
        tasks::update(&self.server, &caller, &request.task_id, request.input_responses).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        tasks::cancel(&self.server, &self.caller(&context), &request.task_id).await
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
