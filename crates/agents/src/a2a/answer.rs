//! From the end of a task, or a message, to the outcome of an attempt.

use agentchains_machine::{AgentQuestion, AgentReply, FailureCode, Json};
use serde_json::Value;

use super::{
    json::{MAX_DEPTH, too_deep},
    question::question,
    task::{Message, Task, TaskState},
};
use crate::{
    error::CallError,
    failure::{Classified, classify},
    net::{MAX_REPLY_BYTES, TransportError},
    output::reduce,
    quote::quote,
    reported::Reported,
};

/// The member of metadata by which an agent says whether another attempt is of use.
pub(super) const RETRYABLE: &str = "retryable";

/// Why an agent does not work on.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Result(AgentReply),
    Failure(Classified),
    Question(AgentQuestion),
}

/// The answer that a message is.
pub(crate) fn from_message(message: Message, mut reported: Reported) -> Answer {
    reported.result(&message.metadata);
    result(message.parts, reported)
}

/// The answer of a task that does not go on by itself any more, with what was reported about it. `None` while it is
/// live.
pub(crate) fn from_task(task: Task, reported: Reported) -> Option<Answer> {
    let (code, what, retryable) = match task.state {
        TaskState::Live => return None,
        TaskState::Completed => return Some(result(parts(task), reported)),
        TaskState::Failed => (FailureCode::AgentFailed, "failed", !refuses_retry(&task)),
        TaskState::Canceled => (
            FailureCode::AgentFailed,
            "cancelled its task",
            !refuses_retry(&task),
        ),
        TaskState::Rejected => (FailureCode::AgentRejected, "rejected the task", false),
        TaskState::InputRequired | TaskState::AuthRequired => {
            let question = question(task);
            let kept = keepable(&question.shown).map(|()| question);
            return Some(kept.map_or_else(|error| unkept(&error, reported), Answer::Question));
        }
    };
    let said = quote(&task.message.as_ref().map(Message::text).unwrap_or_default());
    let what = if said.is_empty() {
        format!("{what} and does not say why; look at its log")
    } else {
        format!("{what}, saying: {said}")
    };
    Some(failure(Classified::stated(code, what, retryable), reported))
}

/// The result stands in the artifacts; an agent that made none has put it into its last message.
fn parts(task: Task) -> Vec<Value> {
    let parts: Vec<Value> = task
        .artifacts
        .into_iter()
        .flat_map(|artifact| artifact.parts)
        .collect();
    if parts.is_empty() {
        return task.message.map(|message| message.parts).unwrap_or_default();
    }
    parts
}

fn result(parts: Vec<Value>, mut reported: Reported) -> Answer {
    let output = reduce(parts);
    reported.output(&output);
    let output = output.into();
    match keepable(&output) {
        Ok(()) => Answer::Result(AgentReply {
            output,
            cost: reported.cost(),
            usage: reported.usage(),
        }),
        Err(error) => unkept(&error, reported),
    }
}

/// Whether a value is within the limits of one (language reference, section 10).
fn keepable(value: &Json) -> Result<(), CallError> {
    if value.as_str().len() > MAX_REPLY_BYTES {
        let limit = MAX_REPLY_BYTES;
        return Err(TransportError::TooLarge { limit }.into());
    }
    if value.depth() > MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(())
}

/// What the agent answered cannot be kept, and may have cost something nevertheless. These errors name no address.
fn unkept(error: &CallError, reported: Reported) -> Answer {
    failure(classify(error, ""), reported)
}

fn failure(classified: Classified, reported: Reported) -> Answer {
    Answer::Failure(Classified {
        cost: reported.cost(),
        usage: reported.usage(),
        ..classified
    })
}

/// Whether the agent says that another attempt is of no use.
fn refuses_retry(task: &Task) -> bool {
    let places = [
        Some(&task.metadata),
        task.message.as_ref().map(|message| &message.metadata),
    ];
    places
        .into_iter()
        .flatten()
        .any(|metadata| metadata.get(RETRYABLE) == Some(&Value::Bool(false)))
}

#[cfg(test)]
mod tests {
    use agentchains_cost::ReportedCost;
    use serde_json::json;

    use super::{super::transcript::Transcript, *};

    fn answer(task: Value) -> Option<Answer> {
        let mut transcript = Transcript::default();
        transcript.see(Task::read(task).unwrap());
        transcript.answer()
    }

    fn task(state: &str, rest: Value) -> Value {
        let mut task = json!({"id": "t", "status": {"state": format!("TASK_STATE_{state}")}});
        let Value::Object(rest) = rest else {
            panic!("an object is merged")
        };
        for (name, value) in rest {
            if name == "message" {
                task["status"]["message"] = value;
            } else {
                task[name] = value;
            }
        }
        task
    }

    #[test]
    fn a_completed_task_gives_its_artifacts_and_else_its_message() {
        let message = json!({"parts": [{"text": "said"}]});
        for (rest, expected) in [
            (
                json!({"artifacts": [{"parts": [{"data": 1}]}], "message": message}),
                json!(1),
            ),
            (json!({"message": message}), json!({"text": "said"})),
            (json!({}), json!(null)),
        ] {
            let Some(Answer::Result(reply)) = answer(task("COMPLETED", rest)) else {
                panic!("it has completed")
            };
            assert_eq!(reply.output, expected);
        }
    }

    #[test]
    fn how_a_task_ends_says_whether_another_attempt_may_help() {
        use FailureCode::{AgentFailed, AgentRejected};
        let final_word = json!({"metadata": {"retryable": false}});
        let reason = json!({"message": {"parts": [{"text": "no\ndisk"}]}});
        for (state, rest, code, retryable, said) in [
            ("FAILED", reason, AgentFailed, true, "failed, saying: no disk"),
            (
                "FAILED",
                final_word.clone(),
                AgentFailed,
                false,
                "failed and does not say why",
            ),
            (
                "FAILED",
                json!({"message": final_word}),
                AgentFailed,
                false,
                "failed",
            ),
            ("CANCELED", json!({}), AgentFailed, true, "cancelled its task"),
            ("REJECTED", json!({}), AgentRejected, false, "rejected the task"),
        ] {
            let Some(Answer::Failure(failure)) = answer(task(state, rest)) else {
                panic!("{state} is a failure")
            };
            assert_eq!((failure.code, failure.retryable), (code, retryable), "{state}");
            assert!(failure.what.starts_with(said), "{}", failure.what);
            assert!(failure.reached && !failure.unhealthy);
        }
        assert_eq!(answer(task("WORKING", json!({}))), None);
    }

    #[test]
    fn a_failed_task_may_have_cost_something() {
        let failed = answer(task("FAILED", json!({"metadata": {"cost_usd": 1}})));
        let Some(Answer::Failure(failure)) = failed else {
            panic!("it has failed")
        };
        assert_eq!(failure.cost, ReportedCost::Usd("1".parse().unwrap()));
    }
}
