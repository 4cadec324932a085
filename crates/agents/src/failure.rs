//! From what went wrong to what it means for an attempt: code, message, and whether another attempt may help
//! (language reference, section 8).

use agentchains_cost::{ReportedCost, Usage};
use agentchains_machine::{AttemptFailure, Call, FailureCode};
use agentchains_ports::CallOutcome;
use http::StatusCode;
use jiff::Timestamp;

use crate::{
    a2a::{RpcError, RpcErrorKind},
    error::CallError,
    net::TransportError,
};

/// How an attempt failed, before it is said which one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Classified {
    pub(crate) code: FailureCode,
    /// Completes `agent "x" …`.
    pub(crate) what: String,
    pub(crate) retryable: bool,
    pub(crate) retry_after: Option<Timestamp>,
    /// Whether the circuit breaker counts it.
    pub(crate) unhealthy: bool,
    /// Whether this exchange's request reached the agent, or may have.
    pub(crate) reached: bool,
    pub(crate) cost: ReportedCost,
    pub(crate) usage: Option<Usage>,
}

impl Classified {
    /// A failure that the agent itself states: it answered, and is well.
    pub(crate) fn stated(code: FailureCode, what: String, retryable: bool) -> Self {
        Self {
            code,
            what,
            retryable,
            retry_after: None,
            unhealthy: false,
            reached: true,
            cost: ReportedCost::Absent,
            usage: None,
        }
    }

    /// The outcome of this attempt.
    pub(crate) fn outcome(self, call: &Call) -> CallOutcome {
        let message = format!(
            "agent {:?} (attempt {}) {}",
            call.agent_id, call.attempt, self.what
        );
        tracing::debug!(agent = call.agent_id, code = %self.code, message, "a call failed");
        let failure = AttemptFailure {
            code: self.code,
            message,
            retryable: self.retryable,
            retry_after: self.retry_after,
            reached_agent: self.reached,
            cost: self.cost,
            usage: self.usage,
        };
        CallOutcome::Failed {
            failure,
            agent_unhealthy: self.unhealthy,
        }
    }
}

/// What an error means. `origin` is where the agent is called, fit to be shown.
pub(crate) fn classify(error: &CallError, origin: &str) -> Classified {
    match error {
        CallError::Transport(error) => transport(error, origin),
        CallError::Status {
            status,
            retry_after,
            excerpt,
        } => http_status(*status, *retry_after, excerpt),
        CallError::Protocol(what) => {
            let what =
                format!("cannot be understood: {what}; check its address, or have its owner repair it");
            Classified::stated(FailureCode::AgentProtocolError, what, false)
        }
        CallError::CutOff => {
            let what = "broke its reply off in the middle; look at its log".to_owned();
            Classified::stated(FailureCode::AgentProtocolError, what, false)
        }
        CallError::Credential(error) => Classified {
            reached: false,
            ..Classified::stated(error.code, format!("was not called: {error}"), error.is_transient)
        },
        CallError::Rpc(error) => rpc(error),
    }
}

fn transport(error: &TransportError, origin: &str) -> Classified {
    let trouble = |code, what, reached| Classified {
        unhealthy: true,
        reached,
        ..Classified::stated(code, what, true)
    };
    match error {
        TransportError::Refused(refused) => Classified {
            reached: false,
            ..Classified::stated(
                FailureCode::AgentAddressRefused,
                format!("was not called: {refused}"),
                false,
            )
        },
        TransportError::Unreachable(cause) => {
            let what = format!("could not be reached at {origin}: {cause}; check that it runs there");
            trouble(FailureCode::AgentUnreachable, what, false)
        }
        TransportError::Unsafe(advice) => {
            let what = format!("could not be reached safely at {origin}: {advice}");
            trouble(FailureCode::AgentUnreachable, what, false)
        }
        TransportError::TimedOut { connected } => {
            let what = format!(
                "did not answer at {origin} in time; if it needs longer, give the node a longer timeout"
            );
            trouble(FailureCode::AgentTimeout, what, *connected)
        }
        TransportError::Lost(cause) => {
            let what =
                format!("broke the connection at {origin} before it had answered: {cause}; look at its log");
            trouble(FailureCode::AgentConnectionLost, what, true)
        }
        TransportError::NotHttp(cause) => {
            let what =
                format!("answered at {origin} with something that is not HTTP: {cause}; check its address");
            Classified::stated(FailureCode::AgentProtocolError, what, false)
        }
        TransportError::TooLarge { limit } => {
            let what = format!(
                "answered with more than {limit} bytes; it must answer with less, or with references"
            );
            Classified::stated(FailureCode::AgentResponseTooLarge, what, false)
        }
    }
}

