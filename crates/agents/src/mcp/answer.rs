//! From the result of a tool, or an error of its server, to the result of an attempt.

use agentchains_machine::{AgentReply, FailureCode};
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode, ErrorData, ResourceContents};
use serde_json::{Map, Value, json};

use crate::{
    failure::Classified,
    output::{reduce, tidy},
    quote::quote,
    reported,
};

/// Reads a result: its structured content, else its content blocks, reduced as the parts of an A2A agent are.
pub(super) fn read(result: CallToolResult) -> Result<AgentReply, Box<Classified>> {
    let nothing = Map::new();
    let metadata = result.meta.as_ref().map_or(&nothing, |meta| &meta.0);
    let places = [metadata];
    if result.is_error == Some(true) {
        return Err(Box::new(Classified {
            cost: reported::cost(None, &places),
            usage: reported::usage(&places),
            ..failed(&result.content, metadata)
        }));
    }
    let output = match result.structured_content {
        Some(mut content) => {
            tidy(&mut content);
            content
        }
        None => reduce(result.content.into_iter().filter_map(part).collect()),
    };
    Ok(AgentReply {
        cost: reported::cost(Some(&output), &places),
        usage: reported::usage(&places),
        output: output.into(),
    })
}

/// What an error means that the server answered a call with. Servers answer -32602 to tools that they do not have and to
/// arguments that do not fit alike (section "Error handling" of the tools' specification).
pub(super) fn failure(error: &ErrorData) -> Classified {
    let said = quote(&error.message);
    let (code, retryable, advice) = match error.code {
        ErrorCode::PARSE_ERROR | ErrorCode::INVALID_REQUEST | ErrorCode::METHOD_NOT_FOUND => (
            FailureCode::AgentProtocolError,
            false,
            "check that an MCP server is at its address",
        ),
        ErrorCode::INVALID_PARAMS => (
            FailureCode::AgentFailed,
            false,
            "check the tool's name and arguments in the node's config",
        ),
        _ => (FailureCode::AgentFailed, true, "look at its log"),
    };
    let what = format!("answered with error {}: {said}; {advice}", error.code.0);
    Classified::stated(code, what, retryable)
}

/// The failure of a tool, which may be tried again unless its metadata say otherwise.
fn failed(content: &[ContentBlock], metadata: &Map<String, Value>) -> Classified {
    let texts = content.iter().filter_map(|block| match block {
        ContentBlock::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    let said = quote(&texts.collect::<Vec<_>>().join(" "));
    let what = if said.is_empty() {
        "failed and does not say why; look at its log".to_owned()
    } else {
        format!("failed, saying: {said}")
    };
    let retryable = metadata.get("retryable") != Some(&Value::Bool(false));
    Classified::stated(FailureCode::AgentFailed, what, retryable)
}

/// A content block in the form of an A2A part. Kinds that are not known are left out.
fn part(block: ContentBlock) -> Option<Value> {
    match block {
        ContentBlock::Text(text) => Some(json!({"text": text.text})),
        ContentBlock::Image(image) => Some(json!({"raw": image.data, "mediaType": image.mime_type})),
        ContentBlock::Audio(audio) => Some(json!({"raw": audio.data, "mediaType": audio.mime_type})),
        ContentBlock::ResourceLink(link) => {
            Some(json!({"url": link.uri, "filename": link.name, "mediaType": link.mime_type}))
        }
        ContentBlock::Resource(embedded) => match embedded.resource {
            ResourceContents::TextResourceContents {
                uri, mime_type, text, ..
            } => Some(json!({"text": text, "url": uri, "mediaType": mime_type})),
            ResourceContents::BlobResourceContents {
                uri, mime_type, blob, ..
            } => Some(json!({"raw": blob, "url": uri, "mediaType": mime_type})),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use agentchains_cost::ReportedCost;

    use super::*;

    fn result(value: Value) -> CallToolResult {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn structured_content_comes_before_content_blocks() {
        let text = json!([{"type": "text", "text": "{\"a\": 1}"}]);
        let blocks = json!([
            {"type": "text", "text": "see"},
            {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            {"type": "resource_link", "uri": "file:///r.pdf", "name": "r.pdf"},
            {"type": "resource", "resource": {"uri": "file:///n", "text": "note"}},
        ]);
        for (value, expected) in [
            (
                json!({"content": text, "structuredContent": {"b": 2.0}}),
                json!({"b": 2}),
            ),
            (json!({"content": text, "structuredContent": null}), json!(null)),
            (json!({"content": text}), json!({"a": 1})),
            (json!({"content": []}), json!(null)),
            (
                json!({"content": blocks}),
                json!({"parts": [
                    {"text": "see"},
                    {"raw": "aGk=", "mediaType": "image/png"},
                    {"url": "file:///r.pdf", "filename": "r.pdf"},
                    {"text": "note", "url": "file:///n"},
                ]}),
            ),
        ] {
            assert_eq!(read(result(value)).unwrap().output, expected);
        }
    }

    #[test]
    fn a_failed_tool_says_why_and_may_have_cost_something() {
        let value = json!({
            "content": [{"type": "text", "text": "no\ndisk"}],
            "isError": true,
            "_meta": {"cost_usd": 1, "retryable": false},
        });
        let failure = read(result(value)).unwrap_err();
        assert_eq!(
            (failure.code, failure.what.as_str(), failure.retryable),
            (FailureCode::AgentFailed, "failed, saying: no disk", false)
        );
        assert_eq!(failure.cost, ReportedCost::Usd("1".parse().unwrap()));
    }

    #[test]
    fn an_error_of_the_server_says_whether_another_attempt_may_help() {
        use FailureCode::{AgentFailed, AgentProtocolError};
        for (code, expected) in [
            (-32700, (AgentProtocolError, false)),
            (-32601, (AgentProtocolError, false)),
            (-32602, (AgentFailed, false)),
            (-32603, (AgentFailed, true)),
            (7, (AgentFailed, true)),
        ] {
            let failure = failure(&ErrorData::new(ErrorCode(code), "no", None));
            assert_eq!((failure.code, failure.retryable), expected, "{code}");
        }
    }
}
