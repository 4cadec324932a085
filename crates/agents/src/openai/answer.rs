//! From a completion to the result of an attempt.

use agentchains_machine::{AgentReply, FailureCode};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::{
    error::CallError,
    failure::Classified,
    lenient::{take_array, take_object, take_text, text},
    output::reduce,
    quote::quote,
    reported,
};

/// Why a completion is no result.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The server, or the model, says so. What it cost is known.
    Stated(Box<Classified>),
    /// It is no completion.
    Unreadable(CallError),
}

/// Reads a completion.
///
/// What a model writes is not what its server states, so that a `_cost` in its text counts for nothing. An answer that
/// was cut off at its limit of tokens is no answer, and would be cut off again; the same holds for refusals.
pub(super) fn read(completion: Value) -> Result<AgentReply, Unusable> {
    let Value::Object(mut completion) = completion else {
        return Err(unreadable("its reply is no completion: it is not an object"));
    };
    if let Some(error) = completion.remove("error").filter(|error| !error.is_null()) {
        let what = format!("answered with an error: {}; look at its log", said(&error));
        return Err(stated(&completion, what, is_passing(&error)));
    }
    let mut choices = take_array(&mut completion, "choices");
    let Some(Value::Object(mut choice)) = (!choices.is_empty()).then(|| choices.swap_remove(0)) else {
        return Err(unreadable("its reply is no completion: it has no choices"));
    };
    let mut message = take_object(&mut choice, "message");
    if let Some(refusal) = take_text(&mut message, "refusal") {
        let what = format!(
            "refused to answer, saying: {}; ask it something else",
            quote(&refusal)
        );
        return Err(stated(&completion, what, false));
    }
    let finish = choice.get("finish_reason").and_then(Value::as_str);
    if let Some(what) = finish.and_then(unfinished) {
        return Err(stated(&completion, what.to_owned(), false));
    }
    let parts = parts(message.remove("content"));
    let parts = parts.ok_or_else(|| unreadable("its reply is no completion: its message has no content"))?;
    let places = [&completion];
    Ok(AgentReply {
        output: reduce(parts).into(),
        cost: reported::cost(None, &places),
        usage: reported::usage(&places),
    })
}

/// An error with the words of the server in the place of the JSON that they stand in.
pub(super) fn told(error: CallError) -> CallError {
    match error {
        CallError::Status {
            status,
            retry_after,
            excerpt,
        } => {
            let body: Option<Value> = serde_json::from_str(&excerpt).ok();
            let error = body.as_ref().and_then(|body| body.get("error"));
            CallError::Status {
                status,
                retry_after,
                excerpt: error.map_or(excerpt, said),
            }
        }
        other => other,
    }
}

/// The words of an error, with its type and code where it has some. Some servers send a text alone.
fn said(error: &Value) -> String {
    let message = text(error, "message").or(error.as_str()).unwrap_or_default();
    let marks = [text(error, "type"), text(error, "code")];
    let marks: Vec<&str> = marks.into_iter().flatten().collect();
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!(" ({})", marks.join(", "))
    };
    quote(&format!("{message}{marks}"))
}

/// Whether an error in a reply of success has the code of an HTTP status that may pass. Servers that route to others
/// hand on their errors in this way.
fn is_passing(error: &Value) -> bool {
    let code = error.get("code").and_then(Value::as_u64);
    code.is_some_and(|code| matches!(code, 408 | 429 | 500..=599))
}

/// Why a model stopped before it had answered.
fn unfinished(reason: &str) -> Option<&'static str> {
    match reason {
        "length" => {
            Some("was cut off at its limit of tokens; give it a higher `max_tokens`, or ask for less")
        }
        "content_filter" => Some("was stopped by its server's content filter; ask it something else"),
        _ => None,
    }
}

/// The content as parts: a text, or a list of parts of which the texts are taken.
fn parts(content: Option<Value>) -> Option<Vec<Value>> {
    match content? {
        Value::String(text) => Some(vec![json!({"text": without_fence(&text)})]),
        Value::Array(parts) => {
            let texts = parts
                .iter()
                .filter_map(|part| part.get("text").and_then(Value::as_str));
            Some(texts.map(|text| json!({"text": text})).collect())
        }
        _ => None,
    }
}

