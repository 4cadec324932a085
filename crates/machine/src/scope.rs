//! Scopes at run time: the workflow's own nodes, and the members of each group, iteration and item that was begun.

use std::{collections::BTreeMap, sync::Arc};

use agentchains_workflow::{Compiled, FanOut, Graph, Node, NodeIndex, NodeKind, Scheduling, ScopeIndex};

use crate::{Machine, NodePath, NodeRow, NodeState, NodeType, join::Arrivals, waitlist::Waitlist};

/// Position of a scope among those of the execution, in the order in which they were begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopeId(u32);

impl ScopeId {
    /// The workflow's own nodes.
    pub(crate) const TOP: Self = Self(0);

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// One node of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeKey {
    pub(crate) scope: ScopeId,
    pub(crate) node: NodeIndex,
}

/// The node that a scope belongs to, and the number of its iteration or item, where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) node: NodeKey,
    pub(crate) ordinal: Option<u32>,
}

/// The nodes of one scope, and what is computed from their rows so that a step need not search.
#[derive(Debug)]
pub(crate) struct ScopeRun {
    pub(crate) definition: ScopeIndex,
    pub(crate) around: Option<Around>,
    pub(crate) nodes: Vec<NodeRow>,
    pub(crate) arrivals: Vec<Arrivals>,
    pub(crate) waitlist: Waitlist,
    pub(crate) tally: Tally,
    /// Where it stands: for each node on the way down to it the position in the document, and one more than the number
    /// of the iteration or item. The same after a restart, and greater than that of every scope around it.
    pub(crate) address: Arc<[u32]>,
    /// The longest path from the node around it to a sink, summed over all levels.
    pub(crate) rank: u32,
    /// Whether a node in it has left `pending`. Until then the scope leaves no trace: none of its nodes has a row.
    pub(crate) begun: bool,
}

/// How the nodes of a scope stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) unsettled: u32,
    pub(crate) completed: u32,
    /// Failed, and nothing handled it.
    pub(crate) unhandled: u32,
    /// Aborted, or ended before they began.
    pub(crate) cancelled: u32,
    /// Attempts and child executions in flight, those of scopes inside included.
    pub(crate) active: u32,
    /// Whether the item that the scope belongs to is counted as running.
    pub(crate) running: bool,
    /// Whether it is counted as finished.
    pub(crate) finished: bool,
}

impl Tally {
    /// Whether every node has come to an end of its own. What was cut off has not: what becomes of the node around it
    /// is left to whatever has cut it off.
    pub(crate) const fn is_done(self) -> bool {
        self.unsettled == 0 && (self.cancelled == 0 || self.unhandled > 0)
    }
}

impl ScopeRun {
    fn recount(&mut self) {
        let count = |is: fn(&NodeState) -> bool| {
            u32::try_from(self.nodes.iter().filter(|row| is(&row.state)).count()).unwrap_or(u32::MAX)
        };
        self.tally = Tally {
            unsettled: count(|state| !state.status().is_settled()),
            completed: count(|state| matches!(state, NodeState::Completed(_))),
            unhandled: count(|state| matches!(state, NodeState::Failed(failed) if !failed.handled)),
            cancelled: count(|state| matches!(state, NodeState::Cancelled { .. })),
            ..self.tally
        };
    }
}

impl Machine {
    pub(crate) fn scope(&self, scope: ScopeId) -> &ScopeRun {
        &self.scopes[scope.index()]
    }

    pub(crate) fn scope_mut(&mut self, scope: ScopeId) -> &mut ScopeRun {
        &mut self.scopes[scope.index()]
    }

    /// All scopes, each after the one around it.
    pub(crate) fn scope_ids(&self) -> impl Iterator<Item = ScopeId> + use<> {
        (0..u32::try_from(self.scopes.len()).unwrap_or(u32::MAX)).map(ScopeId)
    }

    pub(crate) fn graph(&self, scope: ScopeId) -> &Graph {
        self.workflow.scope(self.scope(scope).definition)
    }

    /// The nodes of a scope, in document order.
    pub(crate) fn keys(&self, scope: ScopeId) -> impl Iterator<Item = NodeKey> + use<> {
        self.graph(scope)
            .indices()
            .map(move |node| NodeKey { scope, node })
    }

