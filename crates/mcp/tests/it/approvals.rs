//! Questions to people.

use serde_json::json;

use crate::support::{Server, question};

#[tokio::test]
async fn an_execution_that_asks_a_person_says_what_and_goes_on_once_it_is_decided() {
    let server = Server::with(|server| server.approvals = true);
    server.create("Ask", question()).await;
    let asked = server.call("workflow_execute", json!({"workflow": "Ask"})).await;
    let standing = &asked["structuredContent"];
    assert_eq!(standing["status"], "input_required");
    assert_eq!(standing["approvals"][0]["message"], "Go on?");
    assert_eq!(standing["approvals"][0]["actions"], json!(["approve", "reject"]));
    let approval_id = standing["approvals"][0]["approval_id"].clone();
    let listed = server.call("approvals_list", json!({})).await;
    assert_eq!(
        listed["structuredContent"]["approvals"][0]["approval_id"],
        approval_id
    );
    let decision = json!({"approval_id": approval_id, "decision": "approve", "comment": "fine"});
    let decided = server.call("approval_decide", decision.clone()).await;
    assert_eq!(decided["structuredContent"]["status"], "decided");
    let again = server.call("approval_decide", decision).await;
    assert_eq!(again["isError"], json!(true));
    assert_eq!(
        server.call("approvals_list", json!({})).await["structuredContent"]["approvals"],
        json!([])
    );
}

#[tokio::test]
async fn nobody_decides_through_a_client_unless_that_is_allowed() {
    let server = Server::start();
    let listed = server.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "workflow_execute",
            "workflow_status",
            "workflow_list",
            "workflow_cancel",
            "approvals_list"
        ]
    );
    let arguments = json!({"approval_id": "x", "decision": "approve"});
    let refused = server
        .ask(
            "tools/call",
            json!({"name": "approval_decide", "arguments": arguments}),
        )
        .await;
    assert_eq!(refused["error"]["code"], -32602);
}