/// JSON without the fence that models like to put around it, and any other text as it is.
fn without_fence(text: &str) -> &str {
    let fenced = text
        .trim()
        .strip_prefix("```")
        .and_then(|text| text.strip_suffix("```"));
    let Some((language, inner)) = fenced.and_then(|fenced| fenced.split_once('\n')) else {
        return text;
    };
    let is_json =
        matches!(language.trim(), "" | "json" | "JSON") && serde_json::from_str::<IgnoredAny>(inner).is_ok();
    if is_json { inner.trim() } else { text }
}

fn stated(completion: &Map<String, Value>, what: String, retryable: bool) -> Unusable {
    let places = [completion];
    Unusable::Stated(Box::new(Classified {
        cost: reported::cost(None, &places),
        usage: reported::usage(&places),
        ..Classified::stated(FailureCode::AgentFailed, what, retryable)
    }))
}

fn unreadable(what: &str) -> Unusable {
    Unusable::Unreadable(CallError::protocol(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(message: Value, finish_reason: &str) -> Value {
        json!({
            "model": "m-1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 4},
        })
    }

    #[test]
    fn a_text_is_wrapped_and_json_in_it_is_taken_as_it_is() {
        for (content, expected) in [
            (json!("hello"), json!({"text": "hello"})),
            (json!(""), json!({"text": ""})),
            (json!("{\"score\": 1.0}"), json!({"score": 1})),
            (json!("[1, 2]"), json!([1, 2])),
            (json!("```json\n{\"score\": 1}\n```\n"), json!({"score": 1})),
            (json!("```\n[1]\n```"), json!([1])),
            (json!("```json\nno\n```"), json!({"text": "```json\nno\n```"})),
            (json!("```rust\n1\n```"), json!({"text": "```rust\n1\n```"})),
            (
                json!("look: ```json\n1\n```"),
                json!({"text": "look: ```json\n1\n```"}),
            ),
            (json!([{"type": "text", "text": "hi"}]), json!({"text": "hi"})),
        ] {
            let reply = read(completion(
                json!({"role": "assistant", "content": content}),
                "stop",
            ));
            assert_eq!(reply.unwrap().output, expected);
        }
    }

    #[test]
    fn what_a_model_writes_says_nothing_about_its_cost() {
        let reply = read(completion(json!({"content": "{\"_cost\": 0}"}), "stop")).unwrap();
        assert_eq!(reply.cost, agentchains_cost::ReportedCost::Absent);
        assert_eq!(reply.usage.unwrap().input_tokens, Some(10));
    }

    #[test]
    fn an_answer_that_is_none_fails_the_attempt_and_is_paid_for() {
        let error = |code: Value| {
            let mut answer = completion(json!({}), "stop");
            answer["error"] = json!({"message": "busy", "code": code});
            answer
        };
        for (answer, retryable, said) in [
            (
                completion(json!({"content": "{"}), "length"),
                false,
                "was cut off at its limit of tokens",
            ),
            (
                completion(json!({"content": null}), "content_filter"),
                false,
                "was stopped by",
            ),
            (
                completion(json!({"refusal": "I\nwill not"}), "stop"),
                false,
                "refused to answer, saying: I will not",
            ),
            (error(json!(503)), true, "answered with an error: busy;"),
            (
                error(json!("bad_prompt")),
                false,
                "answered with an error: busy (bad_prompt);",
            ),
        ] {
            let Err(Unusable::Stated(failure)) = read(answer) else {
                panic!("{said} is stated")
            };
            assert_eq!(
                (failure.code, failure.retryable),
                (FailureCode::AgentFailed, retryable)
            );
            assert!(failure.what.starts_with(said), "{}", failure.what);
            assert_eq!(failure.usage.unwrap().output_tokens, Some(4));
        }
    }

    #[test]
    fn what_is_no_completion_is_against_the_protocol() {
        for answer in [
            json!([]),
            json!({}),
            json!({"choices": []}),
            json!({"choices": [7]}),
            json!({"choices": [{"message": {"content": null}, "finish_reason": "tool_calls"}]}),
        ] {
            assert!(
                matches!(read(answer.clone()), Err(Unusable::Unreadable(_))),
                "{answer}"
            );
        }
    }
}
