//! What an expression looks at of the document: which nodes, and which of what else there is.

use std::collections::BTreeSet;

use crate::{
    expression::syntax::{Origin, Query, Segment, Selector, Test, each_query},
    template::{LoopField, Target, Template},
};

/// Members of the document.
const INPUT: &str = "input";
const NODES: &str = "nodes";
const ITEM: &str = "item";
const LOOP: &str = "loop";

/// What an expression may look at when it is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The nodes with these ids; `None` for any that the document holds.
    nodes: Option<BTreeSet<String>>,
    input: bool,
    item: bool,
    repetition: BTreeSet<LoopField>,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            nodes: Some(BTreeSet::new()),
            input: false,
            item: false,
            repetition: BTreeSet::new(),
        }
    }
}

impl Reach {
    pub(super) fn of(test: &Test) -> Self {
        let mut reach = Self::default();
        each_query(test, &mut |query| reach.add_query(query));
        reach
    }

    /// The ids of the nodes that may be looked at; `None` for any that there are.
    #[must_use]
    pub fn nodes(&self) -> Option<&BTreeSet<String>> {
        self.nodes.as_ref()
    }

    /// Whether the execution's input may be looked at.
    #[must_use]
    pub fn includes_input(&self) -> bool {
        self.input
    }

    /// Whether `item` may be looked at.
    #[must_use]
    pub fn includes_item(&self) -> bool {
        self.item
    }

    /// Whether that member of `loop` may be looked at.
    #[must_use]
    pub fn includes_loop(&self, field: LoopField) -> bool {
        self.repetition.contains(&field)
    }

    /// Includes one more node.
    fn insert(&mut self, id: &str) {
        if let Some(ids) = &mut self.nodes {
            ids.insert(id.to_owned());
        }
    }

    /// Includes what a template reads.
    pub(crate) fn add_template(&mut self, template: &Template) {
        for node in template.references().keys() {
            self.insert(node);
        }
        self.input |= template.reads_input();
        self.item |= template.reads_item();
        let fields = LoopField::ALL.into_iter();
        self.repetition
            .extend(fields.filter(|field| template.reads_loop(*field)));
    }

    /// Includes what another one includes.
    pub(crate) fn add(&mut self, other: Self) {
        self.input |= other.input;
        self.item |= other.item;
        self.repetition.extend(other.repetition);
        match (&mut self.nodes, other.nodes) {
            (Some(ids), Some(others)) => ids.extend(others),
            _ => self.nodes = None,
        }
    }

    fn add_query(&mut self, query: &Query) {
        if query.origin == Origin::Tested {
            // What is tested was selected by a path that is counted itself, with everything below it.
            return;
        }
        let roots = query.segments.first().and_then(names);
        let members = query.segments.get(1).and_then(names);
        let may_begin_at = |root| roots.as_ref().is_none_or(|roots| roots.contains(&root));
        if may_begin_at(NODES) {
            match (&roots, &members) {
                (Some(_), Some(ids)) => ids.iter().for_each(|id| self.insert(id)),
                _ => self.nodes = None,
            }
        }
        self.input |= may_begin_at(INPUT);
        self.item |= may_begin_at(ITEM);
        if may_begin_at(LOOP) {
            let is_read = |field: &LoopField| {
                let members = members.as_ref();
                members.is_none_or(|members| members.contains(&field.as_str()))
            };
            self.repetition.extend(LoopField::ALL.into_iter().filter(is_read));
        }
    }
}

/// What a path names with certainty of that which is not there for every expression, such as the nodes of
/// `$.nodes.id` and `$.nodes['id', 'other']`.
pub(super) fn targets(query: &Query) -> Vec<Target> {
    let roots = query.segments.first().and_then(names).unwrap_or_default();
    let members = query.segments.get(1).and_then(names);
    match (query.origin, &*roots) {
        (Origin::Document, [root]) if *root == NODES => {
            let ids = members.unwrap_or_default().into_iter();
            ids.map(|id| Target::Node(id.to_owned())).collect()
        }
        (Origin::Document, [root]) if *root == LOOP => {
            let fields = members
                .unwrap_or_default()
                .into_iter()
                .filter_map(LoopField::named);
            let named: Vec<_> = fields.map(|field| Target::Loop(Some(field))).collect();
            if named.is_empty() {
                vec![Target::Loop(None)]
            } else {
                named
            }
        }
        (Origin::Document, [root]) if *root == ITEM => vec![Target::Item],
        _ => Vec::new(),
    }
}

/// Whether a path begins at that member of the document.
pub(super) fn begins_at(query: &Query, root: &str) -> bool {
    let first = query.segments.first().and_then(names);
    query.origin == Origin::Document && first.is_some_and(|names| names.contains(&root))
}

/// The names that a segment selects, where it selects nothing else.
fn names(segment: &Segment) -> Option<Vec<&str>> {
    let names = segment.selectors.iter().map(|selector| match selector {
        Selector::Name(name) => Some(name.as_str()),
        _ => None,
    });
    if segment.descendant { None } else { names.collect() }
}
