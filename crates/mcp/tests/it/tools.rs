//! What the tools do.

use agentchains_engine::{Caller, machine::ExecutionStatus};
use serde_json::{Value, json};

use crate::support::{Server, modern, one, question};

#[tokio::test]
async fn a_workflow_is_run_by_its_name_or_id_and_its_end_is_waited_for() {
    let server = Server::start();
    let id = server.create("Echo", one("echo")).await;
    for reference in ["Echo", id.as_str()] {
        let arguments = json!({"workflow": reference, "input": {"word": "tea"}, "max_budget": 0.25});
        let result = server.call("workflow_execute", arguments).await;
        let standing = &result["structuredContent"];
        assert_eq!(
            (&result["isError"], &standing["status"]),
            (&json!(false), &json!("completed"))
        );
        assert_eq!(standing["output"], json!({"only": {"said": "tea"}}));
        assert_eq!(standing["max_budget"], json!(0.25));
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(&text, standing);
        let status = server
            .call(
                "workflow_status",
                json!({"execution_id": standing["execution_id"]}),
            )
            .await;
        assert_eq!(&status["structuredContent"], standing);
    }
}

#[tokio::test]
async fn what_tools_give_fits_the_schemas_that_they_name() {
    let server = Server::with(|server| server.approvals = true);
    server.create("Echo", one("echo")).await;
    server.create("Ask", question()).await;
    let listed = server.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let schema_of = |name: &str, of: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        jsonschema::validator_for(&tool[of]).unwrap()
    };
    let asked = server.call("workflow_execute", json!({"workflow": "Ask"})).await;
    let execution_id = asked["structuredContent"]["execution_id"].clone();
    let approval_id = asked["structuredContent"]["approvals"][0]["approval_id"].clone();
    for (name, arguments) in [
        (
            "workflow_execute",
            json!({"workflow": "Echo", "input": {"word": 1}, "wait_seconds": 20}),
        ),
        ("workflow_execute", json!({"workflow": "Ask"})),
        ("workflow_status", json!({"execution_id": execution_id})),
        ("workflow_list", json!({"name": "ech", "limit": 1})),
        ("approvals_list", json!({"execution_id": execution_id})),
        (
            "approval_decide",
            json!({"approval_id": approval_id, "decision": "approve"}),
        ),
    ] {
        assert!(schema_of(name, "inputSchema").is_valid(&arguments), "{name}");
        let result = server.call(name, arguments).await;
        let output = &result["structuredContent"];
        let faults: Vec<String> = schema_of(name, "outputSchema")
            .iter_errors(output)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(
            (faults, &result["isError"]),
            (vec![], &json!(false)),
            "{name}: {result}"
        );
    }
    for tool in tools {
        assert!(tool["annotations"]["readOnlyHint"].is_boolean(), "{tool}");
    }
}

#[tokio::test]
async fn a_client_that_asks_for_it_hears_of_progress() {
    let server = Server::start();
    server.create("Echo", one("echo")).await;
    let params = json!({
        "name": "workflow_execute", "arguments": {"workflow": "Echo", "input": {"word": "tea"}},
        "_meta": {"progressToken": "t"},
    });
    let mut messages = server.ask_all(None, "tools/call", params).await;
    let result = messages.pop().unwrap();
    let told: Vec<&str> = messages
        .iter()
        .map(|message| {
            assert_eq!(message["params"]["progressToken"], "t");
            message["params"]["message"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        told,
        [
            "execution.started",
            "node.started only",
            "node.completed only",
            "execution.completed"
        ]
    );
    assert_eq!(result["result"]["structuredContent"]["status"], "completed");
}

#[tokio::test]
async fn a_call_that_does_not_wait_gives_what_has_begun_and_a_cancel_ends_it() {
    let server = Server::start();
    server.create("Gate", one("gate")).await;
    let arguments = json!({"workflow": "Gate", "input": {"word": ""}, "wait_seconds": 0});
    let begun = server.call("workflow_execute", arguments).await;
    let which = json!({"execution_id": begun["structuredContent"]["execution_id"]});
    assert!(["pending", "running"].contains(&begun["structuredContent"]["status"].as_str().unwrap()));
    let cancelled = server.call("workflow_cancel", which.clone()).await;
    assert_eq!(cancelled["isError"], json!(false), "{cancelled}");
    let again = server.call("workflow_cancel", which).await;
    assert_eq!(again["isError"], json!(true), "{again}");
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_waiting_and_not_the_execution() {
    let server = Server::start();
    server.create("Gate", one("gate")).await;
    let arguments = json!({"workflow": "Gate", "input": {"word": ""}, "wait_seconds": 600});
    let params = json!({"name": "workflow_execute", "arguments": arguments, "_meta": {"progressToken": 1}});
    let mut answer = server.send(modern("tools/call", params)).await.into_body();
    // The first message tells that it was started.
    while let Some(frame) = http_body_util::BodyExt::frame(&mut answer).await {
        if frame
            .unwrap()
            .into_data()
            .is_ok_and(|data| data.windows(9).any(|bytes| bytes == b".started\""))
        {
            break;
        }
    }
    drop(answer);
    let caller = Caller::anonymous();
    let filter = Default::default();
    let page = agentchains_engine::ports::PageRequest {
        limit: 1,
        cursor: None,
    };
    let id = server
        .engine
        .executions(&caller, &filter, &page)
        .await
        .unwrap()
        .items[0]
        .id;
    let mut events = server.engine.follow(&caller, id, 0).await.unwrap();
    server.gate.add_permits(1);
    while events.next().await.unwrap().is_some() {}
    let ended = server.engine.execution(&caller, id).await.unwrap();
    assert_eq!(ended.status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn what_a_model_can_mend_is_told_to_it_and_an_unknown_tool_is_an_error_of_the_protocol() {
    let server = Server::start();
    server.create("Echo", one("echo")).await;
    for (tool, arguments, told) in [
        ("workflow_execute", json!({}), "missing field `workflow`"),
        (
            "workflow_execute",
            json!({"workflow": "Nobody"}),
            "there is no workflow Nobody",
        ),
        (
            "workflow_execute",
            json!({"workflow": "Echo", "wait_seconds": 601}),
            "at most 600",
        ),
        (
            "workflow_execute",
            json!({"workflow": "Echo", "max_budget": -1}),
            "max_budget",
        ),
        (
            "workflow_execute",
            json!({"workflow": "Echo", "wait": 1}),
            "unknown field `wait`",
        ),
        (
            "workflow_status",
            json!({"execution_id": "x"}),
            "there is no execution",
        ),
        ("workflow_list", json!({"limit": 0}), "1 to 200"),
        ("workflow_list", json!({"cursor": "x"}), "cursor"),
    ] {
        let result = server.call(tool, arguments).await;
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(result["isError"] == json!(true) && text.contains(told), "{text}");
    }
    let unknown = server
        .ask("tools/call", json!({"name": "workflow_destroy"}))
        .await;
    assert_eq!(unknown["error"]["code"], -32602);
}
