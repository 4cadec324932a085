//! From a reply of a plain HTTP agent to the result of an attempt.

use agentchains_machine::AgentReply;
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use crate::{error::CallError, net::Reply, output::tidy, reported};

/// Reads a reply: JSON is the output as it is, text is `{"text": …}`, and nothing is null.
///
/// What it cost and used stands in the output too, in its `metadata` or beside that.
pub(super) fn read(reply: Reply) -> Result<AgentReply, CallError> {
    let output = output(&reply)?;
    let nothing = Map::new();
    let whole = output.as_object().unwrap_or(&nothing);
    let metadata = whole.get("metadata").and_then(Value::as_object);
    let places: Vec<_> = metadata.into_iter().chain([whole]).collect();
    Ok(AgentReply {
        cost: reported::cost(Some(&output), &places),
        usage: reported::usage(&places),
        output: output.into(),
    })
}

fn output(reply: &Reply) -> Result<Value, CallError> {
    if reply.body.is_empty() {
        return Ok(Value::Null);
    }
    let mut output = if is_text(&reply.headers) {
        let text = std::str::from_utf8(&reply.body);
        json!({"text": text.map_err(|_| CallError::protocol("its reply is text, but not in UTF-8"))?})
    } else {
        reply.require_json_type()?;
        reply.json()?
    };
    tidy(&mut output);
    Ok(output)
}

fn is_text(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    let kind = media_type.and_then(|media_type| media_type.trim_ascii_start().get(..5));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/"))
}

#[cfg(test)]
mod tests {
    use agentchains_cost::ReportedCost;
    use bytes::Bytes;

    use super::*;

    fn reply(media_type: Option<&str>, body: &'static str) -> Result<AgentReply, CallError> {
        let media_type = media_type.map(|value| (header::CONTENT_TYPE, value.parse().unwrap()));
        read(Reply {
            headers: media_type.into_iter().collect(),
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    #[test]
    fn json_is_the_output_and_text_is_wrapped() {
        let json = Some("application/json");
        for (media_type, body, expected) in [
            (json, r#"{"a": 2.0}"#, json!({"a": 2})),
            (json, "[1]", json!([1])),
            (json, "\"x\"", json!("x")),
            (Some("application/problem+json"), "true", json!(true)),
            (None, "7", json!(7)),
            (
                Some("Text/Plain; charset=utf-8"),
                "{\"a\": 1}",
                json!({"text": "{\"a\": 1}"}),
            ),
            (json, "", json!(null)),
            (Some("image/png"), "", json!(null)),
        ] {
            assert_eq!(
                reply(media_type, body).unwrap().output,
                expected,
                "{media_type:?} {body}"
            );
        }
    }

    #[test]
    fn what_is_neither_json_nor_text_is_against_the_protocol() {
        for (media_type, body) in [(Some("image/png"), "x"), (Some("application/json"), "{")] {
            assert!(
                matches!(reply(media_type, body), Err(CallError::Protocol(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn costs_and_usage_stand_in_the_output_or_in_its_metadata() {
        for (body, cost, input_tokens) in [
            (r#"{"_cost": 0.5, "cost_usd": 9}"#, Some("0.5"), None),
            (
                r#"{"cost": "0.25", "usage": {"input_tokens": 7}}"#,
                Some("0.25"),
                Some(7),
            ),
            (
                r#"{"metadata": {"cost_usd": 1, "usage": {"prompt_tokens": 3}}}"#,
                Some("1"),
                Some(3),
            ),
            (r#"{"metadata": {"cost_usd": 1}, "cost_usd": 2}"#, Some("1"), None),
            ("[1]", None, None),
        ] {
            let reply = reply(None, body).unwrap();
            let expected = cost.map_or(ReportedCost::Absent, |cost| {
                ReportedCost::Usd(cost.parse().unwrap())
            });
            assert_eq!(reply.cost, expected, "{body}");
            assert_eq!(
                reply.usage.and_then(|usage| usage.input_tokens),
                input_tokens,
                "{body}"
            );
        }
    }
}
