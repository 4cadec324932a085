//! What is run over the failing store: small workflows which between them use every part of the language that leaves
//! something in the store.

use agentchains_testkit::Answer;
use serde_json::{Value, json};

use crate::harness::{call, calls, question, starts, starts_with};

/// A workflow with what happens around it.
pub(super) struct Flow {
    pub(super) name: &'static str,
    pub(super) document: Value,
    /// The workflow `child`, where there is one.
    pub(super) child: Option<Value>,
    /// What agents do with their first calls.
    pub(super) script: Vec<(&'static str, Vec<Answer>)>,
    /// What a person does once nothing goes on by itself.
    pub(super) person: Person,
    /// How it ends, as `World::status` says it.
    pub(super) end: &'static str,
}

/// What people do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    /// Approves whatever is asked.
    Approves,
    /// Answers nothing.
    Sleeps,
    /// Pauses it, and then lets it go on.
    Pauses,
    Resumes,
    /// Cancels it.
    Cancels,
}

impl Person {
    /// What they do after that.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Pauses => Self::Resumes,
            _ => Self::Sleeps,
        }
    }
}

impl Flow {
    fn new(name: &'static str, document: Value) -> Self {
        Self {
            name,
            document,
            child: None,
            script: Vec::new(),
            person: Person::Approves,
            end: "completed",
        }
    }

    fn above(mut self, child: Value) -> Self {
        self.child = Some(child);
        self
    }

    fn scripted(mut self, agent: &'static str, answers: impl Into<Vec<Answer>>) -> Self {
        self.script.push((agent, answers.into()));
        self
    }

    fn while_a_person(mut self, person: Person) -> Self {
        self.person = person;
        self
    }

    fn ends(mut self, end: &'static str) -> Self {
        self.end = end;
        self
    }
}

/// All of them.
pub(super) fn flows() -> Vec<Flow> {
    [simple(), failing(), composite(), asking(), costly(), nested()]
        .into_iter()
        .flatten()
        .collect()
}

fn simple() -> Vec<Flow> {
    let with_branches = |branch: Value| {
        let mut document = calls("a b c", "a>c b>c");
        document["nodes"].as_array_mut().unwrap().push(branch);
        document
    };
    let condition = json!({"id": "if", "type": "condition", "config": {"expression": "1 == 2", "then": "a", "else": "b"}});
    let cases = json!({"id": "if", "type": "condition", "config": {
        "cases": [{"when": "1 == 2", "to": "a"}, {"when": "1 == 1", "to": "b", "label": "one"}],
    }});
    vec![
        Flow::new("one call", calls("a", "")),
        Flow::new("a chain", calls("a b c", "a>b b>c")),
        Flow::new("a diamond", calls("a b c", "a>c b>c")),
        Flow::new("a branch not taken", with_branches(condition)),
        Flow::new("cases", with_branches(cases)),
        Flow::new("a task that the agent names", calls("a b", "a>b"))
            .scripted("a", [Answer::reply(json!(1)).after_accepting("task-1")]),
    ]
}

fn failing() -> Vec<Flow> {
    let retry = json!({"max_attempts": 3, "initial_interval": "1s", "jitter": "none"});
    let mut fallback = calls("a b", "a>b");
    fallback["nodes"][0]["on_error"] = json!({"output": 7});
    let mut goto = calls("a b c", "a>b");
    goto["nodes"][0]["on_error"] = json!({"goto": "c"});
    let timeout = call(json!({"timeout": "5s"}));
    vec![
        Flow::new("a retry", call(json!({"retry": retry})))
            .scripted("a", [Answer::unwell(), Answer::unwell()]),
        Flow::new("a retry in vain", call(json!({"retry": retry})))
            .scripted("a", vec![Answer::unwell(); 3])
            .ends("failed(agent_unreachable)"),
        Flow::new("a failure that cuts off what follows", calls("a b c", "a>b"))
            .scripted("a", [Answer::refusal()])
            .ends("failed(agent_rejected)"),
        Flow::new("an output in the place of a failure", fallback).scripted("a", [Answer::refusal()]),
        Flow::new("a way around a failure", goto).scripted("a", [Answer::refusal()]),
        Flow::new("an agent that never answers", timeout)
            .scripted("a", [Answer::held()])
            .ends("failed(agent_timeout)"),
    ]
}

