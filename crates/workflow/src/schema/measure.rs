//! How long a schema takes to apply, before it is compiled.
//!
//! The validator follows each `$ref` anew every time, so that a few lines can ask for more steps than there is time,
//! and it recurses, so that they can ask for more stack than there is. Both are bounded here: by the number of JSON
//! values, and the height, that the schema has with every `$ref` replaced by what it names. References that form a
//! ring are followed once: the validator goes round only as far as the value goes down.

use std::collections::HashMap;

use daggy::petgraph::{algo::kosaraju_scc, graph::DiGraph};
use serde_json::Value;

use crate::limits;

/// `$ref`s of one schema.
const MAX_REFS: usize = 1_000;
/// Those among them that are not `#`, `#/…` or `#anchor`; where they lead is not looked up, so they must be few.
const MAX_OTHER_REFS: usize = 16;
/// Levels of one schema: with them, the deepest value, and the stack that is made for them, a third is left.
const MAX_HEIGHT: usize = 1_000;

/// The size of a schema that is small enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    height: usize,
    recursive: bool,
}

impl Measure {
    /// `None` where the schema is too complex.
    pub(super) fn of(schema: &Value) -> Option<Self> {
        let mut flat = Flat::default();
        flat.add(schema, 0);
        if flat.values.len() as u64 > limits::MAX_SCHEMA_SIZE || flat.refs.len() > MAX_REFS {
            return None;
        }
        expanded(&flat, &flat.targets(schema)?)
    }

    /// Levels of recursion that applying the schema takes at most.
    pub(super) fn levels(self) -> usize {
        if self.recursive {
            self.height.saturating_mul(limits::MAX_DEPTH)
        } else {
            self.height
        }
    }
}

/// The values of a schema in the order in which they are written, so that each is followed by what it contains.
#[derive(Default)]
struct Flat<'s> {
    values: Vec<Span>,
    by_address: HashMap<*const Value, usize>,
    refs: Vec<Reference<'s>>,
    anchors: HashMap<&'s str, usize>,
    ids: usize,
}

/// A `$ref`.
struct Reference<'s> {
    /// Where its own text stands, so that references are in the order of the values.
    position: usize,
    /// The innermost definitions around it: they are applied only where something refers to them.
    definitions: usize,
    target: &'s str,
}

/// The values that one contains, itself included, and how deep they are nested.
#[derive(Clone, Copy)]
struct Span {
    end: usize,
    height: usize,
}

impl<'s> Flat<'s> {
    /// Adds a value that stands in certain definitions, and says how high it is.
    fn add(&mut self, value: &'s Value, definitions: usize) -> usize {
        let position = self.values.len();
        self.values.push(Span {
            end: position + 1,
            height: 1,
        });
        self.by_address.insert(value, position);
        let mut inner = 0;
        match value {
            Value::Array(items) => {
                for item in items {
                    inner = inner.max(self.add(item, definitions));
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    self.keyword(position, key, member, definitions);
                    let is_definitions = matches!(key.as_str(), "$defs" | "definitions");
                    let around = if is_definitions {
                        self.values.len()
                    } else {
                        definitions
                    };
                    inner = inner.max(self.add(member, around));
                }
            }
            _ => {}
        }
        self.values[position] = Span {
            end: self.values.len(),
            height: inner + 1,
        };
        inner + 1
    }

    fn keyword(&mut self, position: usize, key: &str, member: &'s Value, definitions: usize) {
        let Some(text) = member.as_str() else { return };
        match key {
            "$ref" | "$dynamicRef" => self.refs.push(Reference {
                position: self.values.len(),
                definitions,
                target: text,
            }),
            "$anchor" | "$dynamicAnchor" => {
                self.anchors.insert(text, position);
            }
            "$id" => self.ids += 1,
            _ => {}
        }
    }

    /// Where each `$ref` leads; `None` for those that lead nowhere.
    fn targets(&self, schema: &'s Value) -> Option<Vec<Option<usize>>> {
        let mut others = 0;
        let targets = self.refs.iter().map(|reference| {
            // An inner `$id` gives what is inside of it another root.
            let fragment = reference
                .target
                .strip_prefix('#')
                .filter(|text| self.ids <= 1 && !text.contains('%'));
            let Some(fragment) = fragment else {
                others += 1;
                return None;
            };
            if fragment.is_empty() || fragment.starts_with('/') {
                let target = schema.pointer(fragment)?;
                return self.by_address.get(&std::ptr::from_ref(target)).copied();
            }
            self.anchors.get(fragment).copied()
        });
        let targets = targets.collect();
        (others <= MAX_OTHER_REFS).then_some(targets)
    }

