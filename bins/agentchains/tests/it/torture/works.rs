//! What is run: workflows with conditions, loops, questions, budgets, retries and children.

use serde_json::{Value, json};

use super::chance::Chance;

/// How many attempts a node may have that is tried again.
pub(super) const MAX_ATTEMPTS: u32 = 4;

/// A workflow that is run over and over.
pub(super) struct Work {
    pub(super) name: &'static str,
    document: Value,
    /// The status that every execution of it ends with.
    pub(super) end: &'static str,
}

impl Work {
    /// The workflow, by its name, so that it can be a child of another.
    pub(super) fn document(&self) -> Value {
        let mut document = self.document.clone();
        document["name"] = json!(self.name);
        document
    }

    /// The dependencies between nodes, as the document has them: each with the node that waits for it.
    pub(super) fn edges(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let nodes = self.document["nodes"].as_array().unwrap();
        let edges = nodes.iter().flat_map(|node| {
            let before = node["depends_on"].as_array().into_iter().flatten();
            before.map(|before| (text(before), text(&node["id"])))
        });
        edges.collect()
    }
}

/// What an execution is started with; by chance it goes one way or the other.
pub(super) fn input(chance: Chance, number: u64) -> Value {
    json!({"deep": chance.below(2, "input", number) == 0})
}

/// The node that makes no call with an input.
pub(super) fn not_taken(input: &Value) -> &'static str {
    if input["deep"] == true { "quick" } else { "deep" }
}

/// A call that says for whom it is.
fn call(id: &str, depends_on: &[&str]) -> Value {
    json!({
        "id": id, "type": "agent_call", "agent_id": "witness", "depends_on": depends_on,
        "config": {"execution": "{{ execution.id }}", "node": id}, "max_cost": 0.01,
    })
}

/// All of them; one that starts another comes after it.
pub(super) fn works() -> Vec<Work> {
    let work = |name, end, nodes: Value| Work {
        name,
        document: json!({"nodes": nodes}),
        end,
    };
    let with_budget = |name, end, budget: f64| Work {
        name,
        document: json!({"max_budget": budget, "nodes": [
            call("a", &[]), call("b", &[]), call("c", &["a", "b"]), call("d", &["c"]),
        ]}),
        end,
    };
    let with_child = json!({"max_budget": 1, "nodes": [
        call("before", &[]),
        {"id": "child", "type": "subworkflow", "depends_on": ["before"], "config": {"workflow_id": "chain"}},
        call("after", &["child"]),
    ]});
    vec![
        work(
            "chain",
            "completed",
            json!([call("a", &[]), call("b", &["a"]), call("c", &["b"])]),
        ),
        work("diamond", "completed", diamond()),
        work("loop", "completed", iterations()),
        work("question", "completed", question()),
        work("retries", "completed", retries()),
        with_budget("budget", "completed", 0.04),
        with_budget("short", "failed", 0.025),
        Work {
            name: "tree",
            document: with_child,
            end: "completed",
        },
    ]
}

fn diamond() -> Value {
    json!([
        call("first", &[]),
        {"id": "way", "type": "condition", "depends_on": ["first"],
         "config": {"expression": "$.input.deep == true", "then": "deep", "else": "quick"}},
        call("deep", &["way"]),
        call("quick", &["way"]),
        call("join", &["deep", "quick"]),
    ])
}

fn iterations() -> Value {
    let mut body = call("draft", &[]);
    body["config"]["index"] = json!("{{ loop.index }}");
    let config = json!({
        "body": {"nodes": [body]}, "until": "$.nodes.draft.output.index >= 2", "max_iterations": 5,
    });
    json!([{"id": "refine", "type": "loop", "config": config}, call("last", &["refine"])])
}

fn question() -> Value {
    let mut published = call("published", &[]);
    published["depends_on"] = json!(["ok"]);
    json!([
        call("draft", &[]),
        {"id": "ok", "type": "human_approval", "depends_on": ["draft"],
         "config": {"message": "Publish?", "actions": ["yes", "no"]}},
        published,
    ])
}

fn retries() -> Value {
    let mut flaky = call("flaky", &[]);
    flaky["config"]["fails"] = json!(2);
    flaky["retry"] = json!({"max_attempts": MAX_ATTEMPTS, "initial_interval": "1ms", "jitter": "none"});
    json!([flaky, call("steady", &[]), call("both", &["flaky", "steady"])])
}
