//! `item` and `loop`: what templates and conditions inside of bodies read.

use std::cell::RefCell;

use agentchains_workflow::{
    Condition, Json, LoopField, NodeKind, Predicate, RenderErrorCode, Repeat, Scope, SettledNode, Template,
};
use serde_json::{Value, json};

use crate::support::{call, compiled, repeat, workflow};

/// The loop of a valid document, around a call with that config and a condition with that one.
fn body(config: Value, condition: Value, until: &str) -> (Template, Condition, Predicate) {
    let nodes =
        json!([call("a", json!({"config": config})), {"id": "c", "type": "condition", "config": condition}]);
    let inner = repeat("l", json!({"nodes": nodes, "until": until}));
    let document = workflow(&[repeat(
        "each",
        json!({"until": null, "items": [1], "nodes": [inner]}),
    )]);
    let mut document = document;
    document["nodes"][0]["config"]
        .as_object_mut()
        .unwrap()
        .remove("until");
    let workflow = compiled(&document);
    let kind = |id: &str| workflow.nodes().find(|node| node.id == id).unwrap().kind.clone();
    match (kind("a"), kind("c"), kind("l")) {
        (NodeKind::AgentCall(call), NodeKind::Condition(condition), NodeKind::Loop(repeated)) => {
            let Repeat::Until(until) = repeated.repeat else {
                panic!("until, not {:?}", repeated.repeat)
            };
            (call.config, condition, until)
        }
        other => unreachable!("{other:?}"),
    }
}

const ANY: &str = "1 == 1";

fn template(text: &str) -> Template {
    body(json!({"it": text}), json!({"expression": ANY}), ANY).0
}

fn condition(config: Value) -> Condition {
    body(json!({}), config, ANY).1
}

fn predicate(until: &str) -> Predicate {
    body(json!({}), json!({"expression": ANY}), until).2
}

/// What a body sees in its second iteration, and what was asked for.
#[derive(Default)]
struct Second {
    asked: RefCell<Vec<String>>,
    /// Whether it is the first iteration after all.
    is_first: bool,
}

impl Scope for Second {
    fn input(&self) -> Json {
        Json::null()
    }

    fn node(&self, _: &str) -> Option<SettledNode> {
        None
    }

    fn execution(&self) -> Json {
        Json::null()
    }

    fn item(&self) -> Option<Json> {
        self.asked.borrow_mut().push("item".to_owned());
        Some(json!({"name": "n", "empty": null}).into())
    }

    fn loop_field(&self, field: LoopField) -> Option<Json> {
        self.asked.borrow_mut().push(field.as_str().to_owned());
        match field {
            LoopField::Index => Some(json!(usize::from(!self.is_first)).into()),
            LoopField::Last => (!self.is_first).then(|| json!({"a": {"score": 7}}).into()),
            LoopField::Results => Some(json!([{"a": {"score": 7}}]).into()),
        }
    }
}

#[test]
fn templates_read_the_item_and_the_iterations() {
    let cases = [
        ("{{ item }}", json!({"name": "n", "empty": null})),
        ("{{ item.name }}", json!("n")),
        ("{{ item.empty }}", json!(null)),
        ("{{ loop.index }}", json!(1)),
        ("{{ loop.last | default(0) }}", json!({"a": {"score": 7}})),
        ("{{ loop.last.a.score | default(0) }}", json!(7)),
        ("{{ loop.results[0].a.score + loop.index }}", json!(8)),
        ("{{ loop.results | length }} of {{ item.name }}", json!("1 of n")),
    ];
    for (text, expected) in cases {
        let rendered = template(text).render(&Second::default()).unwrap();
        assert_eq!(rendered, json!({"it": expected}), "{text}");
    }
}

