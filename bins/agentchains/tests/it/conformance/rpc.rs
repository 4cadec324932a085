//! A2A 1.0 over JSON-RPC as a case's agents speak it: the methods that an orchestrator calls.

use std::{io, time::Duration};

use agentchains_conformance::{AgentAnswer, Desk, Fail, Reply};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::agents::json_response;

type HttpReply = io::Result<Response<Full<Bytes>>>;

/// JSON-RPC's code for a task that is not known (section 5.4 of A2A).
const TASK_NOT_FOUND: i64 = -32001;

/// JSON-RPC's code for a method that an agent does not have (section 5.1 of JSON-RPC 2.0).
const METHOD_NOT_FOUND: i64 = -32601;

/// How long a question about a task may stay open before it is answered that the task goes on.
const LONG_POLL: Duration = Duration::from_secs(5);

/// Answers a JSON-RPC request.
pub(super) async fn answer(desk: &Desk, agent_id: &str, request: &Value) -> HttpReply {
    let id = &request["id"];
    let params = &request["params"];
    let task_id = params["id"].as_str().unwrap_or_default();
    match request["method"].as_str() {
        Some("SendMessage") => {
            let Some(answer) = receive(desk, agent_id, &params["message"]) else {
                return Ok(error(id, TASK_NOT_FOUND));
            };
            if answer.reply.accepted {
                return Ok(result(
                    id,
                    &json!({"task": task(answer.task, "TASK_STATE_WORKING")}),
                ));
            }
            desk.released(answer.turn).await;
            reply(id, &answer, |task| json!({"task": task}))
        }
        Some("GetTask") => match desk.task(agent_id, task_id) {
            Some(answer) if timeout(LONG_POLL, desk.released(answer.turn)).await.is_err() => {
                Ok(result(id, &task(answer.task, "TASK_STATE_WORKING")))
            }
            Some(answer) => reply(id, &answer, |task| task),
            None => Ok(error(id, TASK_NOT_FOUND)),
        },
        Some("CancelTask") if desk.cancel(agent_id, task_id) => {
            let number = task_id.parse().unwrap();
            Ok(result(id, &task(number, "TASK_STATE_CANCELED")))
        }
        Some("CancelTask") => Ok(error(id, TASK_NOT_FOUND)),
        Some("ListTasks") => Ok(error(id, METHOD_NOT_FOUND)),
        method => panic!("no agent is asked for {method:?}"),
    }
}

/// Takes a message; `None` when it is for a task that is not known.
fn receive(desk: &Desk, agent_id: &str, message: &Value) -> Option<AgentAnswer> {
    let parts = message["parts"].as_array().unwrap();
    let text = parts.iter().find_map(|part| part["text"].as_str());
    let data = parts.iter().find_map(|part| part.get("data"));
    let message_id = message["messageId"].as_str().unwrap();
    match message["taskId"].as_str() {
        Some(task_id) => desk.receive_answer(agent_id, task_id, message_id, text, data),
        None => Some(desk.receive(agent_id, message_id, text, data.cloned().unwrap_or_default())),
    }
}

/// What the script says, as the answer to a request. `wrap` puts a task into the result.
fn reply(id: &Value, answer: &AgentAnswer, wrap: impl Fn(Value) -> Value) -> HttpReply {
    let Reply {
        fail, parts, output, ..
    } = &answer.reply;
    let metadata = metadata(&answer.reply);
    if let Some(ask) = &answer.reply.ask {
        let mut task = task(answer.task, ask.state());
        let message_id = format!("question-{}", answer.turn);
        task["status"]["message"] =
            json!({"messageId": message_id, "role": "ROLE_AGENT", "parts": ask.parts()});
        return Ok(result(id, &wrap(task)));
    }
    Ok(match fail {
        None => {
            let parts = parts.clone().unwrap_or_else(|| vec![json!({"data": output})]);
            let mut task = task(answer.task, "TASK_STATE_COMPLETED");
            task["artifacts"] = json!([{"artifactId": "result", "parts": parts}]);
            task["metadata"] = metadata;
            result(id, &wrap(task))
        }
        Some(Fail::Task(end)) => {
            let mut task = task(answer.task, end.state());
            task["metadata"] = metadata;
            result(id, &wrap(task))
        }
        Some(Fail::Http(status)) => refusal(*status, answer.reply.retry_after),
        Some(Fail::Rpc(code)) => error(id, *code),
        Some(Fail::Garbage) => {
            let mut response = json_response(&Value::Null);
            *response.body_mut() = Full::from("<html>");
            response
        }
        Some(Fail::ConnectionLost) => return Err(io::ErrorKind::ConnectionReset.into()),
    })
}

fn metadata(reply: &Reply) -> Value {
    let mut metadata = Value::from(reply.metadata.clone());
    if let Some(cost) = &reply.cost_usd {
        metadata["cost_usd"] = cost.clone();
    }
    if let Some(retryable) = reply.retryable {
        metadata["retryable"] = retryable.into();
    }
    metadata
}

fn task(number: usize, state: &str) -> Value {
    json!({"id": number.to_string(), "contextId": "context", "status": {"state": state}})
}

fn result(id: &Value, result: &Value) -> Response<Full<Bytes>> {
    json_response(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn error(id: &Value, code: i64) -> Response<Full<Bytes>> {
    json_response(
        &json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "the script says so"}}),
    )
}

fn refusal(status: u16, retry_after: Option<u32>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}
