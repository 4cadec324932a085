//! Scopes: which nodes and edges are in which, and what they see of each other.

use agentchains_workflow::{Compiled, FanOut, Graph, NodeKind, ScopeIndex, check};
use serde_json::{Value, json};

use crate::support::{approval, call, compiled, findings, group, repeat, show, workflow};

/// The scope of each group and loop, by the id of its owner; the workflow's own as "".
fn scopes(workflow: &Compiled) -> Vec<(String, &Graph)> {
    let owned = workflow.nodes().filter_map(|node| {
        let scope = match &node.kind {
            NodeKind::ParallelGroup(group) => match group.fan_out {
                FanOut::Members(scope) | FanOut::Items { body: scope, .. } => scope,
            },
            NodeKind::Loop(repeated) => repeated.body,
            _ => return None,
        };
        Some((node.id.clone(), workflow.scope(scope)))
    });
    let top = (String::new(), workflow.scope(ScopeIndex::TOP));
    std::iter::once(top).chain(owned).collect()
}

/// What is in each scope: the owner, the members by layers, and the edges.
fn shown(workflow: &Compiled) -> Vec<String> {
    let show_one = |(owner, graph): (String, &Graph)| {
        let layers: Vec<_> = graph
            .layers()
            .iter()
            .map(|layer| {
                let ids: Vec<_> = layer.iter().map(|node| graph.node(*node).id.as_str()).collect();
                ids.join(" ")
            })
            .collect();
        let mut edges: Vec<_> = graph.indices().flat_map(|node| graph.incoming(node)).collect();
        edges.sort_by_key(|edge| edge.index);
        let edges: Vec<_> = edges.iter().map(|edge| show(graph, edge)).collect();
        format!("{owner}: {} ({})", layers.join(" / "), edges.join(", "))
    };
    scopes(workflow).into_iter().map(show_one).collect()
}

fn on(id: &str, before: &[&str]) -> Value {
    call(id, json!({"depends_on": before}))
}

/// A group with a written member, a loop and a member that is named, among other nodes.
fn nested() -> Value {
    let inner = repeat("l", json!({"body": {"nodes": [on("x", &[]), on("y", &["x"])]}}));
    let mut members = group("g", json!({"nodes": [on("b", &["c"]), "c", inner]}));
    members["depends_on"] = json!(["a"]);
    members["config"]["edges"] = json!([{"from": "b", "to": "l"}]);
    workflow(&[on("a", &[]), members, on("c", &[]), on("d", &["g"])])
}

#[test]
fn each_group_and_loop_has_a_scope_of_its_own() {
    let expected = [
        ": a / g / d (a>g, g>d)",
        "g: c / b / l (b>l, c>b)",
        "l: x / y (x>y)",
    ];
    assert_eq!(shown(&compiled(&nested())), expected);
}

#[test]
fn positions_and_pointers_are_those_of_the_text() {
    let workflow = compiled(&nested());
    let mut nodes: Vec<_> = workflow
        .nodes()
        .map(|node| (node.position, node.id.as_str(), node.pointer.as_str()))
        .collect();
    nodes.sort_unstable();
    let expected = [
        (0, "a", "/nodes/0"),
        (1, "g", "/nodes/1"),
        (2, "b", "/nodes/1/config/nodes/0"),
        (3, "l", "/nodes/1/config/nodes/2"),
        (4, "x", "/nodes/1/config/nodes/2/config/body/nodes/0"),
        (5, "y", "/nodes/1/config/nodes/2/config/body/nodes/1"),
        (6, "c", "/nodes/2"),
        (7, "d", "/nodes/3"),
    ];
    assert_eq!(nodes, expected);
}

