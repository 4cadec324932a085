//! Executions as tasks.

use agentchains_engine::Caller;
use serde_json::{Value, json};

use crate::support::{Server, one, question};

fn capabilities() -> Value {
    json!({"extensions": {"io.modelcontextprotocol/tasks": {}}, "elicitation": {}})
}

/// Starts a workflow as a client that knows tasks, and gives the task's id.
async fn start(server: &Server, workflow: &str) -> String {
    let arguments = json!({"workflow": workflow, "input": {"word": "hello"}});
    let params = json!({"name": "workflow_execute", "arguments": arguments});
    let made = server.ask_as(&capabilities(), "tools/call", params).await["result"].clone();
    assert_eq!(
        (&made["resultType"], &made["status"]),
        (&json!("task"), &json!("working")),
        "{made}"
    );
    made["taskId"].as_str().unwrap().to_owned()
}

async fn task(server: &Server, id: &str, method: &str, mut params: Value) -> Value {
    params["taskId"] = json!(id);
    server.ask_as(&capabilities(), method, params).await
}

/// The task once it has another status than that.
async fn after(server: &Server, id: &str, status: &str) -> Value {
    loop {
        let told = task(server, id, "tasks/get", json!({})).await["result"].clone();
        if told["status"] != status {
            return told;
        }
    }
}

#[tokio::test]
async fn an_execution_is_a_task_with_its_id_until_its_end() {
    let server = Server::start();
    server.create("Wait", one("gate")).await;
    let id = start(&server, "Wait").await;
    let running = task(&server, &id, "tasks/get", json!({})).await;
    assert_eq!(running["result"]["status"], "working", "{running}");
    server.gate.add_permits(1);
    let end = after(&server, &id, "working").await;
    assert_eq!(end["status"], "completed", "{end}");
    let standing = &end["result"]["structuredContent"];
    assert_eq!(
        (&standing["execution_id"], &standing["status"]),
        (&json!(id), &json!("completed"))
    );
}

#[tokio::test]
async fn a_task_asks_and_goes_on_with_the_answer() {
    let server = Server::with(|server| server.approvals = true);
    server.create("Ask", question()).await;
    let id = start(&server, "Ask").await;
    let asks = after(&server, &id, "working").await;
    assert_eq!(asks["status"], "input_required", "{asks}");
    let name = asks["inputRequests"]
        .as_object()
        .unwrap()
        .keys()
        .next()
        .unwrap()
        .clone();
    let response = json!({"action": "accept", "content": {"decision": "approve"}});
    let updated = task(
        &server,
        &id,
        "tasks/update",
        json!({"inputResponses": {name: response}}),
    )
    .await;
    assert!(updated["error"].is_null(), "{updated}");
    let end = after(&server, &id, "input_required").await;
    assert!(
        matches!(end["status"].as_str(), Some("working" | "completed")),
        "{end}"
    );
    assert_eq!(after(&server, &id, "working").await["status"], "completed");
}

#[tokio::test]
async fn a_task_that_is_cancelled_ends_its_execution() {
    let server = Server::start();
    server.create("Wait", one("gate")).await;
    let id = start(&server, "Wait").await;
    for _ in 0..2 {
        let cancelled = task(&server, &id, "tasks/cancel", json!({})).await;
        assert!(cancelled["error"].is_null(), "{cancelled}");
        assert_eq!(after(&server, &id, "working").await["status"], "cancelled");
    }
}

#[tokio::test]
async fn what_is_no_task_is_not_known() {
    let server = Server::start();
    for id in ["01890000-0000-7000-8000-000000000000", "nothing"] {
        for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
            let refused = task(&server, id, method, json!({"inputResponses": {}})).await;
            assert_eq!(refused["error"]["code"], -32602, "{method}: {refused}");
        }
    }
    server.create("Wait", one("gate")).await;
    let id = start(&server, "Wait").await;
    let mut params = json!({"taskId": id});
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities();
    let stranger = Caller {
        tenant: "other".to_owned(),
        ..Caller::anonymous()
    };
    let hidden = server
        .ask_all(Some(stranger), "tasks/get", params)
        .await
        .pop()
        .unwrap();
    assert_eq!(hidden["error"]["code"], -32602, "{hidden}");
    assert_eq!(hidden["error"]["message"], format!("there is no task {id:?}"));

    let params = json!({"taskId": "01890000-0000-7000-8000-000000000000"});
    let without = server.ask_as(&json!({}), "tasks/get", params).await;
    assert_eq!(without["error"]["code"], -32021, "{without}");
}