fn composite() -> Vec<Flow> {
    let node = |id: &str| json!({"id": id, "type": "agent_call", "agent_id": id});
    let one = |id: &str, kind: &str, config: Value| json!({"name": "test", "nodes": [{"id": id, "type": kind, "config": config}]});
    let until = json!({
        "body": {"nodes": [node("a")]}, "until": "$.nodes.a.output.score > 0.8", "max_iterations": 5,
    });
    let over_items = json!({"items": "{{ [1, 2] }}", "body": {"nodes": [node("a"), node("b")]}});
    let members = json!({"nodes": [node("a"), node("b")]});
    vec![
        Flow::new("a loop", one("l", "loop", until)).scripted(
            "a",
            [
                Answer::reply(json!({"score": 0.5})),
                Answer::reply(json!({"score": 0.9})),
            ],
        ),
        Flow::new("a loop over items", one("l", "loop", over_items.clone())),
        Flow::new("a group", one("g", "parallel_group", members)),
        Flow::new("a group over items", one("g", "parallel_group", over_items)),
    ]
}

fn asking() -> Vec<Flow> {
    let expiring = question(json!({"timeout": "5s", "on_timeout": "reject"}));
    let held = || Answer::held().after_accepting("task-1");
    let mut later = calls("a b", "a>b");
    later["nodes"][0]["retry"] = json!({"initial_interval": "30s", "jitter": "none"});
    vec![
        Flow::new("an approval", question(json!({}))),
        Flow::new("an approval that expires", expiring)
            .while_a_person(Person::Sleeps)
            .ends("failed(approval_rejected)"),
        Flow::new("a pause", later)
            .scripted("a", [Answer::unwell()])
            .while_a_person(Person::Pauses),
        Flow::new("a cancel", calls("a b", "a>b"))
            .scripted("a", [held()])
            .while_a_person(Person::Cancels)
            .ends("cancelled"),
    ]
}

fn costly() -> Vec<Flow> {
    let with_budget = |budget: u32| {
        let mut document = calls("a b c", "a>b b>c");
        document["max_budget"] = json!(budget);
        for node in document["nodes"].as_array_mut().unwrap() {
            node["max_cost"] = json!(2);
        }
        document
    };
    let two_dollars = || [Answer::costing(json!(1), "2".parse().unwrap())];
    vec![
        Flow::new("a budget that suffices", with_budget(6))
            .scripted("a", two_dollars())
            .scripted("b", two_dollars()),
        Flow::new("a budget that is used up", with_budget(3))
            .scripted("a", two_dollars())
            .ends("failed(budget_exceeded)"),
    ]
}

fn nested() -> Vec<Flow> {
    let detached = starts_with(json!({"workflow_id": "child", "wait": false}));
    let costs = json!({"max_budget": 1, "name": "child", "nodes": [
        {"id": "a", "type": "agent_call", "agent_id": "a", "max_cost": 1},
    ]});
    vec![
        Flow::new("a child", starts("child")).above(calls("a b", "a>b")),
        Flow::new("a child that asks", starts("child")).above(question(json!({}))),
        Flow::new("a child that nobody waits for", detached).above(calls("a", "")),
        Flow::new("a child that fails", starts("child"))
            .above(calls("a b", "a>b"))
            .scripted("a", [Answer::refusal()])
            .ends("failed(agent_rejected)"),
        Flow::new("a child with a budget", starts("child")).above(costs),
    ]
}
