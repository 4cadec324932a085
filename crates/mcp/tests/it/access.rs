//! Who may use which tool.

use agentchains_engine::{Caller, ports::Role};
use serde_json::{Value, json};

use crate::support::{Server, one};

fn person(role: Role, tenant: &str) -> Caller {
    Caller {
        tenant: tenant.to_owned(),
        name: role.to_string(),
        roles: vec![role.to_string()],
        rights: role.rights(),
    }
}

async fn call(server: &Server, caller: Caller, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let mut messages = server.ask_all(Some(caller), "tools/call", params).await;
    messages.pop().unwrap()["result"].clone()
}

#[tokio::test]
async fn each_tool_needs_its_right() {
    let server = Server::with(|server| server.approvals = true);
    server.create("Echo", one("echo")).await;
    let nothing = "019b76da-a800-7000-8000-000000000001";
    for (tool, arguments, roles) in [
        (
            "workflow_execute",
            json!({"workflow": "Echo"}),
            &[Role::Runner, Role::Admin][..],
        ),
        (
            "workflow_cancel",
            json!({"execution_id": nothing}),
            &[Role::Runner, Role::Admin],
        ),
        (
            "approval_decide",
            json!({"approval_id": nothing, "decision": "approve"}),
            &[Role::Approver, Role::Admin],
        ),
        ("workflow_list", json!({}), &Role::ALL),
        ("workflow_status", json!({"execution_id": nothing}), &Role::ALL),
        ("approvals_list", json!({}), &Role::ALL),
    ] {
        for role in Role::ALL {
            let result = call(&server, person(role, "default"), tool, arguments.clone()).await;
            let is_refused = result["content"][0]["text"]
                .as_str()
                .unwrap()
                .contains("this key may not use");
            assert_eq!(is_refused, !roles.contains(&role), "{tool} by {role}: {result}");
        }
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let server = Server::start();
    let id = server.create("Echo", one("echo")).await;
    let stranger = || person(Role::Admin, "elsewhere");
    let listed = call(&server, stranger(), "workflow_list", json!({})).await;
    assert_eq!(listed["structuredContent"]["workflows"], json!([]));
    let refused = call(&server, stranger(), "workflow_execute", json!({"workflow": id})).await;
    assert_eq!(refused["isError"], json!(true));
    let resources = server
        .ask_all(Some(stranger()), "resources/list", json!({}))
        .await;
    assert_eq!(resources[0]["result"]["resources"], json!([]));
}