#[test]
fn agents_and_workflows_are_listed_from_all_scopes() {
    let child =
        |id: &str| json!({"id": id, "type": "subworkflow", "config": {"workflow_id": format!("of-{id}")}});
    let document = workflow(&[
        group(
            "g",
            json!({"items": [1], "body": {"nodes": [child("s"), call("a", json!({}))]}}),
        ),
        child("t"),
        call("b", json!({"agent_id": "other"})),
    ]);
    let workflow = compiled(&document);
    let agents: Vec<_> = workflow
        .agents()
        .map(|(pointer, call)| (pointer, call.agent_id.clone()))
        .collect();
    let of = |pointer: &str, name: &str| (pointer.to_owned(), name.to_owned());
    assert_eq!(
        agents,
        [
            of("/nodes/2/agent_id", "other"),
            of("/nodes/0/config/body/nodes/1/agent_id", "echo")
        ]
    );
    let children: Vec<_> = workflow
        .subworkflows()
        .map(|(pointer, child)| (pointer, child.workflow.clone()))
        .collect();
    assert_eq!(
        children,
        [
            of("/nodes/1/config/workflow_id", "of-t"),
            of("/nodes/0/config/body/nodes/0/config/workflow_id", "of-s")
        ]
    );
}

#[test]
fn edges_that_are_written_around_a_group_move_with_the_nodes_it_names() {
    let mut document = workflow(&[
        group(
            "g",
            json!({"nodes": ["b", "a"], "edges": [{"from": "a", "to": "c"}]}),
        ),
        on("a", &[]),
        on("b", &[]),
    ]);
    document["nodes"][0]["config"]["nodes"] = json!(["b", "a", "c"]);
    document["nodes"].as_array_mut().unwrap().push(on("c", &["b"]));
    document["edges"] = json!([{"from": "a", "to": "b"}]);
    assert_eq!(
        shown(&compiled(&document)),
        [": g ()", "g: a / b / c (a>c, a>b, b>c)"]
    );
}

#[test]
fn groups_and_loops_may_be_named_too() {
    let document = workflow(&[
        on("x", &[]),
        group("inner", json!({"nodes": ["x"]})),
        repeat("middle", json!({"nodes": ["inner"]})),
        group(
            "outer",
            json!({"items": "{{ input.list }}", "body": {"nodes": ["middle", on("y", &["middle"])]}}),
        ),
    ]);
    let expected = [
        ": outer ()",
        "outer: middle / y (middle>y)",
        "inner: x ()",
        "middle: inner ()",
    ];
    assert_eq!(shown(&compiled(&document)), expected);
}

#[test]
fn branches_failures_and_joins_work_inside_as_outside() {
    let body = json!({"nodes": [
        {"id": "c", "type": "condition", "config": {"expression": "$.item.x", "then": "a", "else": "b"}},
        call("a", json!({"on_error": {"goto": "b"}})),
        call("b", json!({"join": "any"})),
        approval("ok", json!({"depends_on": ["a"]})),
    ], "edges": [{"from": "ok", "to": "b", "when": "rejected"}]});
    let document = workflow(&[group("g", json!({"items": "{{ input }}", "body": body}))]);
    assert_eq!(findings(&document), [""; 0]);
    let expected = [
        ": g ()",
        "g: c / a / ok / b (ok>b [rejected], a>ok, c>a [true], c>b [false], a>b [error])",
    ];
    assert_eq!(shown(&compiled(&document)), expected);
}

/// The first finding's message and hint.
fn told(document: &Value) -> (String, String) {
    let checked = check(&document.to_string());
    let found = checked.diagnostics.iter().next().unwrap();
    (found.message.clone(), found.hint.clone().unwrap_or_default())
}