#[test]
fn what_the_first_iteration_does_not_have_is_missing() {
    let first = Second {
        is_first: true,
        ..Second::default()
    };
    let render = |text: &str| template(text).render(&first);
    assert_eq!(
        render("{{ loop.last | default('none') }}"),
        Ok(json!({"it": "none"}).into())
    );
    let cases = [
        ("{{ loop.results[1] }}", "`loop.results[1]` does not exist"),
        ("{{ item.nothing }}", "`item.nothing` does not exist"),
    ];
    for (text, message) in cases {
        let error = render(text).unwrap_err();
        assert_eq!(error.code, RenderErrorCode::TemplateMissing, "{text}");
        assert_eq!(error.message, message, "{text}");
    }
}

#[test]
fn only_what_is_referred_to_is_asked_for_and_once() {
    let cases = [
        ("{{ loop.index }} {{ loop.index + 1 }}", vec!["index"]),
        (
            "{{ item.name }} {{ item.name }} {{ loop.results }}",
            vec!["item", "results"],
        ),
        ("{{ input }}{{ 1 }}", vec![]),
    ];
    for (text, expected) in cases {
        let scope = Second::default();
        let _outcome = template(text).render(&scope);
        assert_eq!(*scope.asked.borrow(), expected, "{text}");
    }
}

#[test]
fn conditions_read_the_item_and_the_iterations() {
    let document = json!({
        "input": {}, "nodes": {}, "execution": {}, "item": {"name": "n"},
        "loop": {"index": 1, "last": {"a": 7}, "results": [{"a": 7}]}
    });
    let decided = |config: Value| condition(config).decide(&document).unwrap().label;
    let cases = [
        (
            json!({"expression": "$.item.name == 'n' && $.loop.index == 1"}),
            "true",
        ),
        (json!({"expression": "$.loop.results[?@.a > 7]"}), "false"),
        (
            json!({"path": "$.loop.last.a", "operator": "eq", "value": "{{ loop.results[0].a }}"}),
            "true",
        ),
        (
            json!({"path": "$.item.name", "operator": "eq", "value": "{{ item.name }}"}),
            "true",
        ),
        (
            json!({"path": "$.loop.index", "operator": "gt", "value": "{{ loop.index }}"}),
            "false",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(decided(config.clone()).as_deref(), Some(expected), "{config}");
    }
    assert_eq!(predicate("$.loop.last.a == 7").holds(&document), Ok(true));
    assert_eq!(predicate("$.loop.last.b").holds(&document), Ok(false));
}

#[test]
fn whether_all_results_are_read_is_told_as_precisely_as_a_path_tells() {
    let cases = [
        (ANY, false),
        ("$.loop.index > 3", false),
        ("$.loop.last.results == $['loop']['index']", false),
        ("$.input.results && $.nodes.x.output.results", false),
        ("$.loop.results", true),
        ("$['loop'][\"results\"][0] == 1", true),
        ("$.loop['index', 'results']", true),
        ("count($.loop.*) > 2", true),
        ("$.loop", true),
        ("$", true),
        ("$..results", true),
        ("$.*.results", true),
        ("$.input[?@ == $.loop.results[0]]", true),
        ("$.loop[?@.results]", true),
    ];
    for (expression, reads) in cases {
        // What no node has done cannot be named, but for the text that is only looked at.
        let expression = expression.replace("$.nodes.x", "$.nodes.a");
        assert_eq!(
            predicate(&expression).reach().includes_loop(LoopField::Results),
            reads,
            "{expression}"
        );
    }
    assert!(
        condition(json!({"expression": "$.loop.results"}))
            .reach()
            .includes_loop(LoopField::Results)
    );
    let value = json!({"path": "$.loop.index", "operator": "in", "value": "{{ loop.results }}"});
    assert!(condition(value).reach().includes_loop(LoopField::Results));
    let value = json!({"path": "$.loop.index", "operator": "eq", "value": "{{ loop.index }}"});
    assert!(!condition(value).reach().includes_loop(LoopField::Results));
}

#[test]
fn a_predicate_names_the_nodes_it_reads() {
    let predicate = predicate("$.nodes.a.output.done && $.input.x");
    assert!(predicate.reach().nodes().is_none_or(|ids| ids.contains("a")));
    assert!(!predicate.reach().nodes().is_none_or(|ids| ids.contains("c")));
}
