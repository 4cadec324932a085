//! Lists: in parts, newest first, filtered.

use serde_json::{Value, json};

use crate::support::{Api, chain, questions, text};

/// Follows the cursors and gives one field of all items.
async fn all(api: &Api, path: &str, plural: &str, field: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let part = api.get(&format!("{path}limit=2{cursor}")).await.expect(200);
        let items = part[plural].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|item| item[field].clone()));
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn workflows_come_in_parts_newest_first_without_their_nodes() {
    let api = Api::start();
    let mut created = Vec::new();
    for name in ["Alpha", "Beta", "alphabet", "Gamma", "Delta"] {
        let mut document = chain(&["echo"]);
        document["name"] = json!(name);
        created.push(json!(api.create(&document).await));
    }
    created.reverse();
    assert_eq!(all(&api, "/workflows?", "workflows", "id").await, created);
    assert_eq!(
        all(&api, "/workflows?q=ALPHA&", "workflows", "name").await,
        ["alphabet", "Alpha"]
    );
    let list = api.get("/workflows").await.expect(200);
    assert!(list["workflows"][0].get("nodes").is_none());
}

#[tokio::test]
async fn executions_are_filtered_by_workflow_status_label_and_time() {
    let api = Api::start();
    let echo = api.create(&chain(&["echo"])).await;
    let path = format!("/workflows/{echo}/execute?wait=60");
    let mut completed = Vec::new();
    for team in ["red", "blue", "red"] {
        let execution = api
            .post(&path, json!({"labels": {"team": team}}))
            .await
            .expect(200);
        completed.push(text(&execution["id"]));
    }
    let paused = text(&api.run(&questions(1), &json!({})).await["id"]);
    completed.reverse();
    for (filter, expected) in [
        (format!("workflow_id={echo}"), completed.clone()),
        ("status=completed".to_owned(), completed.clone()),
        ("status=paused".to_owned(), vec![paused.clone()]),
        (
            "status=paused&status=completed&label.team=blue".to_owned(),
            vec![completed[1].clone()],
        ),
        (
            "label.team=red".to_owned(),
            vec![completed[0].clone(), completed[2].clone()],
        ),
        ("label.team=green".to_owned(), vec![]),
        (
            "started_after=2020-01-01T00:00:00Z&status=paused".to_owned(),
            vec![paused],
        ),
        ("started_before=2020-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        assert_eq!(
            all(&api, &format!("/executions?{filter}&"), "executions", "id").await,
            expected,
            "{filter}"
        );
    }
    let list = api.get("/executions?status=paused").await.expect(200);
    let one = &list["executions"][0];
    assert_eq!(one["pause_reason"], "approval");
    assert!(one.get("input").is_none() && one.get("output").is_none());
}

#[tokio::test]
async fn nodes_and_events_come_in_parts_in_their_order() {
    let api = Api::start();
    let mut document = chain(&["echo"]);
    document["nodes"] = (0..5)
        .map(|i| json!({"id": format!("n{i}"), "type": "agent_call", "agent_id": "echo"}))
        .collect();
    let id = text(&api.run(&document, &json!({})).await["id"]);
    let nodes = all(&api, &format!("/executions/{id}/nodes?"), "nodes", "node_id").await;
    assert_eq!(nodes, ["n0", "n1", "n2", "n3", "n4"]);
    let numbers = all(&api, &format!("/executions/{id}/events?"), "events", "seq").await;
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    assert_eq!(json!(numbers), json!(expected));
    let rest = all(
        &api,
        &format!("/executions/{id}/events?after=10&"),
        "events",
        "seq",
    )
    .await;
    assert_eq!(rest[..], numbers[10..]);
    let past = api
        .get(&format!("/executions/{id}/nodes?cursor=9999999/n"))
        .await
        .expect(200);
    assert_eq!(past, json!({"nodes": [], "next_cursor": null}));
}

