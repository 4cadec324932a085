//! Trace context (W3C Trace Context, version 00): lets what an agent records be found beside what the engine does.

use agentchains_machine::{ExecutionId, MessageId, sha256_hex};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The first hexadecimal digits of a digest that name a span.
const SPAN_DIGITS: usize = 16;

/// Which execution a request belongs to, and which attempt: the trace is the execution's id, the span a digest of the
/// attempt's message id, so that an attempt that is sent again is the same span.
#[derive(Debug, Clone)]
pub(crate) struct TraceContext(HeaderValue);

impl TraceContext {
    /// The context of an attempt of an execution.
    pub(crate) fn of(execution: ExecutionId, message: MessageId) -> Self {
        let trace = execution.as_uuid().simple();
        let digest = sha256_hex(message.as_uuid().as_bytes());
        let text = format!("00-{trace}-{}-01", &digest[..SPAN_DIGITS]);
        // Digits and hyphens are always a header.
        Self(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")))
    }

    /// Puts it into the headers of a request.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.0.clone());
    }
}

#[cfg(test)]
mod tests {
    use agentchains_machine::NodePath;

    use super::*;

    #[test]
    fn a_context_has_four_fields_that_follow_from_execution_and_attempt() {
        let execution: ExecutionId = "01a203ed-b04d-745a-9337-f6b646e9caf2".parse().unwrap();
        let traced = |attempt| {
            let message = MessageId::of_attempt(execution, &NodePath::top_level("a"), attempt);
            let mut headers = HeaderMap::new();
            TraceContext::of(execution, message).add_to(&mut headers);
            headers["traceparent"].to_str().unwrap().to_owned()
        };
        let first = traced(1);
        let [version, trace, span, flags] = first.split('-').collect::<Vec<_>>()[..] else {
            panic!("four fields: {first}");
        };
        assert_eq!(
            (version, trace, flags),
            ("00", "01a203edb04d745a9337f6b646e9caf2", "01")
        );
        assert_eq!(span.len(), 16);
        assert!(span.bytes().all(|digit| b"0123456789abcdef".contains(&digit)));
        assert_eq!(first, traced(1));
        assert_ne!(first, traced(2));
    }
}
