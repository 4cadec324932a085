//! Why the server does not do what it is asked, and the table of how each binding says so (sections 5.4, 9.5 and 11.6 of
//! A2A).

use agentchains_engine::{EngineError, machine::Rejected, ports::StoreError};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// What stands in the errors' details as the one whose reasons they are.
const DOMAIN: &str = "a2a-protocol.org";

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    TaskNotFound,
    TaskNotCancelable,
    PushNotificationNotSupported,
    UnsupportedOperation,
    ContentTypeNotSupported,
    /// The same of the request's own body, which HTTP has a status for.
    MediaTypeNotSupported,
    /// The body is larger than any may be.
    TooLarge,
    VersionNotSupported,
    /// The body is no JSON.
    NotJson,
    /// The body is no request of JSON-RPC.
    InvalidRequest,
    MethodNotFound,
    InvalidParams,
    Internal,
    /// There is no agent at this address, or none for this caller.
    AgentNotFound,
    /// The caller may not do that.
    Forbidden,
    /// Not at the moment.
    Unavailable,
}

/// How the bindings tell a reason.
struct Row {
    reason: &'static str,
    /// The code of JSON-RPC. Where there is none, JSON-RPC is answered with the status of HTTP too.
    code: Option<i32>,
    http: StatusCode,
    /// The canonical code of `google.rpc`, by its name.
    status: &'static str,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct A2aError {
    pub(crate) reason: Reason,
    message: String,
    violations: Vec<Violation>,
}

/// A field of the request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Such as `message.parts`.
    pub(crate) field: String,
    pub(crate) description: String,
}

impl Reason {
    const fn row(self) -> Row {
        let (reason, code, http, status) = match self {
            Self::TaskNotFound => ("TASK_NOT_FOUND", Some(-32001), StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::TaskNotCancelable => precondition("TASK_NOT_CANCELABLE", -32002),
            Self::PushNotificationNotSupported => precondition("PUSH_NOTIFICATION_NOT_SUPPORTED", -32003),
            Self::UnsupportedOperation => precondition("UNSUPPORTED_OPERATION", -32004),
            Self::ContentTypeNotSupported => argument("CONTENT_TYPE_NOT_SUPPORTED", -32005),
            Self::MediaTypeNotSupported => (
                "CONTENT_TYPE_NOT_SUPPORTED",
                None,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "INVALID_ARGUMENT",
            ),
            Self::TooLarge => (
                "REQUEST_TOO_LARGE",
                None,
                StatusCode::PAYLOAD_TOO_LARGE,
                "INVALID_ARGUMENT",
            ),
            Self::VersionNotSupported => precondition("VERSION_NOT_SUPPORTED", -32009),
            Self::NotJson => argument("INVALID_JSON", -32700),
            Self::InvalidRequest => argument("INVALID_REQUEST", -32600),
            Self::MethodNotFound => (
                "METHOD_NOT_FOUND",
                Some(-32601),
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
            ),
            Self::InvalidParams => argument("INVALID_PARAMS", -32602),
            Self::Internal => (
                "INTERNAL",
                Some(-32603),
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
            ),
            Self::AgentNotFound => ("AGENT_NOT_FOUND", None, StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Forbidden => ("FORBIDDEN", None, StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::Unavailable => (
                "UNAVAILABLE",
                None,
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
            ),
        };
        Row {
            reason,
            code,
            http,
            status,
        }
    }
}

type Columns = (&'static str, Option<i32>, StatusCode, &'static str);

const fn precondition(reason: &'static str, code: i32) -> Columns {
    (reason, Some(code), StatusCode::BAD_REQUEST, "FAILED_PRECONDITION")
}

const fn argument(reason: &'static str, code: i32) -> Columns {
    (reason, Some(code), StatusCode::BAD_REQUEST, "INVALID_ARGUMENT")
}

impl A2aError {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            violations: Vec::new(),
        }
    }

    /// The request has these faults.
    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [only] => format!("{}: {}", only.field, only.description),
            several => format!("the request breaks {} rules", several.len()),
        };
        Self {
            violations,
            ..Self::new(Reason::InvalidParams, message)
        }
    }

    /// One field has a fault.
    pub(crate) fn field(field: &str, description: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(field, description)])
    }

    /// In the same words whether the task never existed, is another agent's or is another tenant's.
    pub(crate) fn task_not_found() -> Self {
        Self::new(Reason::TaskNotFound, "there is no such task")
    }

    /// In the same words whether there is no such workflow, it is not published, or it is another tenant's.
    pub(crate) fn agent_not_found() -> Self {
        Self::new(Reason::AgentNotFound, "there is no such agent")
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Reason::UnsupportedOperation, message)
    }

    /// The cause is for the log only.
    fn internal(error: &EngineError) -> Self {
        tracing::error!(%error, "a request over A2A could not be carried out");
        Self::new(
            Reason::Internal,
            "something went wrong on the server; its log says what",
        )
    }

    /// The status of an answer over HTTP+JSON.
    pub(crate) const fn http_status(&self) -> StatusCode {
        self.reason.row().http
    }

    /// The error object of JSON-RPC; `None` where the transport tells it.
    pub(crate) fn to_json_rpc(&self) -> Option<Value> {
        let code = self.reason.row().code?;
        Some(json!({"code": code, "message": self.message, "data": self.details()}))
    }

    /// The body of an answer over HTTP+JSON: a `google.rpc.Status`.
    pub(crate) fn to_rest(&self) -> Value {
        let row = self.reason.row();
        let error = json!({
            "code": row.http.as_u16(), "status": row.status, "message": self.message, "details": self.details(),
        });
        json!({ "error": error })
    }

    fn details(&self) -> Vec<Value> {
        let info = json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.reason.row().reason,
            "domain": DOMAIN,
            "metadata": {},
        });
        let mut details = vec![info];
        if !self.violations.is_empty() {
            let violations = self.violations.iter().map(Violation::to_json);
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": violations.collect::<Vec<_>>(),
            }));
        }
        details
    }
}

