//! Whatever is nested into whatever: a check answers, and what it builds holds together.

use std::collections::BTreeSet;

use agentchains_workflow::{Compiled, FanOut, NodeKind, ScopeIndex, check};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a random node is, and what is written in it.
#[derive(Debug, Clone)]
enum Kind {
    Call,
    Approval,
    Condition,
    Child,
    Group(Vec<Part>),
    Items(Vec<Part>),
    Loop(Vec<Part>, usize),
}

/// A random node: its dependencies and what it reads are numbers of other nodes.
#[derive(Debug, Clone)]
struct Part {
    kind: Kind,
    before: Vec<usize>,
    reads: usize,
    join: usize,
    /// The number of a node that it names as a member besides its own.
    named: Option<usize>,
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        4 => Just(Kind::Call),
        1 => Just(Kind::Approval),
        1 => Just(Kind::Condition),
        1 => Just(Kind::Child)
    ];
    let whole = |kind: BoxedStrategy<Kind>| {
        let before = prop::collection::vec(0_usize..12, 0..3);
        (
            kind,
            before,
            0_usize..16,
            0_usize..5,
            prop::option::weighted(0.2, 0_usize..12),
        )
            .prop_map(|(kind, before, reads, join, named)| Part {
                kind,
                before,
                reads,
                join,
                named,
            })
    };
    whole(leaf.boxed()).prop_recursive(4, 24, 4, move |inner| {
        let parts = prop::collection::vec(inner, 1..4);
        let kind = prop_oneof![
            parts.clone().prop_map(Kind::Group),
            parts.clone().prop_map(Kind::Items),
            (parts, 0_usize..3).prop_map(|(parts, form)| Kind::Loop(parts, form)),
        ];
        whole(kind.boxed())
    })
}

/// Writes parts as nodes with ids in the order of the text.
struct Writer {
    count: usize,
    /// Whether nodes depend on and name only what may be there, so that many documents are valid.
    is_tame: bool,
}

impl Writer {
    fn nodes(&mut self, parts: &[Part]) -> Vec<Value> {
        let mut beside = Vec::new();
        parts.iter().map(|part| self.node(part, &mut beside)).collect()
    }

    fn node(&mut self, part: &Part, beside: &mut Vec<usize>) -> Value {
        let own = self.count;
        self.count += 1;
        let other = |number: usize| match (self.is_tame, beside.len()) {
            (true, 0) => None,
            (true, count) => Some(format!("n{}", beside[number % count])),
            (false, _) => Some(format!("n{number}")),
        };
        let before: BTreeSet<_> = part.before.iter().filter_map(|number| other(*number)).collect();
        let named = part.named.and_then(other).filter(|_| !self.is_tame);
        let read = before
            .first()
            .cloned()
            .unwrap_or_else(|| format!("n{}", part.reads));
        let text = match part.reads {
            0 => "{{ item.x }}".to_owned(),
            1 => "{{ loop.last.x | default(0) }}".to_owned(),
            2..8 if !before.is_empty() || !self.is_tame => format!("{{{{ {read}.x | default('') }}}}"),
            _ => "{{ input.x }}".to_owned(),
        };
        let join = [
            json!("default"),
            json!("all"),
            json!("any"),
            json!("settled"),
            json!({"at_least": 1}),
        ];
        let join = &join[if before.is_empty() {
            part.join % 4
        } else {
            part.join
        }];
        let (name, config) = self.kind(part, &text, named);
        beside.push(own);
        let mut node = json!({"id": format!("n{own}"), "type": name, "config": config, "depends_on": before, "join": join});
        if name == "agent_call" {
            node["agent_id"] = json!("echo");
        }
        node
    }