#[test]
fn what_crosses_a_border_is_told_what_to_do_instead() {
    let inside = |before: &[&str]| group("g", json!({"nodes": [on("a", before), on("a2", &[])]}));
    let reads = |text: &str| call("b", json!({"depends_on": ["g"], "config": {"x": text}}));
    let cases = [
        (
            workflow(&[inside(&["b"]), on("b", &[])]),
            "`b` and `a` are not members of the same group or loop",
            "let `g` depend on `b`: its members start after that",
        ),
        (
            workflow(&[inside(&[]), on("b", &["a"])]),
            "`a` and `b` are not members of the same group or loop",
            "let `b` depend on `g`, where `a` is",
        ),
        (
            workflow(&[inside(&["x"]), repeat("l", json!({"nodes": [on("x", &[])]}))]),
            "`x` and `a` are not members of the same group or loop",
            "",
        ),
        (
            workflow(&[inside(&[]), reads("{{ a.x }}")]),
            "node `a` is not seen from here: it is a member of a group or loop",
            "only what `g` yields is seen from here",
        ),
        (
            workflow(&[group(
                "g",
                json!({"nodes": [on("abcdef", &[]), on("b", &["abcdeg"])]}),
            )]),
            "there is no node `abcdeg`",
            "did you mean `abcdef`?",
        ),
        (
            workflow(&[group("g", json!({"nodes": ["serch"]})), on("search", &[])]),
            "there is no node `serch`",
            "did you mean `search`?",
        ),
        (
            workflow(&[
                group(
                    "g",
                    json!({"nodes": [call("a", json!({"config": {"x": "{{ b }}"}}))]}),
                ),
                on("b", &[]),
            ]),
            "node `b` does not come before this node",
            "add an edge from `b` to `g`",
        ),
        (
            workflow(&[
                group("g", json!({"nodes": ["h"]})),
                group("h", json!({"nodes": ["g"]})),
            ]),
            "groups and loops are members of each other: h → g → h",
            "",
        ),
    ];
    for (document, message, hint) in cases {
        assert_eq!(
            told(&document),
            (message.to_owned(), hint.to_owned()),
            "{document}"
        );
    }
}

#[test]
fn the_condition_of_a_loop_that_is_asked_before_sees_the_iteration_before_only() {
    let asked = |name: &str| {
        let mut node = repeat("l", json!({"nodes": [on("x", &[])]}));
        node["config"].as_object_mut().unwrap().remove("until");
        node["config"][name] = json!("$.nodes.x.output.done != true");
        told_or_nothing(&workflow(&[node]))
    };
    assert_eq!(asked("until"), None);
    assert_eq!(
        asked("while").as_deref(),
        Some("the iteration before is `loop.last`")
    );
}

fn told_or_nothing(document: &Value) -> Option<String> {
    let checked = check(&document.to_string());
    checked
        .diagnostics
        .iter()
        .next()
        .and_then(|found| found.hint.clone())
}

#[test]
fn members_see_what_the_group_around_them_sees() {
    let deep = |text: &str| {
        let innermost = call("x", json!({"config": {"t": text}}));
        let inner = repeat(
            "l",
            json!({"nodes": [innermost], "until": "$.nodes.start.output == $.nodes.x.output"}),
        );
        let mut outer = group("g", json!({"nodes": [on("m", &[]), inner]}));
        outer["depends_on"] = json!(["start"]);
        outer["config"]["edges"] = json!([{"from": "m", "to": "l"}]);
        findings(&workflow(&[on("start", &[]), outer, on("after", &["g"])]))
    };
    let place = "/nodes/1/config/nodes/1/config/nodes/0/config/t";
    for seen in ["{{ start.x }}", "{{ m.x }}", "{{ start }}{{ m }}{{ loop.index }}"] {
        assert_eq!(deep(seen), [""; 0], "{seen}");
    }
    assert_eq!(deep("{{ after }}"), [format!("reference_not_upstream@{place}")]);
    assert_eq!(deep("{{ g }}"), [format!("reference_not_upstream@{place}")]);
    assert_eq!(deep("{{ l }}"), [format!("reference_not_upstream@{place}")]);
}

#[test]
fn a_member_is_warned_of_what_may_have_been_skipped_before_its_group() {
    let reads = |join: &str, text: &str| {
        let mut around = group("g", json!({"nodes": [call("x", json!({"config": {"t": text}}))]}));
        around["depends_on"] = json!(["a", "b"]);
        around["join"] = json!(join);
        let branch = json!({"id": "c", "type": "condition", "config": {"expression": "$.x", "then": "a", "else": ["b"]}});
        let mut found = findings(&workflow(&[branch, on("a", &[]), on("b", &[]), around]));
        found.retain(|found| found.starts_with("reference"));
        found.len()
    };
    assert_eq!(reads("default", "{{ a }}"), 1);
    assert_eq!(reads("default", "{{ a | default(b) }}"), 0);
    assert_eq!(reads("default", "{{ c.branch }}"), 0);
    assert_eq!(reads("all", "{{ a }}"), 0);
}
