//! Questions to people, asked through clients that can show forms.

use agentchains_engine::{
    Caller,
    ports::{ExecutionFilter, PageRequest, Right, Rights},
};
use axum::body::Body;
use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{Server, messages, modern, question, with_json};

/// Calls `workflow_execute` as a client that shows forms, with what an answer brings along.
async fn execute(server: &Server, and: Value) -> Value {
    let mut params = json!({"name": "workflow_execute", "arguments": {"workflow": "Ask"}});
    for (name, value) in and.as_object().unwrap() {
        params[name] = value.clone();
    }
    let answer = server
        .ask_as(&json!({"elicitation": {}}), "tools/call", params)
        .await;
    assert!(answer["error"].is_null(), "{answer}");
    answer["result"].clone()
}

/// The name and the parameters of the only question.
fn asked(result: &Value) -> (String, Value) {
    assert_eq!(result["resultType"], "input_required", "{result}");
    let requests = result["inputRequests"].as_object().unwrap();
    assert_eq!(requests.len(), 1, "{result}");
    let (name, request) = requests.iter().next().unwrap();
    assert_eq!(request["method"], "elicitation/create");
    (name.clone(), request["params"].clone())
}

fn answer(result: &Value, response: Value) -> Value {
    let (name, _) = asked(result);
    json!({"requestState": result["requestState"], "inputResponses": {name: response}})
}

async fn asking(nodes: Value) -> Server {
    let server = Server::with(|server| server.approvals = true);
    server.create("Ask", nodes).await;
    server
}

async fn executions(server: &Server) -> usize {
    let page = PageRequest {
        limit: 10,
        cursor: None,
    };
    let all = ExecutionFilter::default();
    let found = server.engine.executions(&Caller::anonymous(), &all, &page).await;
    found.unwrap().items.len()
}

#[tokio::test]
async fn a_person_is_asked_with_a_form_and_the_execution_goes_on_with_the_answer() {
    let form = json!({"type": "object", "properties": {"amount": {"type": "integer", "minimum": 1}}});
    let nodes = json!([{"id": "ask", "type": "human_approval", "config": {
        "message": "Pay?", "show": {"to": "Ada"}, "form": form,
    }}]);
    let server = asking(nodes).await;
    let first = execute(&server, json!({})).await;
    let (_, params) = asked(&first);
    assert_eq!(params["mode"], "form");
    let message = params["message"].as_str().unwrap();
    assert!(
        message.starts_with("Pay?") && message.contains("Ada"),
        "{message}"
    );
    let fields = &params["requestedSchema"]["properties"];
    assert_eq!(fields["decision"]["enum"], json!(["approve", "reject"]));
    assert_eq!(fields["amount"]["type"], "integer");

    let content = json!({"decision": "approve", "comment": "fine", "amount": 12});
    let accepted = json!({"action": "accept", "content": content});
    let end = execute(&server, answer(&first, accepted)).await;
    let standing = &end["structuredContent"];
    assert_eq!(standing["status"], "completed", "{end}");
    assert_eq!(standing["execution_id"], first["requestState"]);
    assert_eq!(executions(&server).await, 1);
}

#[tokio::test]
async fn who_does_not_want_to_decide_is_not_asked_again_at_once_and_the_question_stays() {
    let server = asking(question()).await;
    let first = execute(&server, json!({})).await;
    for action in ["decline", "cancel"] {
        let mut unanswered = answer(&first, json!({"action": action}));
        unanswered["arguments"] = json!({"workflow": "Ask", "wait_seconds": 0});
        let end = execute(&server, unanswered).await;
        assert_eq!(
            end["structuredContent"]["status"], "input_required",
            "{action}: {end}"
        );
        assert_eq!(end["structuredContent"]["approvals"][0]["status"], "pending");
    }
    assert_eq!(executions(&server).await, 1);
}

#[tokio::test]
async fn an_answer_counts_for_what_was_shown_and_for_a_question_of_that_execution_only() {
    let server = asking(question()).await;
    let (first, second) = (
        execute(&server, json!({})).await,
        execute(&server, json!({})).await,
    );
    let (name, _) = asked(&first);
    let accept = json!({"action": "accept", "content": {"decision": "approve"}});
    let (id, _) = name.split_once('.').unwrap();
    for (state, name) in [
        (&first["requestState"], format!("{id}.another")),
        (&second["requestState"], name.clone()),
        (&first["requestState"], "nothing".to_owned()),
    ] {
        let forged = json!({"requestState": state, "inputResponses": {name: accept}});
        assert_eq!(&execute(&server, forged).await["requestState"], state);
    }
    server.create("Another", question()).await;
    let other = json!({"name": "workflow_execute", "arguments": {"workflow": "Another"}});
    let status = json!({"name": "workflow_status", "arguments": {"execution_id": second["requestState"]}});
    let list = json!({"name": "workflow_list"});
    for (mut params, is_refused) in [(other, true), (status, true), (list, false)] {
        let with = answer(&first, accept.clone());
        params["requestState"] = with["requestState"].clone();
        params["inputResponses"] = with["inputResponses"].clone();
        let told = server
            .ask_as(&json!({"elicitation": {}}), "tools/call", params)
            .await;
        assert_eq!(told["result"]["isError"], is_refused, "{told}");
    }
    let nonsense = execute(&server, json!({"requestState": "a state", "inputResponses": {}})).await;
    assert_eq!(nonsense["isError"], true, "{nonsense}");
    let answered = execute(&server, answer(&first, accept)).await;
    assert_eq!(answered["structuredContent"]["status"], "completed", "{answered}");
}