impl Violation {
    pub(crate) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }

    fn to_json(&self) -> Value {
        let mut violation = Map::new();
        violation.insert("field".to_owned(), self.field.as_str().into());
        violation.insert("description".to_owned(), self.description.as_str().into());
        violation.into()
    }
}

/// Exhaustive, so that an error which is added to the engine does not compile before it has its reason here.
impl From<EngineError> for A2aError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        let reason = match &error {
            EngineError::NotFound { .. } => return Self::task_not_found(),
            EngineError::Rejected(rejected) => of_rejected(rejected),
            EngineError::InputMismatch { .. }
            | EngineError::InputTooLarge { .. }
            | EngineError::IdempotencyKeyReused
            | EngineError::NoSuchNode { .. }
            | EngineError::ApprovalElsewhere { .. }
            | EngineError::Store(StoreError::Cursor(_)) => Reason::InvalidParams,
            EngineError::Archived { .. }
            | EngineError::Stale
            | EngineError::InvalidWorkflow(_)
            | EngineError::UnknownAgents { .. }
            | EngineError::UnknownWorkflows { .. }
            | EngineError::SubworkflowRing { .. }
            | EngineError::UnknownCost { .. }
            | EngineError::DryRun(_)
            | EngineError::ApprovalClosed { .. }
            | EngineError::NotTerminal { .. } => Reason::UnsupportedOperation,
            EngineError::ShuttingDown
            | EngineError::TakenOver
            | EngineError::StoreAway
            | EngineError::Store(StoreError::Unavailable(_)) => Reason::Unavailable,
            EngineError::Unreadable { .. } | EngineError::Store(StoreError::Corrupt { .. }) => {
                return Self::internal(&error);
            }
        };
        Self::new(reason, message)
    }
}

impl From<StoreError> for A2aError {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

const fn of_rejected(rejected: &Rejected) -> Reason {
    match rejected {
        Rejected::NotAnApprover { .. } | Rejected::MayNotDecide | Rejected::InitiatorMayNotDecide => {
            Reason::Forbidden
        }
        Rejected::UnknownAction { .. } | Rejected::FormMismatch { .. } | Rejected::ApprovalChanged { .. } => {
            Reason::InvalidParams
        }
        Rejected::Conflict { .. }
        | Rejected::SeveralApprovals { .. }
        | Rejected::NeedsDecision { .. }
        | Rejected::BudgetNotRaised { .. }
        | Rejected::ApprovalNotPending
        | Rejected::DecidedAlready { .. } => Reason::UnsupportedOperation,
    }
}