    fn kind(&mut self, part: &Part, text: &str, named: Option<String>) -> (&'static str, Value) {
        let mut members = |parts: &[Part]| {
            let mut nodes = self.nodes(parts);
            nodes.extend(named.clone().map(Value::String));
            nodes
        };
        match &part.kind {
            Kind::Call => ("agent_call", json!({"x": text})),
            Kind::Approval => ("human_approval", json!({"message": text})),
            Kind::Condition => (
                "condition",
                json!({"expression": "$.input.x || $.loop.index == 1 || $.item"}),
            ),
            Kind::Child => ("subworkflow", json!({"workflow_id": "w", "input": {"x": text}})),
            Kind::Group(parts) => ("parallel_group", json!({"nodes": members(parts), "mode": "any"})),
            Kind::Items(parts) => (
                "parallel_group",
                json!({"items": text, "body": {"nodes": members(parts)}}),
            ),
            Kind::Loop(parts, 0) => ("loop", json!({"items": text, "nodes": members(parts)})),
            Kind::Loop(parts, form) => {
                let asked = ["until", "while"][form % 2];
                (
                    "loop",
                    json!({asked: "$.loop.last.x", "max_iterations": 3, "body": {"nodes": members(parts)}}),
                )
            }
        }
    }
}

fn document(parts: &[Part], is_tame: bool) -> Value {
    let mut writer = Writer { count: 0, is_tame };
    let nodes = writer.nodes(parts);
    let mut document = json!({"name": "t", "nodes": nodes, "scheduling": "layered"});
    if is_tame {
        // What is not in scope everywhere would refuse most documents.
        let text = document.to_string().replace("{{ item.x }}", "{{ input }}");
        let text = text.replace("{{ loop.last.x | default(0) }}", "{{ input.y }}");
        let text = text.replace(" || $.loop.index == 1 || $.item", "");
        document = serde_json::from_str(&text).unwrap();
    }
    document
}

/// What holds for every compiled workflow.
fn holds_together(workflow: &Compiled, written: usize) {
    let mut positions: Vec<_> = workflow.nodes().map(|node| node.position as usize).collect();
    positions.sort_unstable();
    assert_eq!(
        positions,
        (0..written).collect::<Vec<_>>(),
        "every node is in exactly one scope"
    );
    let mut owned: Vec<_> = workflow
        .nodes()
        .filter_map(|node| match &node.kind {
            NodeKind::ParallelGroup(group) => match group.fan_out {
                FanOut::Members(scope) | FanOut::Items { body: scope, .. } => Some(scope),
            },
            NodeKind::Loop(repeated) => Some(repeated.body),
            _ => None,
        })
        .collect();
    owned.push(ScopeIndex::TOP);
    let distinct: BTreeSet<_> = owned.iter().copied().collect();
    assert_eq!(distinct.len(), owned.len(), "every scope has one owner");
    for scope in owned {
        let graph = workflow.scope(scope);
        assert!(!graph.is_empty());
        for node in graph.indices() {
            assert_eq!(graph.find(&graph.node(node).id), Some(node));
            for edge in graph.incoming(node) {
                assert!(
                    graph.layer_of(edge.from) < graph.layer_of(edge.to),
                    "layers respect edges"
                );
                assert!(graph.longest_path_to_sink(edge.from) > graph.longest_path_to_sink(edge.to));
            }
        }
        let document = workflow.document();
        for node in graph.indices().map(|node| graph.node(node)) {
            assert_eq!(document.pointer(&node.pointer).unwrap()["id"], node.id.as_str());
        }
    }
}

fn written(document: &Value) -> usize {
    document.to_string().matches("\"type\":").count()
}

proptest! {
    #[test]
    fn any_nested_document_gets_an_answer(parts in prop::collection::vec(part(), 1..5)) {
        let document = document(&parts, false);
        let checked = check(&document.to_string());
        prop_assert_eq!(checked.workflow.is_some(), !checked.diagnostics.has_errors());
        if let Some(workflow) = &checked.workflow {
            holds_together(workflow, written(&document));
        }
    }

    #[test]
    fn any_nested_document_that_refers_to_what_is_beside_compiles(parts in prop::collection::vec(part(), 1..6)) {
        let document = document(&parts, true);
        let checked = check(&document.to_string());
        let errors: Vec<_> = checked.diagnostics.errors().collect();
        prop_assert!(errors.is_empty(), "{:?} in {}", errors, document);
        holds_together(checked.workflow.as_ref().unwrap(), written(&document));
    }
}
