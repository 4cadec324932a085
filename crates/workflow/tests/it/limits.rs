//! Documents at and beyond the limits.

use agentchains_workflow::{check, limits};
use serde_json::{Value, json};

use crate::support::{call, compiled, findings, found, group, one, workflow};

/// Each node after the one before.
fn chain(count: usize) -> Value {
    let node = |number: usize| {
        let before = number.checked_sub(1).map(|before| format!("n{before}"));
        call(&format!("n{number}"), json!({"depends_on": before.as_slice()}))
    };
    workflow(&(0..count).map(node).collect::<Vec<_>>())
}

/// The document with its nodes in the opposite order.
fn reversed(mut document: Value) -> Value {
    document["nodes"].as_array_mut().unwrap().reverse();
    document
}

#[test]
fn the_longest_chain_compiles_in_either_order_and_a_longer_one_is_refused() {
    for document in [chain(limits::MAX_NODES), reversed(chain(limits::MAX_NODES))] {
        let workflow = compiled(&document);
        assert_eq!(workflow.graph().layers().len(), limits::MAX_NODES);
    }
    for count in [limits::MAX_NODES + 1, 10 * limits::MAX_NODES] {
        assert_eq!(findings(&chain(count)), ["too_many_nodes@/nodes"]);
    }
}

#[test]
fn a_ring_of_all_nodes_is_a_cycle() {
    let mut document = chain(limits::MAX_NODES);
    document["nodes"][0]["depends_on"] = json!([format!("n{}", limits::MAX_NODES - 1)]);
    assert_eq!(findings(&document), ["cycle_detected@/nodes/0/depends_on/0"]);
}

#[test]
fn ten_thousand_small_cycles_are_found_one_by_one() {
    let nodes: Vec<_> = (0..limits::MAX_NODES)
        .map(|number| {
            call(
                &format!("n{number}"),
                json!({"depends_on": [format!("n{}", number ^ 1)]}),
            )
        })
        .collect();
    let checked = check(&workflow(&nodes).to_string());
    assert_eq!(checked.diagnostics.errors().count(), limits::MAX_ERRORS);
    assert_eq!(
        checked.diagnostics.omitted(),
        limits::MAX_NODES / 2 - limits::MAX_ERRORS
    );
}

#[test]
fn edges_are_counted_together_however_they_are_written() {
    let nodes: Vec<_> = (0..500)
        .map(|number| call(&format!("n{number}"), json!({})))
        .collect();
    let mut document = workflow(&nodes);
    let pairs = (0..500_usize).flat_map(|to| (0..to).map(move |from| (from, to)));
    let edge = |(from, to)| json!({"from": format!("n{from}"), "to": format!("n{to}")});
    document["edges"] = pairs.take(limits::MAX_EDGES).map(edge).collect();
    assert_eq!(compiled(&document).graph().edge_count(), limits::MAX_EDGES);
    document["nodes"][499]["depends_on"] = json!(["n0"]);
    assert_eq!(findings(&document), ["too_many_edges@"]);
    document["edges"]
        .as_array_mut()
        .unwrap()
        .push(json!({"from": "n0", "to": "n499"}));
    assert_eq!(findings(&document), ["too_many_edges@/edges"]);
}

#[test]
fn every_node_may_refer_to_every_node_before_it() {
    let nodes: Vec<_> = (0..300)
        .map(|number: usize| {
            let before: Vec<_> = (0..number).map(|before| format!("n{before}")).collect();
            let texts: Vec<_> = before
                .iter()
                .map(|before| format!("{{{{ {before}.x }}}}"))
                .collect();
            let last = before.last().map(std::slice::from_ref).unwrap_or_default();
            call(
                &format!("n{number}"),
                json!({"depends_on": last, "config": {"all": texts}}),
            )
        })
        .collect();
    let workflow = compiled(&workflow(&nodes));
    assert_eq!(workflow.graph().layers().len(), 300);
}

#[test]
fn forty_thousand_expressions_in_one_text_compile() {
    assert_eq!(
        findings(&one(json!({"config": {"x": "{{ input.x }}".repeat(40_000)}}))),
        [""; 0]
    );
}

#[test]
fn a_hundred_thousand_wrong_edges_are_told_in_bounded_space() {
    let mut document = one(json!({}));
    document["edges"] = (0..50_000)
        .map(|number| json!({"from": format!("x{number}"), "to": "a"}))
        .collect();
    let checked = check(&document.to_string());
    assert_eq!(found(&checked).len(), limits::MAX_ERRORS);
    assert_eq!(checked.diagnostics.omitted(), 50_000 - limits::MAX_ERRORS);
}

/// Runs in a stack of 2 MiB, which is what a thread of the server has.
fn in_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(test)
        .unwrap();
    thread.join().unwrap();
}