#[tokio::test]
async fn nested_nodes_are_listed_after_the_node_around_them_once_they_have_begun() {
    let api = Api::start();
    let echo = |id: &str| json!({"id": id, "type": "agent_call", "agent_id": "echo"});
    let document = json!({"name": "nested", "nodes": [
        {"id": "g", "type": "parallel_group", "config": {
            "items": "{{input.items}}", "body": {"nodes": [echo("n"), echo("m")], "edges": [{"from": "n", "to": "m"}]},
        }},
        {"id": "ask", "type": "human_approval", "config": {"message": "Go on?"}},
        {"id": "l", "type": "loop", "depends_on": ["ask"], "config": {"body": {"nodes": [echo("x")]}, "items": [1]}},
    ]});
    let items: Vec<u32> = (0..11).collect();
    let execution = api.run(&document, &json!({"input": {"items": items}})).await;
    let id = text(&execution["id"]);
    let path = format!("/executions/{id}/nodes?");
    let numbered = |node: &str| -> Vec<String> { (0..11).map(|i| format!("g[{i}]/{node}")).collect() };
    let mut expected = vec!["g".to_owned()];
    expected.extend(numbered("n"));
    expected.extend(numbered("m"));
    expected.extend(["ask".to_owned(), "l".to_owned()]);
    assert_eq!(all(&api, &path, "nodes", "path").await, expected);
    let nodes = api.get(&format!("{path}limit=200")).await.expect(200);
    let of = |path: &str| {
        nodes["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|node| node["path"] == path)
            .unwrap()
    };
    assert_eq!(of("g[3]/m")["input"]["upstream"]["n"]["echo"], json!({}));
    assert_eq!(
        (&of("l")["status"], &of("g")["type"]),
        (&json!("pending"), &json!("parallel_group"))
    );
}

#[tokio::test]
async fn a_nested_node_shows_what_its_agent_was_told() {
    let api = Api::start();
    let echo = |id: &str| json!({"id": id, "type": "agent_call", "agent_id": "echo", "config": {"at": id}});
    let document = json!({"name": "told", "nodes": [echo("a"), {
        "id": "l", "type": "loop", "depends_on": ["a"],
        "config": {"items": ["x", "y"], "body": {"nodes": [echo("m")]}},
    }]});
    let execution = api.run(&document, &json!({})).await;
    let id = text(&execution["id"]);
    let nodes = api.get(&format!("/executions/{id}/nodes")).await.expect(200);
    let second = nodes["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["path"] == "l[1]/m")
        .unwrap();
    let told = &second["input"];
    assert_eq!(told["upstream"]["a"]["echo"], json!({"at": "a"}), "{told}");
    assert_eq!(told["item"], "y");
    assert_eq!(told["loop"]["index"], 1);
    assert_eq!(told["loop"]["last"]["m"]["echo"], json!({"at": "m"}));
}

#[tokio::test]
async fn approvals_come_pending_ones_first() {
    let api = Api::start();
    let first = text(&api.run(&questions(2), &json!({})).await["id"]);
    let second = text(&api.run(&questions(1), &json!({})).await["id"]);
    api.act(&format!("/executions/{second}/resume")).await.expect(200);
    assert_eq!(
        all(&api, "/approvals?", "approvals", "status").await,
        ["pending", "pending", "decided"]
    );
    for (filter, count) in [
        ("status=pending".to_owned(), 2),
        ("status=decided&mine=true".to_owned(), 1),
        (format!("execution_id={first}"), 2),
    ] {
        assert_eq!(
            all(&api, &format!("/approvals?{filter}&"), "approvals", "id")
                .await
                .len(),
            count,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn agents_come_in_parts() {
    let api = Api::start();
    let mut registered = Vec::new();
    for i in 0..5 {
        let agent_id = format!("agent-{i}");
        api.post("/agents", json!({"agent_id": agent_id, "url": "http://a.test"}))
            .await
            .expect(201);
        registered.push(agent_id);
    }
    registered.reverse();
    assert_eq!(all(&api, "/agents?", "agents", "agent_id").await, registered);
}