    /// The numbers of the `$ref`s that are followed when the value at `position` is applied.
    fn refs_of(&self, position: usize) -> impl Iterator<Item = usize> {
        let place = |end: usize| self.refs.partition_point(|found| found.position < end);
        let inside = place(position)..place(self.values[position].end);
        inside.filter(move |number| self.refs[*number].definitions <= position)
    }
}

/// The measure of the whole with every `$ref` replaced.
fn expanded(flat: &Flat<'_>, targets: &[Option<usize>]) -> Option<Measure> {
    let graph = references(flat, targets);
    let mut totals = vec![Total::default(); graph.node_count()];
    let mut recursive = false;
    // Groups come in an order in which what a group refers to comes before it.
    for (number, group) in kosaraju_scc(&graph).into_iter().enumerate() {
        let mut own = Total {
            group: Some(number),
            ..Total::default()
        };
        let mut below = 0;
        for node in &group {
            totals[node.index()].group = own.group;
        }
        for node in &group {
            let span = flat.values[graph[*node]];
            own.size = own.size.saturating_add((span.end - graph[*node]) as u64);
            own.height = own.height.saturating_add(span.height);
            for target in graph.neighbors(*node).map(|target| totals[target.index()]) {
                if target.group == own.group {
                    recursive = true;
                } else {
                    own.size = own.size.saturating_add(target.size);
                    below = below.max(target.height);
                }
            }
        }
        own.height = own.height.saturating_add(below);
        if own.size > limits::MAX_SCHEMA_SIZE || own.height > MAX_HEIGHT {
            return None;
        }
        for node in &group {
            totals[node.index()] = own;
        }
    }
    // The whole schema is the first node.
    let height = totals.first()?.height;
    Some(Measure { height, recursive })
}

/// The whole schema and what is referred to, with an edge for each `$ref`.
fn references(flat: &Flat<'_>, targets: &[Option<usize>]) -> DiGraph<usize, ()> {
    let mut graph = DiGraph::new();
    let mut nodes = HashMap::from([(0, graph.add_node(0))]);
    for target in targets.iter().flatten() {
        nodes.entry(*target).or_insert_with(|| graph.add_node(*target));
    }
    for (position, node) in &nodes {
        for target in flat.refs_of(*position).filter_map(|number| targets[number]) {
            graph.add_edge(*node, nodes[&target], ());
        }
    }
    graph
}

/// A value of the schema with everything that it refers to.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    size: u64,
    height: usize,
    /// The ring of references that it is part of.
    group: Option<usize>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn chain(length: usize, link: impl Fn(Value) -> Value) -> Value {
        let mut defs = Map::new();
        for number in 0..length {
            defs.insert(
                format!("d{number}"),
                link(json!({"$ref": format!("#/$defs/d{}", number + 1)})),
            );
        }
        defs.insert(format!("d{length}"), json!({"type": "string"}));
        json!({"$defs": defs, "$ref": "#/$defs/d0"})
    }

    #[test]
    fn references_that_double_are_refused_however_few_they_are() {
        let twice = |link: Value| json!({"allOf": [link, link]});
        assert!(Measure::of(&chain(5, twice)).is_some());
        assert_eq!(Measure::of(&chain(20, twice)), None);
        assert_eq!(Measure::of(&chain(400, twice)), None);
        let by_property = |link: Value| json!({"properties": {"a": link, "b": link}});
        assert_eq!(Measure::of(&chain(40, by_property)), None);
    }

    #[test]
    fn doubling_is_seen_through_anchors_too() {
        let mut defs = Map::new();
        for number in 0..30 {
            let link = json!({"$ref": format!("#a{}", number + 1)});
            defs.insert(
                format!("d{number}"),
                json!({"$anchor": format!("a{number}"), "allOf": [link, link]}),
            );
        }
        defs.insert("end".to_owned(), json!({"$anchor": "a30"}));
        assert_eq!(Measure::of(&json!({"$defs": defs, "$ref": "#a0"})), None);
    }

    #[test]
    fn a_recursive_schema_is_followed_once_around() {
        let tree = json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}});
        assert_eq!(
            Measure::of(&tree),
            Some(Measure {
                height: 4,
                recursive: true
            })
        );
        assert_eq!(
            Measure::of(&json!({"$ref": "#"})),
            Some(Measure {
                height: 2,
                recursive: true
            })
        );
    }

    #[test]
    fn long_ways_through_a_schema_are_refused() {
        assert!(Measure::of(&chain(200, |link| link)).is_some());
        assert_eq!(Measure::of(&chain(600, |link| link)), None);
    }

    #[test]
    fn references_that_cannot_be_followed_must_be_few() {
        let refs = |count| json!({"$id": "https://a.example/s", "allOf": vec![json!({"$ref": "b"}); count]});
        assert!(Measure::of(&refs(MAX_OTHER_REFS)).is_some());
        assert_eq!(Measure::of(&refs(MAX_OTHER_REFS + 1)), None);
    }
}
