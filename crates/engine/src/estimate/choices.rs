//! What excludes what: of the nodes behind a choice only those of one alternative run, so that the dearest alternative
//! bounds them all.
//!
//! A node belongs to an alternative where every way to it leads through that alternative. That is sound whatever its
//! join says, except for `settled`, which runs in any case. What two alternatives share belongs to what is around them.

use std::collections::{BTreeSet, HashMap};

use agentchains_cost::Bound;
use agentchains_workflow::{EdgeRef, Graph, Join, NodeIndex, When};

/// Alternatives inside of each other that are told apart; what is deeper counts as if all of it ran. So the time that
/// this takes is linear in the number of edges.
const MAX_DEPTH: u32 = 64;

/// What is around all alternatives.
const ALWAYS: usize = 0;

/// A choice that a node makes: a label that it gives to its edges, or that it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Choice<'g> {
    Label(&'g str),
    Failure,
}

/// One alternative of a node, or what is around all of them.
#[derive(Debug)]
struct Alternative {
    around: usize,
    depth: u32,
    /// The node that chooses it.
    chosen_by: Option<NodeIndex>,
    /// The nodes in it whose alternatives are told apart.
    choosers: BTreeSet<NodeIndex>,
    /// What runs in it whatever is chosen further on.
    own: Bound,
}

/// The alternatives of a graph, those further in after those around them.
#[derive(Debug)]
struct Alternatives<'g> {
    all: Vec<Alternative>,
    by_choice: HashMap<(NodeIndex, Choice<'g>), usize>,
    /// By node.
    of: Vec<usize>,
}

/// The most that the nodes of a graph cost together, given what each costs where it runs.
pub(super) fn dearest(graph: &Graph, costs: &[Bound]) -> Bound {
    let mut alternatives = Alternatives::of(graph);
    for (alternative, cost) in alternatives.of.iter().zip(costs) {
        let own = &mut alternatives.all[*alternative].own;
        *own = *own + *cost;
    }
    let mut dearest: HashMap<NodeIndex, Bound> = HashMap::new();
    let mut whole = Bound::ZERO;
    for alternative in alternatives.all.iter().rev() {
        let further = alternative.choosers.iter().filter_map(|node| dearest.get(node));
        whole = alternative.own + further.copied().sum();
        if let Some(node) = alternative.chosen_by {
            let most = dearest.entry(node).or_insert(Bound::ZERO);
            *most = whole.max(*most);
        }
    }
    whole
}

impl<'g> Alternatives<'g> {
    fn of(graph: &'g Graph) -> Self {
        let around_all = Alternative {
            around: ALWAYS,
            depth: 0,
            chosen_by: None,
            choosers: BTreeSet::new(),
            own: Bound::ZERO,
        };
        let mut alternatives = Self {
            all: vec![around_all],
            by_choice: HashMap::new(),
            of: vec![ALWAYS; graph.len()],
        };
        for node in graph.layers().iter().flatten().copied() {
            if graph.node(node).join == Join::Settled {
                continue;
            }
            let ways = graph.incoming(node).map(|edge| alternatives.behind(edge));
            let ways: Vec<usize> = ways.collect();
            let shared = ways.into_iter().reduce(|a, b| alternatives.around_both(a, b));
            alternatives.of[node.index()] = shared.unwrap_or(ALWAYS);
        }
        alternatives
    }

    /// The alternative in which an edge becomes live.
    fn behind(&mut self, edge: EdgeRef<'g>) -> usize {
        let around = self.of[edge.from.index()];
        let choice = match edge.when {
            When::OnError => Choice::Failure,
            When::Labels(labels) => match labels.as_slice() {
                [only] => Choice::Label(only),
                _ => return around,
            },
            When::Always => return around,
        };
        if let Some(known) = self.by_choice.get(&(edge.from, choice)) {
            return *known;
        }
        let depth = self.all[around].depth + 1;
        if depth > MAX_DEPTH {
            return around;
        }
        self.all[around].choosers.insert(edge.from);
        self.all.push(Alternative {
            around,
            depth,
            chosen_by: Some(edge.from),
            choosers: BTreeSet::new(),
            own: Bound::ZERO,
        });
        let added = self.all.len() - 1;
        self.by_choice.insert((edge.from, choice), added);
        added
    }

    /// The innermost alternative around two.
    fn around_both(&self, mut a: usize, mut b: usize) -> usize {
        while a != b {
            if self.all[a].depth >= self.all[b].depth {
                a = self.all[a].around;
            } else {
                b = self.all[b].around;
            }
        }
        a
    }
}
