//! What each agent makes of what it is asked.

use serde_json::{Value, json};

use crate::client::{ask, instant_agents, message, post, url};

fn output(task: &Value) -> &Value {
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED", "{task}");
    assert_eq!(task["artifacts"].as_array().unwrap().len(), 1);
    &task["artifacts"][0]["parts"][0]["data"]
}

#[tokio::test]
async fn the_searches_find_three_things_about_the_topic_each_time_the_same() {
    let agents = instant_agents().await;
    let question = json!({"config": {}, "input": {"topic": "quantum computing"}, "upstream": {}});
    for (id, list) in [("web-search", "results"), ("academic-search", "papers")] {
        let url = url(&agents, id);
        let (first, second) = (ask(&url, &question).await, ask(&url, &question).await);
        let found = output(&first);
        assert_eq!(found, output(&second));
        assert_eq!(found["query"], "quantum computing");
        assert_eq!(found[list].as_array().unwrap().len(), 3);
        assert!(
            found[list][0]["title"]
                .as_str()
                .unwrap()
                .starts_with("Quantum computing: a")
        );
        assert!(first["metadata"]["cost_usd"].as_f64().unwrap() > 0.0);
        assert!(first["metadata"]["usage"]["output_tokens"].as_u64().unwrap() > 0);
    }
}

#[tokio::test]
async fn the_summarizer_draws_on_all_upstream_outputs_and_keeps_to_the_length() {
    let agents = instant_agents().await;
    let upstream = json!({
        "web": {"results": [{"title": "t", "snippet": "Qubits are fragile."}]},
        "academic": {"papers": [{"abstract": "We correct their errors."}]},
    });
    let question =
        |config: Value| json!({"config": config, "input": {"topic": "qubits"}, "upstream": upstream});
    let url = url(&agents, "summarizer");

    let whole = ask(&url, &question(json!({}))).await;
    let summary = output(&whole)["summary"].as_str().unwrap();
    assert!(
        summary.contains("Qubits are fragile.") && summary.contains("We correct their errors."),
        "{summary}"
    );
    assert_eq!(output(&whole)["sources"], json!(["academic", "web"]));

    let cut = ask(&url, &question(json!({"max_length": 30}))).await;
    assert!(output(&cut)["length"].as_u64().unwrap() <= 30);
}

#[tokio::test]
async fn the_critic_scores_between_zero_and_one_with_remarks() {
    let agents = instant_agents().await;
    let task = ask(
        &url(&agents, "critic"),
        &json!({"upstream": {"draft": {"text": "It works."}}}),
    )
    .await;
    let score = output(&task)["score"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&score));
    assert_eq!(output(&task)["remarks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn flaky_refuses_the_first_call_about_a_thing_and_answers_the_second() {
    let agents = instant_agents().await;
    let url = url(&agents, "flaky");
    let question = json!({"input": {"topic": "x"}});
    let params = json!({"message": message(&question)});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}).to_string();
    let refused = post(&url, &body).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let answered = ask(&url, &question).await;
    assert_eq!(output(&answered)["query"], "x");
}

#[tokio::test]
async fn flaky_can_fail_by_a_task_that_fails() {
    let agents = instant_agents().await;
    let url = url(&agents, "flaky");
    let question = json!({"config": {"fail_with": "task"}});
    let failed = ask(&url, &question).await;
    assert_eq!(failed["status"]["state"], "TASK_STATE_FAILED");
    assert!(
        failed["status"]["message"]["parts"][0]["text"]
            .as_str()
            .unwrap()
            .contains("on purpose")
    );
    assert_eq!(
        ask(&url, &question).await["status"]["state"],
        "TASK_STATE_COMPLETED"
    );
}