#[tokio::test]
async fn an_answer_that_breaks_a_rule_says_which_and_decides_nothing() {
    let server = asking(question()).await;
    let first = execute(&server, json!({})).await;
    for content in [json!({"decision": "maybe"}), json!({}), Value::Null] {
        let accepted = json!({"action": "accept", "content": content});
        let refused = execute(&server, answer(&first, accepted)).await;
        assert_eq!(refused["isError"], true, "{refused}");
    }
    let accepted = json!({"action": "accept", "content": {"decision": "reject"}});
    let end = execute(&server, answer(&first, accepted)).await;
    assert_eq!(end["structuredContent"]["status"], "failed", "{end}");
}

#[tokio::test]
async fn who_may_not_decide_is_not_asked() {
    let ask = |settings: Value| {
        let mut config = json!({"message": "Go on?"});
        for (name, value) in settings.as_object().unwrap() {
            config[name] = value.clone();
        }
        json!([{"id": "ask", "type": "human_approval", "config": config}])
    };
    for settings in [
        json!({"approvers": ["user:ada"]}),
        json!({"forbid_initiator": true}),
    ] {
        let server = asking(ask(settings.clone())).await;
        let told = execute(&server, json!({})).await;
        assert_eq!(
            told["structuredContent"]["status"], "input_required",
            "{settings}: {told}"
        );
    }
    let server = asking(ask(
        json!({"approvers": ["user:anonymous", "user:ada"], "quorum": 2}),
    ))
    .await;
    let first = execute(&server, json!({})).await;
    let accepted = json!({"action": "accept", "content": {"decision": "approve"}});
    let mut params = answer(&first, accepted);
    params["arguments"] = json!({"workflow": "Ask", "wait_seconds": 0});
    let told = execute(&server, params).await;
    assert_eq!(told["structuredContent"]["status"], "input_required", "{told}");
}

#[tokio::test]
async fn who_cannot_be_asked_is_told_that_a_person_is_needed() {
    let server = asking(question()).await;
    let params = || json!({"name": "workflow_execute", "arguments": {"workflow": "Ask"}});
    let only_links = json!({"elicitation": {"url": {}}});
    for capabilities in [json!({}), only_links] {
        let told = server.ask_as(&capabilities, "tools/call", params()).await;
        assert_eq!(
            told["result"]["structuredContent"]["status"], "input_required",
            "{told}"
        );
    }
    let runner = Caller {
        rights: Rights::from(Right::Read).with(Right::Run),
        ..Caller::anonymous()
    };
    let mut asks = params();
    asks["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    let mut request = modern("tools/call", asks);
    request.extensions_mut().insert(runner);
    let told = messages(server.send(request).await).await.pop().unwrap();
    assert_eq!(
        told["result"]["structuredContent"]["status"], "input_required",
        "{told}"
    );
}

/// A session of an older client that shows forms.
async fn session(server: &Server) -> HeaderValue {
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "old", "version": "1"},
    }});
    let begun = server.send(with_json(Request::post("/mcp"), &initialize)).await;
    let session = begun.headers()["mcp-session-id"].clone();
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let taken = server.send(within(&session, &initialized)).await;
    assert_eq!(taken.status(), 202);
    session
}

fn within(session: &HeaderValue, message: &Value) -> Request<Body> {
    with_json(Request::post("/mcp").header("mcp-session-id", session), message)
}

/// The next message of an answer that goes on.
async fn next(body: &mut Body) -> Value {
    loop {
        let frame = body.frame().await.unwrap().unwrap();
        let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
        let mut data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        if let Some(message) = data.find_map(|data| serde_json::from_str(data).ok()) {
            return message;
        }
    }
}

#[tokio::test]
async fn an_older_client_is_asked_in_the_middle_of_its_request() {
    let server = asking(question()).await;
    let session = session(&server).await;
    for (response, status) in [
        (
            json!({"action": "accept", "content": {"decision": "approve"}}),
            "completed",
        ),
        (json!({"action": "decline"}), "input_required"),
    ] {
        let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "workflow_execute", "arguments": {"workflow": "Ask"},
        }});
        let mut body = server.send(within(&session, &call)).await.into_body();
        let asked = next(&mut body).await;
        assert_eq!(asked["method"], "elicitation/create", "{asked}");
        assert_eq!(asked["params"]["message"], "Go on?");
        let answered = json!({"jsonrpc": "2.0", "id": asked["id"], "result": response});
        assert_eq!(server.send(within(&session, &answered)).await.status(), 202);
        let end = next(&mut body).await;
        assert_eq!(end["result"]["structuredContent"]["status"], status, "{end}");
    }
}
