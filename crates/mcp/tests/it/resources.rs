//! Workflows as resources.

use serde_json::{Value, json};

use crate::support::{Server, one};

#[tokio::test]
async fn workflows_are_listed_and_their_documents_read() {
    let server = Server::start();
    let id = server.create("Echo", one("echo")).await;
    let uri = format!("agentchains://workflows/{id}");
    let listed = server.ask("resources/list", json!({})).await;
    let resource = &listed["result"]["resources"][0];
    assert_eq!(
        (&resource["uri"], &resource["name"], &resource["mimeType"]),
        (&json!(uri), &json!("Echo"), &json!("application/json"))
    );
    let read = server.ask("resources/read", json!({"uri": uri})).await;
    let text = read["result"]["contents"][0]["text"].as_str().unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        (&document["name"], &document["nodes"][0]["id"]),
        (&json!("Echo"), &json!("only"))
    );
    let templates = server.ask("resources/templates/list", json!({})).await;
    assert_eq!(
        templates["result"]["resourceTemplates"][0]["uriTemplate"],
        "agentchains://workflows/{workflow_id}"
    );
    for unknown in ["agentchains://workflows/x", "file:///etc/passwd", ""] {
        let refused = server.ask("resources/read", json!({"uri": unknown})).await;
        assert!(refused["error"]["code"].is_i64(), "{refused}");
    }
}
