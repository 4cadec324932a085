//! Restoring: from rows to the scopes that they belong to, and to what is computed from them.

use std::collections::BTreeMap;

use agentchains_workflow::{FanOut, NodeIndex, NodeKind, ScopeIndex};

use crate::{
    Machine, NodePath, NodeRow, NodeState,
    scope::{Around, NodeKey, ScopeId},
};

/// Where a scope stands: the path of the node around it, and its number. `None` at the top.
type Place = Option<(NodePath, Option<u32>)>;

impl Machine {
    /// Builds every scope that was begun, outer ones first, and takes up what is in them.
    pub(crate) fn restore_scopes(&mut self, rows: Vec<NodeRow>) {
        let mut by_place: BTreeMap<(usize, Place), Vec<NodeRow>> = BTreeMap::new();
        for row in rows {
            let level = row.path.as_str().matches('/').count();
            by_place.entry((level, row.path.around())).or_default().push(row);
        }
        let own = by_place.remove(&(0, None)).unwrap_or_default();
        self.restore_scope(None, ScopeIndex::TOP, own);
        let mut level = 1;
        // Scopes whose nodes are all pending have no rows: they follow from the rows of the nodes around them.
        while self.begin_scopes_without_rows(level, &mut by_place) {
            level += 1;
        }
        for scope in self.scope_ids() {
            self.take_up(scope);
        }
        for scope in self.scope_ids() {
            // What is ready where nothing starts any more is in nobody's way.
            let waits = self.is_item_of_open_group(scope) || self.is_closed(scope) || self.is_stopping(scope);
            if !waits {
                self.requeue_ready_nodes(scope);
            }
        }
        let groups: Vec<NodeKey> = self.items.keys().copied().collect();
        for key in groups {
            self.open_items(key);
        }
    }

    /// Builds the scopes of one level. False when there are none.
    fn begin_scopes_without_rows(
        &mut self,
        level: usize,
        by_place: &mut BTreeMap<(usize, Place), Vec<NodeRow>>,
    ) -> bool {
        let outer: Vec<NodeKey> = self
            .scope_ids()
            .filter(|scope| self.level(*scope) + 1 == level)
            .flat_map(|scope| self.keys(scope))
            .collect();
        let mut found = false;
        for key in outer {
            for (ordinal, definition) in self.begun_scopes(key, level, by_place) {
                let path = self.row(key).path.clone();
                let rows = by_place
                    .remove(&(level, Some((path, ordinal))))
                    .unwrap_or_default();
                self.restore_scope(Some(Around { node: key, ordinal }), definition, rows);
                found = true;
            }
        }
        found
    }

    /// The scopes of a node that were begun: those with rows, and those that its own row tells of.
    fn begun_scopes(
        &self,
        key: NodeKey,
        level: usize,
        by_place: &BTreeMap<(usize, Place), Vec<NodeRow>>,
    ) -> Vec<(Option<u32>, ScopeIndex)> {
        let row = self.row(key);
        let has_rows = |ordinal| by_place.contains_key(&(level, Some((row.path.clone(), ordinal))));
        let is_open = self.is_open(key);
        match &self.node(key).kind {
            NodeKind::Loop(settings) => {
                let begun = row.iteration + u32::from(row.attempts > 0);
                (0..begun)
                    .filter(|ordinal| has_rows(Some(*ordinal)) || (is_open && *ordinal == row.iteration))
                    .map(|ordinal| (Some(ordinal), settings.body))
                    .collect()
            }
            NodeKind::ParallelGroup(group) => match &group.fan_out {
                FanOut::Members(members) => {
                    let begun = is_open || has_rows(None);
                    begun.then_some((None, *members)).into_iter().collect()
                }
                FanOut::Items { body, .. } => (0..self.items_of(key).map_or(0, <[_]>::len))
                    .filter_map(|ordinal| u32::try_from(ordinal).ok())
                    .filter(|ordinal| has_rows(Some(*ordinal)))
                    .map(|ordinal| (Some(ordinal), *body))
                    .collect(),
            },
            _ => Vec::new(),
        }
    }

    /// Whether a scope waits for its turn among the items of a group.
    fn is_item_of_open_group(&self, scope: ScopeId) -> bool {
        let around = self.scope(scope).around;
        around.is_some_and(|around| self.items.contains_key(&around.node))
    }

    fn level(&self, scope: ScopeId) -> usize {
        self.scope(scope)
            .around
            .map_or(0, |around| 1 + self.level(around.node.scope))
    }

    fn restore_scope(&mut self, around: Option<Around>, definition: ScopeIndex, rows: Vec<NodeRow>) {
        let graph = self.workflow.scope(definition);
        let rows: BTreeMap<NodeIndex, NodeRow> = rows
            .into_iter()
            .filter_map(|row| Some((graph.find(&row.node_id)?, row)))
            .collect();
        self.add_scope(around, definition, rows);
    }

    /// Takes up what the nodes of a scope are busy with.
    fn take_up(&mut self, scope: ScopeId) {
        for key in self.keys(scope) {
            let state = self.row(key).state.clone();
            let address = std::sync::Arc::clone(&self.scope(scope).address);
            self.timers.note(&address, key, &state);
            self.work.add(&state);
            if matches!(state, NodeState::Running(_) | NodeState::Child(_)) {
                self.count_active(scope, |count| *count += 1);
            }
            if self.is_open(key) {
                self.restore_items(key);
            }
        }
    }
}
