//! Templates: ready workflows that can be stored as they are.

use serde_json::{Value, json};

use crate::support::{Api, text};

#[tokio::test]
async fn every_template_can_be_read_by_its_key() {
    let api = Api::start();
    let list = api.get("/templates").await.expect(200);
    let templates = list["templates"].as_array().unwrap();
    let keys: Vec<&Value> = templates.iter().map(|template| &template["key"]).collect();
    assert_eq!(
        keys,
        [
            "sequential-pipeline",
            "fan-out-fan-in",
            "human-in-the-loop",
            "conditional-routing",
            "evaluator-optimizer",
            "map-reduce",
            "ensemble-vote",
        ]
    );
    for template in templates {
        let key = template["key"].as_str().unwrap();
        assert_eq!(&api.get(&format!("/templates/{key}")).await.expect(200), template);
    }
}

/// Runs a template with its sample input until it rests.
async fn run(api: &Api, key: &str) -> Value {
    let template = api.get(&format!("/templates/{key}")).await.expect(200);
    let body = json!({"input": template["sample_input"], "max_budget": 1});
    api.run(&template["workflow"], &body).await
}

#[tokio::test]
async fn pipelines_run_as_they_are() {
    let api = Api::start();
    let score = json!({"score": 0.8, "remarks": ["short"]});
    let panel = json!({"accuracy": score, "clarity": score, "balance": score});
    for (key, output) in [
        (
            "sequential-pipeline",
            json!({"summary": "a and b", "score": 0.8, "remarks": ["short"]}),
        ),
        ("fan-out-fan-in", json!({"merge": {"summary": "a and b"}})),
        (
            "conditional-routing",
            json!({"route": "deep", "summary": "a and b"}),
        ),
        (
            "evaluator-optimizer",
            json!({"summary": "a and b", "score": 0.8, "versions": 1}),
        ),
        ("map-reduce", json!({"summary": "a and b", "topics": 3})),
        (
            "ensemble-vote",
            json!({"accepted": true, "scores": panel, "summary": "a and b"}),
        ),
    ] {
        let execution = run(&api, key).await;
        assert_eq!(execution["status"], "completed", "{execution}");
        assert_eq!(execution["output"], output, "{key}");
    }
}

#[tokio::test]
async fn the_template_with_a_person_takes_either_decision() {
    let api = Api::start();
    for (decision, improved) in [("approve", "skipped"), ("reject", "completed")] {
        let paused = run(&api, "human-in-the-loop").await;
        assert_eq!(paused["pause_reason"], "approval");
        let id = text(&paused["id"]);
        let body = json!({"approval_id": paused["waiting_on"][0]["approval_id"], "decision": decision});
        api.post(&format!("/executions/{id}/resume"), body)
            .await
            .expect(200);
        api.until(&id, "execution.completed").await;
        let done = api.get(&format!("/executions/{id}")).await.expect(200);
        assert_eq!(
            done["output"],
            json!({"summary": "a and b", "decision": decision})
        );
        let nodes = api.get(&format!("/executions/{id}/nodes")).await.expect(200);
        assert_eq!(nodes["nodes"][3]["status"], improved, "{decision}");
    }
}
