//! Flowcharts of Mermaid.

use std::fmt::Write as _;

use super::{
    Name, condition, members, subtitle,
    text::{MAX_CHARS, shown},
    title,
};
use crate::{Compiled, Graph, Node, NodeKind, ScopeIndex, When};

pub(super) fn draw(workflow: &Compiled) -> String {
    let mut picture = String::from("flowchart TD\n");
    nodes(&mut picture, workflow, ScopeIndex::TOP, 1);
    for scope in &workflow.scopes {
        edges(&mut picture, scope);
    }
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
                let _ = writeln!(picture, "{indent}subgraph {name}[\"{label}\"]");
                nodes(picture, workflow, inside, depth + 1);
                writeln!(picture, "{indent}end")
            }
            None => {
                let (open, close) = shape(node);
                writeln!(picture, "{indent}{name}{open}\"{label}\"{close}")
            }
        };
    }
}

const fn shape(node: &Node) -> (&'static str, &'static str) {
    match node.kind {
        NodeKind::Condition(_) => ("{", "}"),
        NodeKind::HumanApproval(_) => ("([", "])"),
        NodeKind::Subworkflow(_) => ("[[", "]]"),
        _ => ("[", "]"),
    }
}

fn label(node: &Node) -> String {
    let title = escaped(&shown(title(node), MAX_CHARS));
    let subtitle = escaped(&shown(&subtitle(node), MAX_CHARS));
    format!("{title}<br/>{subtitle}")
}

fn edges(picture: &mut String, graph: &Graph) {
    for from in graph.indices() {
        for edge in graph.outgoing(from) {
            let (from, to) = (Name::of(graph, from), Name::of(graph, edge.to));
            let label = condition(edge.when).map(|label| escaped(&shown(&label, MAX_CHARS)));
            let _ = match (edge.when, label) {
                (When::OnError, Some(label)) => writeln!(picture, "  {from} -. \"{label}\" .-> {to}"),
                (_, Some(label)) => writeln!(picture, "  {from} -- \"{label}\" --> {to}"),
                (_, None) => writeln!(picture, "  {from} --> {to}"),
            };
        }
    }
}

/// Text between quotes. Everything that could mean something is a character reference, `#…;` there.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_alphanumeric() || " .,:-_/()…".contains(letter) {
            escaped.push(letter);
        } else {
            let _ = write!(escaped, "#{};", u32::from(letter));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_text_is_a_reference() {
        assert_eq!(
            escaped(r#"a "b" #c ]] `d`"#),
            "a #34;b#34; #35;c #93;#93; #96;d#96;"
        );
        assert_eq!(escaped("<script>é"), "#60;script#62;é");
    }
}