    /// The same, each after those that it depends on.
    pub(crate) fn keys_in_order(&self, scope: ScopeId) -> impl Iterator<Item = NodeKey> {
        let layers = self.graph(scope).layers();
        layers
            .iter()
            .flatten()
            .map(move |node| NodeKey { scope, node: *node })
    }

    /// The nodes of all scopes.
    pub(crate) fn all_keys(&self) -> Vec<NodeKey> {
        self.scope_ids().flat_map(|scope| self.keys(scope)).collect()
    }

    pub(crate) fn node(&self, key: NodeKey) -> &Node {
        self.graph(key.scope).node(key.node)
    }

    /// The same, borrowed from a handle to the workflow, so that the machine can change meanwhile.
    pub(crate) fn node_in<'w>(&self, workflow: &'w Compiled, key: NodeKey) -> &'w Node {
        workflow.scope(self.scope(key.scope).definition).node(key.node)
    }

    pub(crate) fn row(&self, key: NodeKey) -> &NodeRow {
        &self.scope(key.scope).nodes[key.node.index()]
    }

    pub(crate) fn row_mut(&mut self, key: NodeKey) -> &mut NodeRow {
        &mut self.scope_mut(key.scope).nodes[key.node.index()]
    }

    /// The node at a path, where everything on the way there was begun.
    pub(crate) fn find(&self, path: &NodePath) -> Option<NodeKey> {
        let scope = match path.around() {
            None => ScopeId::TOP,
            Some((around, ordinal)) => self.inner(self.find(&around)?, ordinal)?,
        };
        let node = self.graph(scope).find(path.node_id())?;
        Some(NodeKey { scope, node })
    }

    /// The scope of a group, or of a loop's iteration or a group's item, once it was begun.
    pub(crate) fn inner(&self, around: NodeKey, ordinal: Option<u32>) -> Option<ScopeId> {
        self.inner.get(&(around, ordinal)).copied()
    }

    /// All scopes of a node that were begun, in the order of their numbers.
    pub(crate) fn inner_scopes(&self, around: NodeKey) -> Vec<ScopeId> {
        self.inner
            .range((around, None)..=(around, Some(u32::MAX)))
            .map(|(_, scope)| *scope)
            .collect()
    }

    /// A scope and those inside of it that were begun and in which not every node has settled.
    pub(crate) fn live_scopes(&self, scope: ScopeId) -> Vec<ScopeId> {
        let mut found = vec![scope];
        let mut next = 0;
        while let Some(scope) = found.get(next).copied() {
            next += 1;
            for key in self.keys(scope) {
                if self.is_open(key) {
                    let is_live = |inner: &ScopeId| {
                        let run = self.scope(*inner);
                        run.begun && run.tally.unsettled > 0
                    };
                    found.extend(self.inner_scopes(key).into_iter().filter(is_live));
                }
            }
        }
        found
    }

    /// Whether the members of a node run.
    pub(crate) fn is_open(&self, key: NodeKey) -> bool {
        matches!(self.row(key).state, NodeState::Open { .. })
    }

    /// Whether what happens in a scope matters no more: the node around it has come to its end.
    pub(crate) fn is_closed(&self, scope: ScopeId) -> bool {
        self.scope(scope)
            .around
            .is_some_and(|around| !self.is_open(around.node))
    }

    /// Opens a scope: its nodes are pending, and those without in-edges may start.
    pub(crate) fn open_scope(&mut self, around: Around, definition: ScopeIndex) {
        let scope = self.add_scope(Some(around), definition, BTreeMap::new());
        self.requeue_ready_nodes(scope);
    }

    /// Takes note that a node of the scope leaves `pending`: from here on all of them count.
    pub(crate) fn begin_scope(&mut self, scope: ScopeId) {
        let run = self.scope_mut(scope);
        if !std::mem::replace(&mut run.begun, true) {
            let nodes = u32::try_from(run.nodes.len()).unwrap_or(u32::MAX);
            self.execution.nodes_total = self.execution.nodes_total.saturating_add(nodes);
        }
    }

    /// Whether so many more nodes may be run.
    pub(crate) fn has_room_for(&self, nodes: usize) -> bool {
        self.node_runs.saturating_add(nodes) <= self.workflow.limits().max_node_runs
    }

    /// Adds a scope with the rows that are there; the other nodes are pending.
    pub(crate) fn add_scope(
        &mut self,
        around: Option<Around>,
        definition: ScopeIndex,
        mut rows: BTreeMap<NodeIndex, NodeRow>,
    ) -> ScopeId {
        let workflow = Arc::clone(&self.workflow);
        let graph = workflow.scope(definition);
        let begun = around.is_none() || !rows.is_empty();
        let place = around.map(|around| (self.row(around.node).path.clone(), around.ordinal));
        let nodes: Vec<NodeRow> = graph
            .indices()
            .map(|index| {
                rows.remove(&index)
                    .unwrap_or_else(|| pending_row(graph.node(index), place.as_ref()))
            })
            .collect();
        let limit = around.and_then(|around| self.members_at_once(around));
        let scope = ScopeId(u32::try_from(self.scopes.len()).unwrap_or(u32::MAX));
        self.node_runs += nodes.len();
        self.scopes.push(ScopeRun {
            definition,
            around,
            arrivals: vec![Arrivals::default(); nodes.len()],
            waitlist: Waitlist::new(self.workflow.settings().scheduling == Scheduling::Layered, limit),
            tally: Tally::default(),
            address: around.map_or_else(|| Arc::from([]), |around| self.address_inside(around)),
            rank: around.map_or(0, |around| self.rank(around.node)),
            begun,
            nodes,
        });
        if let Some(Around { node, ordinal }) = around {
            self.inner.insert((node, ordinal), scope);
        }
        self.recompute(scope);
        scope
    }

    /// Computes anew what follows from the rows of a scope alone.
    pub(crate) fn recompute(&mut self, scope: ScopeId) {
        let workflow = Arc::clone(&self.workflow);
        let graph = workflow.scope(self.scope(scope).definition);
        for node in graph.indices() {
            let arrivals = self.count_arrivals(NodeKey { scope, node });
            self.scope_mut(scope).arrivals[node.index()] = arrivals;
        }
        let run = self.scope_mut(scope);
        run.recount();
        run.waitlist.rebuild(graph, &run.nodes);
    }

    /// How many members of a group with named members may run at once.
    fn members_at_once(&self, around: Around) -> Option<u32> {
        match &self.node(around.node).kind {
            NodeKind::ParallelGroup(group) if matches!(group.fan_out, FanOut::Members(_)) => {
                group.max_concurrency.map(std::num::NonZeroU32::get)
            }
            _ => None,
        }
    }

    fn address_inside(&self, around: Around) -> Arc<[u32]> {
        let outer = &self.scope(around.node.scope).address;
        let number = around.ordinal.map_or(0, |ordinal| ordinal.saturating_add(1));
        let own = [self.node(around.node).position, number];
        outer.iter().copied().chain(own).collect()
    }

    /// The longest path from a node to a sink, summed over all levels: what is on it goes first.
    pub(crate) fn rank(&self, key: NodeKey) -> u32 {
        let own = self.graph(key.scope).longest_path_to_sink(key.node);
        self.scope(key.scope).rank.saturating_add(own)
    }

    /// Takes note that the consequences of something in a scope are to be drawn.
    pub(crate) fn touch(&mut self, scope: ScopeId) {
        let address = Arc::clone(&self.scope(scope).address);
        self.touched.insert((address, scope));
    }

    /// Counts calls and children that a scope, and those around it, wait for. One that waits for none any more may
    /// have been waiting for that.
    pub(crate) fn count_active(&mut self, scope: ScopeId, count: impl Fn(&mut u32)) {
        let mut next = Some(scope);
        while let Some(scope) = next {
            let run = self.scope_mut(scope);
            count(&mut run.tally.active);
            next = run.around.map(|around| around.node.scope);
            if run.tally.active == 0 {
                self.touch(scope);
            }
        }
    }
}

fn pending_row(node: &Node, place: Option<&(NodePath, Option<u32>)>) -> NodeRow {
    let path = match place {
        None => NodePath::top_level(&node.id),
        Some((around, ordinal)) => NodePath::inside(around, *ordinal, &node.id),
    };
    NodeRow::pending(path, NodeType::of(&node.kind), node.position)
}