fn http_status(status: StatusCode, retry_after: Option<Timestamp>, excerpt: &str) -> Classified {
    let said = if excerpt.is_empty() {
        String::new()
    } else {
        format!(" and said: {excerpt}")
    };
    let (code, retryable, advice) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            FailureCode::AgentAuthError,
            false,
            "check the credentials that it is called with",
        ),
        StatusCode::TOO_MANY_REQUESTS => (FailureCode::AgentRateLimited, true, "call it less often"),
        StatusCode::REQUEST_TIMEOUT => (FailureCode::AgentHttpError, true, "try again"),
        _ if status.is_server_error() => (FailureCode::AgentHttpError, true, "look at its log"),
        _ if status.is_redirection() => (
            FailureCode::AgentHttpError,
            false,
            "redirects are not followed, so register the address it is at",
        ),
        _ => (
            FailureCode::AgentHttpError,
            false,
            "check its address and what it expects",
        ),
    };
    Classified {
        retry_after,
        unhealthy: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
        ..Classified::stated(
            code,
            format!("answered with HTTP status {}{said}; {advice}", status.as_u16()),
            retryable,
        )
    }
}

fn rpc(error: &RpcError) -> Classified {
    let (code, retryable) = match error.kind {
        RpcErrorKind::Envelope | RpcErrorKind::MethodNotFound => (FailureCode::AgentProtocolError, false),
        RpcErrorKind::NotCancelable
        | RpcErrorKind::UnsupportedOperation
        | RpcErrorKind::VersionNotSupported
        | RpcErrorKind::Unsupported => (FailureCode::AgentFailed, false),
        RpcErrorKind::TaskNotFound | RpcErrorKind::Internal | RpcErrorKind::Other => {
            (FailureCode::AgentFailed, true)
        }
    };
    let said = if error.message.is_empty() {
        String::new()
    } else {
        format!(": {}", error.message)
    };
    let what = format!(
        "answered with error {}{said}; look at its log or its documentation",
        error.code
    );
    Classified::stated(code, what, retryable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> CallError {
        let status = StatusCode::from_u16(status).unwrap();
        CallError::Status {
            status,
            retry_after: None,
            excerpt: "x".to_owned(),
        }
    }

    fn rpc_error(kind: RpcErrorKind) -> CallError {
        CallError::Rpc(RpcError {
            kind,
            code: -1,
            message: "x".to_owned(),
        })
    }

    /// Checks the code, whether a retry may help, whether the breaker counts it, and whether it reached the agent.
    fn check(error: impl Into<CallError>, code: FailureCode, [retryable, unhealthy, reached]: [bool; 3]) {
        let error = error.into();
        let found = classify(&error, "http://a.example");
        assert_eq!(
            (found.code, [found.retryable, found.unhealthy, found.reached]),
            (code, [retryable, unhealthy, reached]),
            "{error}"
        );
    }

    #[test]
    fn trouble_with_the_connection_may_pass_and_a_refused_address_does_not() {
        use FailureCode as Code;
        use TransportError as Error;
        let refused = "10.0.0.1".parse().map(crate::AddressRefused::NotAllowed).unwrap();
        check(
            Error::Refused(refused),
            Code::AgentAddressRefused,
            [false, false, false],
        );
        check(
            Error::Unreachable("x".into()),
            Code::AgentUnreachable,
            [true, true, false],
        );
        check(
            Error::Unsafe("x".into()),
            Code::AgentUnreachable,
            [true, true, false],
        );
        check(
            Error::TimedOut { connected: false },
            Code::AgentTimeout,
            [true, true, false],
        );
        check(
            Error::TimedOut { connected: true },
            Code::AgentTimeout,
            [true, true, true],
        );
        check(
            Error::Lost("x".into()),
            Code::AgentConnectionLost,
            [true, true, true],
        );
        check(
            Error::NotHttp("x".into()),
            Code::AgentProtocolError,
            [false, false, true],
        );
        check(
            Error::TooLarge { limit: 1 },
            Code::AgentResponseTooLarge,
            [false, false, true],
        );
    }

    #[test]
    fn a_reply_says_whether_another_attempt_may_help() {
        use FailureCode as Code;
        check(status(401), Code::AgentAuthError, [false, false, true]);
        check(status(403), Code::AgentAuthError, [false, false, true]);
        check(status(404), Code::AgentHttpError, [false, false, true]);
        check(status(307), Code::AgentHttpError, [false, false, true]);
        check(status(408), Code::AgentHttpError, [true, false, true]);
        check(status(429), Code::AgentRateLimited, [true, true, true]);
        check(status(500), Code::AgentHttpError, [true, true, true]);
        check(status(503), Code::AgentHttpError, [true, true, true]);
        check(
            CallError::protocol("x"),
            Code::AgentProtocolError,
            [false, false, true],
        );
        check(CallError::CutOff, Code::AgentProtocolError, [false, false, true]);
        check(
            rpc_error(RpcErrorKind::MethodNotFound),
            Code::AgentProtocolError,
            [false, false, true],
        );
        check(
            rpc_error(RpcErrorKind::Envelope),
            Code::AgentProtocolError,
            [false, false, true],
        );
        check(
            rpc_error(RpcErrorKind::Unsupported),
            Code::AgentFailed,
            [false, false, true],
        );
        check(
            rpc_error(RpcErrorKind::Internal),
            Code::AgentFailed,
            [true, false, true],
        );
    }
}
