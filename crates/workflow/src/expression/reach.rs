//! Which nodes an expression looks at.

use std::collections::BTreeSet;

use crate::expression::syntax::{Origin, Query, Segment, Selector, Test, each_query};

/// The member of the document that holds the nodes.
const NODES: &str = "nodes";

/// The nodes that an expression may look at when it is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those with these ids.
    Named(BTreeSet<String>),
    /// Any that the document holds.
    Every,
}

impl Default for Reach {
    fn default() -> Self {
        Self::Named(BTreeSet::new())
    }
}

impl Reach {
    pub(super) fn of(test: &Test) -> Self {
        let mut reach = Self::default();
        each_query(test, &mut |query| reach.add(of_query(query)));
        reach
    }

    pub(crate) fn includes(&self, id: &str) -> bool {
        match self {
            Self::Named(ids) => ids.contains(id),
            Self::Every => true,
        }
    }

    /// Includes one more node.
    pub(crate) fn insert(&mut self, id: &str) {
        if let Self::Named(ids) = self {
            ids.insert(id.to_owned());
        }
    }

    /// Includes what another one includes.
    pub(crate) fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Named(ids), Self::Named(others)) => ids.extend(others),
            _ => *self = Self::Every,
        }
    }
}

fn of_query(query: &Query) -> Reach {
    if query.origin == Origin::Tested {
        // What is tested was selected by a path that is counted itself, with everything below it.
        return Reach::default();
    }
    let Some(first) = query.segments.first() else {
        return Reach::Every;
    };
    match names(first) {
        Some(roots) if !roots.contains(&NODES) => Reach::default(),
        Some(_) => match query.segments.get(1).and_then(names) {
            Some(ids) => Reach::Named(ids.into_iter().map(str::to_owned).collect()),
            None => Reach::Every,
        },
        None => Reach::Every,
    }
}

/// The ids that a path names with certainty: those of `$.nodes.id` and `$.nodes['id', 'other']`.
pub(super) fn named_nodes(query: &Query) -> Vec<&str> {
    match &*query.segments {
        [first, second, ..]
            if query.origin == Origin::Document && names(first).as_deref() == Some(&[NODES]) =>
        {
            names(second).unwrap_or_default()
        }
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
