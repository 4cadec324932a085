//! From the end of a task, or a message, to the outcome of an attempt.

use agentchains_cost::{ReportedCost, Usage};
use agentchains_machine::{AgentQuestion, AgentReply, FailureCode};
use serde_json::{Map, Value};

use super::{
    output::reduce,
    question::question,
    task::{Message, Task, TaskState},
};
use crate::{failure::Classified, quote::quote, reported};

/// Why an agent does not work on.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Result(AgentReply),
    Failure(Classified),
    Question(AgentQuestion),
}

/// The answer that a message is.
pub(crate) fn from_message(message: Message) -> AgentReply {
    let output = reduce(message.parts);
    let places = [&message.metadata];
    let (cost, usage) = (reported::cost(Some(&output), &places), reported::usage(&places));
    AgentReply {
        output: output.into(),
        cost,
        usage,
    }
}

/// The answer of a task that does not go on by itself any more. `None` while it is live.
pub(crate) fn from_task(task: Task) -> Option<Answer> {
    let (code, what, retryable) = match task.state {
        TaskState::Live => return None,
        TaskState::Completed => return Some(Answer::Result(completed(task))),
        TaskState::Failed => (FailureCode::AgentFailed, "failed", !refuses_retry(&task)),
        TaskState::Canceled => (
            FailureCode::AgentFailed,
            "cancelled its task",
            !refuses_retry(&task),
        ),
        TaskState::Rejected => (FailureCode::AgentRejected, "rejected the task", false),
        TaskState::InputRequired | TaskState::AuthRequired => return Some(Answer::Question(question(task))),
    };
    let said = quote(&task.message.as_ref().map(Message::text).unwrap_or_default());
    let what = if said.is_empty() {
        format!("{what} and does not say why; look at its log")
    } else {
        format!("{what}, saying: {said}")
    };
    let (cost, usage) = stated(&task, None);
    Some(Answer::Failure(Classified {
        cost,
        usage,
        ..Classified::stated(code, what, retryable)
    }))
}

/// The result stands in the artifacts; an agent that made none has put it into its last message.
fn completed(mut task: Task) -> AgentReply {
    let mut parts: Vec<Value> = task
        .artifacts
        .iter_mut()
        .flat_map(|artifact| std::mem::take(&mut artifact.parts))
        .collect();
    if parts.is_empty() {
        parts = task
            .message
            .as_mut()
            .map(|message| std::mem::take(&mut message.parts))
            .unwrap_or_default();
    }
    let output = reduce(parts);
    let (cost, usage) = stated(&task, Some(&output));
    AgentReply {
        output: output.into(),
        cost,
        usage,
    }
}

fn stated(task: &Task, output: Option<&Value>) -> (ReportedCost, Option<Usage>) {
    let places: Vec<&Map<String, Value>> = std::iter::once(&task.metadata)
        .chain(task.message.as_ref().map(|message| &message.metadata))
        .chain(task.artifacts.iter().map(|artifact| &artifact.metadata))
        .collect();
    (reported::cost(output, &places), reported::usage(&places))
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
        .any(|metadata| metadata.get("retryable") == Some(&Value::Bool(false)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(task: Value) -> Option<Answer> {
        from_task(Task::read(task).unwrap())
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
