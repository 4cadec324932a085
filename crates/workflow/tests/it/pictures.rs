//! Pictures of workflows.

use agentchains_workflow::{Compiled, PictureFormat, check};
use serde_json::{Value, json};

fn compiled(document: &Value) -> Compiled {
    let checked = check(&document.to_string());
    checked
        .workflow
        .unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

fn call(id: &str, after: &[&str]) -> Value {
    json!({"id": id, "type": "agent_call", "agent_id": "writer", "depends_on": after})
}

/// One of everything: a branch, a way for failures, a group, a loop, a long edge.
fn everything() -> Compiled {
    compiled(&json!({"name": "Everything", "nodes": [
        {"id": "choose", "type": "condition", "config": {"cases": [{"when": "$.input.x == 1", "to": "left", "label": "one"}], "default": "right"}},
        {"id": "left", "type": "agent_call", "agent_id": "writer", "on_error": {"goto": "ask"}},
        call("right", &[]),
        {"id": "ask", "type": "human_approval", "config": {"message": "Go on?"}},
        {"id": "panel", "type": "parallel_group", "depends_on": ["left"], "config": {"nodes": [call("first", &[]), call("second", &[])]}},
        {"id": "refine", "type": "loop", "depends_on": ["panel"], "config": {
            "body": {"nodes": [call("draft", &[]), call("judge", &["draft"])]}, "until": "$.nodes.judge.good == true", "max_iterations": 3}},
        {"id": "child", "type": "subworkflow", "depends_on": ["refine", "choose"], "config": {"workflow_id": "other"}},
    ]}))
}

#[test]
fn each_node_and_edge_is_drawn_once_in_every_format() {
    let workflow = everything();
    let titles = [
        "choose", "left", "right", "ask", "panel", "first", "second", "refine", "draft", "judge", "child",
    ];
    for (format, edge) in [
        (PictureFormat::Mermaid, "-->"),
        (PictureFormat::Dot, "->"),
        (PictureFormat::Svg, "class=\"edge"),
    ] {
        let picture = workflow.picture(format);
        for title in titles {
            let labels = [
                format!("[\"{title}<br/>"),
                format!("\"{title}<br/>"),
                format!("\"{title}\\n"),
                format!(">{title}</text>"),
            ];
            assert!(
                labels.iter().any(|label| picture.contains(label.as_str())),
                "{format} has no {title}:\n{picture}"
            );
        }
        let dashed = match format {
            PictureFormat::Mermaid => picture.matches(".->").count(),
            _ => 0,
        };
        assert_eq!(picture.matches(edge).count() + dashed, 8, "{format}:\n{picture}");
        assert_eq!(picture, workflow.picture(format), "the same each time");
    }
}

#[test]
fn edges_say_what_they_depend_on() {
    let workflow = everything();
    let mermaid = workflow.picture(PictureFormat::Mermaid);
    for line in [
        "n0 -- \"one\" --> n1",
        "n0 -- \"default\" --> n2",
        "n1 -. \"on error\" .-> n3",
        "subgraph n4[\"panel<br/>all of\"]",
        "subgraph n7[\"refine<br/>until done, at most 3 times\"]",
    ] {
        assert!(mermaid.contains(line), "{line}\n{mermaid}");
    }
    let dot = workflow.picture(PictureFormat::Dot);
    for line in [
        "n1 -> n3 [label=\"on error\", style=dashed];",
        "n1 -> n5 [lhead=cluster_n4];",
        "n5 -> n8 [ltail=cluster_n4, lhead=cluster_n7];",
        "n9 -> n10 [ltail=cluster_n7];",
    ] {
        assert!(dot.contains(line), "{line}\n{dot}");
    }
}

/// What is left of a text in the language of Graphviz without what stands between quotes.
fn without_quoted(dot: &str) -> String {
    let mut left = String::new();
    let mut letters = dot.chars();
    while let Some(letter) = letters.next() {
        if letter != '"' {
            left.push(letter);
            continue;
        }
        loop {
            match letters.next().unwrap() {
                '\\' => _ = letters.next().unwrap(),
                '"' => break,
                _ => {}
            }
        }
    }
    left
}

#[test]
fn names_of_strangers_stay_text() {
    let hostile =
        "\"]]\n end --> x</title><script>alert('1')</script>\\\" -> \u{202e}evil; %%{init: {}}%% `b` #quot;";
    let long = "x".repeat(10_000);
    for name in [hostile, long.get(..200).unwrap()] {
        let mut node = call("a", &[]);
        node["name"] = json!(name);
        node["agent_id"] = json!(name);
        let workflow = compiled(&json!({"name": name, "nodes": [node, call("b", &["a"])]}));
        let mermaid = workflow.picture(PictureFormat::Mermaid);
        assert_eq!(mermaid.lines().count(), 4, "{mermaid}");
        let quotes = mermaid
            .lines()
            .map(|line| line.matches('"').count())
            .collect::<Vec<_>>();
        assert_eq!(quotes, [0, 2, 2, 0], "{mermaid}");
        assert!(
            !mermaid.contains("<script") && !mermaid.contains('`') && !mermaid.contains('%'),
            "{mermaid}"
        );
        let dot = workflow.picture(PictureFormat::Dot);
        let structure = without_quoted(&dot);
        assert_eq!(structure.matches("->").count(), 1, "{dot}");
        assert!(!structure.contains("evil") && !structure.contains("xxx"), "{dot}");
        let svg = workflow.picture(PictureFormat::Svg);
        assert!(!svg.contains("<script"), "{svg}");
        for text in [&mermaid, &dot, &svg] {
            assert!(!text.contains('\u{202e}'));
            assert!(text.len() < 8_000, "{}", text.len());
        }
    }
}

/// Upper left and lower right corners of the cards in a picture, by their titles.
fn cards(svg: &str) -> Vec<(f64, f64, f64, f64)> {
    let number = |card: &str, name: &str| -> f64 {
        let from = card.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        let text = &card[from..];
        text[..text.find('"').unwrap()].parse().unwrap()
    };
    let cards = svg.split("<rect class=\"card\"").skip(1).map(|rest| {
        let card = rest.split("/>").next().unwrap();
        let (x, y) = (number(card, "x"), number(card, "y"));
        (x, y, x + number(card, "width"), y + number(card, "height"))
    });
    cards.collect()
}

#[test]
fn no_node_stands_on_another_one() {
    let mut workflows = vec![everything()];
    // Wide, deep, and with edges over many layers.
    let mut nodes = vec![call("n0", &[])];
    for i in 1..120_usize {
        let before = [
            format!("n{}", i / 3),
            format!("n{}", (i * 7) % i),
            format!("n{}", i - 1 - (i % 4).min(i - 1)),
        ];
        let mut distinct: Vec<&str> = before.iter().map(String::as_str).collect();
        distinct.sort_unstable();
        distinct.dedup();
        nodes.push(call(&format!("n{i}"), &distinct));
    }
    workflows.push(compiled(&json!({"name": "Many", "nodes": nodes})));
    for workflow in workflows {
        let svg = workflow.picture(PictureFormat::Svg);
        let cards = cards(&svg);
        assert!(cards.len() > 8);
        for (position, a) in cards.iter().enumerate() {
            for b in &cards[position + 1..] {
                let apart = a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1;
                assert!(apart, "{a:?} and {b:?}\n{svg}");
            }
        }
    }
}

#[test]
fn the_largest_workflow_can_be_drawn() {
    let chain = (0..10_000).map(|i| match i {
        0 => call("n0", &[]),
        i => call(
            &format!("n{i}"),
            &[&format!("n{}", i - 1), "n0"][..if i == 1 { 1 } else { 2 }],
        ),
    });
    let workflow = compiled(&json!({"name": "Long", "nodes": chain.collect::<Vec<_>>()}));
    for format in PictureFormat::ALL {
        assert!(workflow.picture(*format).contains("n9999"), "{format}");
    }
}
