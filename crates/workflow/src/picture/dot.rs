//! The language of Graphviz.

use std::fmt::Write as _;

use super::{
    Name, condition, members, subtitle,
    text::{MAX_CHARS, shown},
    title,
};
use crate::{Compiled, Graph, Node, NodeIndex, NodeKind, ScopeIndex, When};

/// What holds for the whole picture; edges may end at the frames of groups and loops.
const STYLE: &str = "  compound=true;\n  node [shape=box, style=\"rounded\", fontname=\"sans-serif\"];\n  \
                     edge [fontname=\"sans-serif\", fontsize=10];\n";

pub(super) fn draw(workflow: &Compiled) -> String {
    let name = escaped(&workflow.settings().name);
    let mut picture = format!("digraph \"{name}\" {{\n{STYLE}");
    nodes(&mut picture, workflow, ScopeIndex::TOP, 1);
    for scope in &workflow.scopes {
        edges(&mut picture, workflow, scope);
    }
    picture.push_str("}\n");
    picture
}

/// The nodes of a scope, and those inside of them. Scopes are not deep inside of each other, which the check holds.
fn nodes(picture: &mut String, workflow: &Compiled, scope: ScopeIndex, depth: usize) {
    let graph = workflow.scope(scope);
    let indent = "  ".repeat(depth);
    for index in graph.indices() {
        let node = graph.node(index);
        let name = Name::of(graph, index);
        let label = label(node);
        // Writing into a string does not fail.
        let _ = match members(node) {
            Some(inside) => {
                let _ = writeln!(picture, "{indent}subgraph cluster_{name} {{");
                let _ = writeln!(picture, "{indent}  label=\"{label}\"; style=\"rounded\";");
                nodes(picture, workflow, inside, depth + 1);
                writeln!(picture, "{indent}}}")
            }
            None => writeln!(picture, "{indent}{name} [label=\"{label}\"{}];", shape(node)),
        };
    }
}

const fn shape(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::Condition(_) => ", shape=diamond, style=\"\"",
        NodeKind::HumanApproval(_) => ", shape=oval, style=\"\"",
        NodeKind::Subworkflow(_) => ", peripheries=2",
        _ => "",
    }
}

fn label(node: &Node) -> String {
    format!("{}\\n{}", escaped(title(node)), escaped(&subtitle(node)))
}

fn edges(picture: &mut String, workflow: &Compiled, graph: &Graph) {
    for from in graph.indices() {
        for edge in graph.outgoing(from) {
            let (tail, leaves) = end(workflow, graph, from, |inside| inside.sinks().next());
            let (head, enters) = end(workflow, graph, edge.to, |inside| inside.indices().next());
            let mut attributes = Vec::new();
            if let Some(label) = condition(edge.when) {
                attributes.push(format!("label=\"{}\"", escaped(&label)));
            }
            if *edge.when == When::OnError {
                attributes.push("style=dashed".to_owned());
            }
            attributes.extend(leaves.map(|frame| format!("ltail=cluster_{frame}")));
            attributes.extend(enters.map(|frame| format!("lhead=cluster_{frame}")));
            let attributes = match attributes.as_slice() {
                [] => String::new(),
                attributes => format!(" [{}]", attributes.join(", ")),
            };
            let _ = writeln!(picture, "  {tail} -> {head}{attributes};");
        }
    }
}

/// The node that an edge is tied to: edges join nodes only, so that for a frame it is one inside.
fn end(
    workflow: &Compiled,
    graph: &Graph,
    node: NodeIndex,
    pick: impl Fn(&Graph) -> Option<NodeIndex>,
) -> (Name, Option<Name>) {
    let own = || Name::of(graph, node);
    let (mut graph, mut node) = (graph, node);
    let mut frame = None;
    while let Some(scope) = members(graph.node(node)) {
        frame.get_or_insert_with(own);
        graph = workflow.scope(scope);
        match pick(graph) {
            Some(inside) => node = inside,
            None => break,
        }
    }
    (Name::of(graph, node), frame)
}

/// Text between quotes.
fn escaped(text: &str) -> String {
    shown(text, MAX_CHARS).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_text_is_escaped() {
        assert_eq!(escaped(r#"a "b" \"#), r#"a \"b\" \\"#);
    }
}