/// A call inside of that many groups, each written in the one around it. Written as text: the limit is that of the
/// text, and a value would be nested as deep.
fn written_inside(groups: usize) -> String {
    let open: String = (0..groups)
        .map(|number| format!(r#"{{"id": "g{number}", "type": "parallel_group", "config": {{"nodes": ["#))
        .collect();
    let node = call("a", json!({}));
    format!(
        r#"{{"name": "t", "nodes": [{open}{node}{}]}}"#,
        "]}}".repeat(groups)
    )
}

#[test]
fn groups_are_nested_as_deep_as_json_is() {
    in_a_small_stack(|| {
        // The document and its nodes, three levels for each group, and the call.
        let most = (limits::MAX_DEPTH - 3) / 3;
        let checked = check(&written_inside(most));
        assert_eq!(found(&checked), [""; 0]);
        assert_eq!(checked.workflow.unwrap().nodes().count(), most + 1);
        for groups in [most + 1, 10_000] {
            assert_eq!(found(&check(&written_inside(groups))), ["too_deep@"]);
        }
    });
}

/// Groups that each name the next one, and a call in the last.
fn named_inside(groups: usize) -> Value {
    let names = |number: usize| {
        if number + 1 == groups {
            "a".to_owned()
        } else {
            format!("g{}", number + 1)
        }
    };
    let mut nodes: Vec<_> = (0..groups)
        .map(|number| group(&format!("g{number}"), json!({"nodes": [names(number)]})))
        .collect();
    nodes.push(call("a", json!({"config": {"x": "{{ input.x }}"}})));
    workflow(&nodes)
}

#[test]
fn groups_that_name_each_other_are_nested_up_to_a_limit() {
    in_a_small_stack(|| {
        let most = limits::MAX_SCOPE_DEPTH;
        for document in [named_inside(most), reversed(named_inside(most))] {
            assert_eq!(compiled(&document).nodes().count(), most + 1);
        }
        let document = named_inside(most + 1);
        assert_eq!(findings(&document), [format!("too_deep@/nodes/{most}")]);
        for document in [named_inside(9_999), reversed(named_inside(9_999))] {
            let found = findings(&document);
            assert!(
                found.len() == 1 && found[0].starts_with("too_deep@/nodes/"),
                "{found:?}"
            );
        }
    });
}

#[test]
fn a_ring_of_ten_thousand_groups_is_told_in_one_line() {
    let nodes: Vec<_> = (0..limits::MAX_NODES)
        .map(|number| {
            let next = (number + 1) % limits::MAX_NODES;
            group(&format!("g{number}"), json!({"nodes": [format!("g{next}")]}))
        })
        .collect();
    let checked = check(&workflow(&nodes).to_string());
    let first = checked
        .diagnostics
        .iter()
        .find(|found| found.code.as_str() == "cycle_detected")
        .unwrap();
    assert!(first.message.len() < 1_000, "{}", first.message);
}

#[test]
fn nodes_are_counted_over_all_scopes() {
    let members = |count: usize, prefix: &str| -> Vec<Value> {
        (0..count)
            .map(|number| call(&format!("{prefix}{number}"), json!({})))
            .collect()
    };
    let document = |inside: usize| {
        let mut nodes = members(5_000, "a");
        nodes.push(group("g", json!({"nodes": members(inside, "b")})));
        workflow(&nodes)
    };
    assert_eq!(compiled(&document(4_999)).nodes().count(), limits::MAX_NODES);
    assert_eq!(
        findings(&document(5_000)),
        ["too_many_nodes@/nodes/5000/config/nodes"]
    );
    let long = json!({"nodes": chain(100_000)["nodes"]});
    assert_eq!(
        findings(&workflow(&[group("g", long)])),
        ["too_many_nodes@/nodes/0/config/nodes"]
    );
}

#[test]
fn edges_are_counted_over_all_scopes() {
    let inside = |prefix: &str, count: usize| {
        let nodes: Vec<_> = (0..400)
            .map(|number| call(&format!("{prefix}{number}"), json!({})))
            .collect();
        let pairs = (0..400_usize).flat_map(|to| (0..to).map(move |from| (from, to)));
        let edge = |(from, to)| json!({"from": format!("{prefix}{from}"), "to": format!("{prefix}{to}")});
        let edges: Value = pairs.take(count).map(edge).collect();
        group(prefix, json!({"nodes": nodes, "edges": edges}))
    };
    let document = |second: usize| workflow(&[inside("g", 50_000), inside("h", second)]);
    assert_eq!(compiled(&document(50_000)).nodes().count(), 802);
    assert_eq!(
        findings(&document(50_001)),
        ["too_many_edges@/nodes/1/config/edges"]
    );
}

#[test]
fn ten_thousand_nodes_in_a_thousand_groups_are_checked_in_one_go() {
    // Each group after the one before, and in each a chain that reads its group's predecessor and the input.
    let groups: Vec<_> = (0..1_000_usize)
        .map(|number| {
            let before = number.checked_sub(1).map(|before| format!("g{before}"));
            let text = before
                .as_ref()
                .map_or("{{ input }}".to_owned(), |before| format!("{{{{ {before} }}}}"));
            let members: Vec<_> = (0..9_usize)
                .map(|member| {
                    let before = member.checked_sub(1).map(|before| format!("n{number}x{before}"));
                    let fields = json!({"depends_on": before.as_slice(), "config": {"x": text}});
                    call(&format!("n{number}x{member}"), fields)
                })
                .collect();
            let mut node = group(&format!("g{number}"), json!({"nodes": members}));
            node["depends_on"] = json!(before.as_slice());
            node
        })
        .collect();
    let workflow = compiled(&workflow(&groups));
    assert_eq!(
        (workflow.graph().layers().len(), workflow.nodes().count()),
        (1_000, 10_000)
    );
}
