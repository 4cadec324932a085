//! Groups: several members at once, as one node (language reference, section 7).

use std::{num::NonZeroU32, sync::Arc};

use agentchains_workflow::{
    FanOut, Json, NodeKind, OnFailure, OnItemError, ParallelGroup, ScopeIndex, Template,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    Failure, FailureCode, Gate, Machine, NodeRequest, NodeState,
    scope::{Around, NodeKey, ScopeId},
};

/// How the items of a group stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemsTally {
    total: u32,
    /// Items whose bodies run.
    running: u32,
    /// The first item whose body may not have been opened.
    next: u32,
    /// Items whose bodies have come to their end.
    finished: u32,
    /// Those of them that did not fail.
    succeeded: u32,
}

/// How the members or items of a group stand, as far as its end depends on them.
#[derive(Debug, Clone, Copy)]
struct Standing {
    total: u32,
    succeeded: u32,
    failed: u32,
    /// Those that will not succeed: failed, skipped or cancelled.
    lost: u32,
    settled: bool,
}

impl Standing {
    /// Whether as many succeeded as must.
    fn is_satisfied(self, group: &ParallelGroup) -> bool {
        group.at_least.is_some_and(|least| self.succeeded >= least.get())
    }

    /// Whether the group fails, whatever else happens.
    fn fails(self, group: &ParallelGroup) -> bool {
        match group.at_least {
            Some(least) => self.total - self.lost < least.get(),
            None => {
                let borne = match group.on_item_error {
                    OnItemError::Fail => 0,
                    OnItemError::Null(tolerance) => tolerance.of(self.total),
                };
                self.failed > borne
            }
        }
    }
}

impl Machine {
    /// Begins a group, or what has failed in it when it is tried again.
    pub(crate) fn begin_group(
        &mut self,
        now: Timestamp,
        key: NodeKey,
        group: &ParallelGroup,
        gate: &dyn Gate,
    ) {
        match &group.fan_out {
            FanOut::Members(members) => {
                if !self.has_room_for(self.workflow.scope(*members).len()) {
                    let failure = self.too_many_node_runs(key);
                    return self.node_failed(now, key, failure);
                }
                self.open(now, key);
                match self.inner(key, None) {
                    Some(scope) => self.try_scope_again(now, scope),
                    None => self.open_scope(
                        Around {
                            node: key,
                            ordinal: None,
                        },
                        *members,
                    ),
                }
            }
            FanOut::Items { items, body } => {
                if self.begin_items(now, key, items, *body) {
                    self.review_items(now, key, group, gate);
                }
            }
        }
    }

    /// False when the group has failed.
    fn begin_items(&mut self, now: Timestamp, key: NodeKey, items: &Template, body: ScopeIndex) -> bool {
        if self.row(key).request.is_none() {
            match self.items_request(key, items, body) {
                Ok(request) => self.row_mut(key).request = Some(Arc::new(request)),
                Err(failure) => {
                    self.node_failed(now, key, failure);
                    return false;
                }
            }
        }
        self.open(now, key);
        for scope in self.inner_scopes(key) {
            let run = self.scope(scope);
            if !run.begun || run.tally.unhandled > 0 || self.was_cut_off(scope) {
                self.reset_scope(now, scope);
            }
        }
        self.restore_items(key);
        true
    }

    fn items_request(
        &self,
        key: NodeKey,
        items: &Template,
        body: ScopeIndex,
    ) -> Result<NodeRequest, Failure> {
        let items = self.render_items(key, items)?;
        let most = self.workflow.limits().max_items;
        if items.len() > most {
            let message = format!("{} items are more than {most} (max_items)", items.len());
            return Err(Failure::in_node(
                self.path(key),
                FailureCode::TooManyItems,
                message,
            ));
        }
        if !self.has_room_for(self.workflow.scope(body).len().saturating_mul(items.len())) {
            return Err(self.too_many_node_runs(key));
        }
        Ok(NodeRequest {
            config: json!({}).into(),
            items: Some(items.into()),
            upstream: self.live_predecessors(key),
        })
    }

    pub(crate) fn too_many_node_runs(&self, key: NodeKey) -> Failure {
        let most = self.workflow.limits().max_node_runs;
        let message = format!("an execution has at most {most} node runs (max_node_runs)");
        Failure::in_node(self.path(key), FailureCode::TooManyItems, message)
    }

    /// Counts the items of an open group from the scopes that were begun. None of their bodies runs until it is opened:
    /// those that run at once are always the first ones that have not come to their end.
    pub(crate) fn restore_items(&mut self, key: NodeKey) {
        let is_group = matches!(self.node(key).kind, NodeKind::ParallelGroup(_));
        if !is_group || !self.runs_over_items(key) {
            return;
        }
        let mut tally = ItemsTally {
            total: u32::try_from(self.items_of(key).map_or(0, <[_]>::len)).unwrap_or(u32::MAX),
            running: 0,
            next: 0,
            finished: 0,
            succeeded: 0,
        };
        for scope in self.inner_scopes(key) {
            let run = self.scope_mut(scope);
            run.tally.finished = run.tally.is_done();
            run.tally.running = false;
            tally.finished += u32::from(run.tally.finished);
            tally.succeeded += u32::from(run.tally.finished && run.tally.unhandled == 0);
        }
        self.items.insert(key, tally);
    }

    /// Opens the bodies of as many items as may run at once.
    pub(crate) fn open_items(&mut self, key: NodeKey) {
        let workflow = Arc::clone(&self.workflow);
        let NodeKind::ParallelGroup(group) = &self.node_in(&workflow, key).kind else {
            return;
        };
        let FanOut::Items { body, .. } = &group.fan_out else {
            return;
        };
        if self.execution.ending.is_some() || self.is_stopping(key.scope) || self.group_stops(key, group) {
            return;
        }
        let at_once = group.max_concurrency.map_or(u32::MAX, NonZeroU32::get);
        let Some(mut tally) = self.items.get(&key).copied() else {
            return;
        };
        while tally.next < tally.total && tally.running < at_once {
            let ordinal = Some(tally.next);
            tally.next += 1;
            match self.inner(key, ordinal) {
                Some(scope) if self.scope(scope).tally.finished => continue,
                Some(scope) => self.start_scope(scope),
                None => self.open_scope(Around { node: key, ordinal }, *body),
            }
            tally.running += 1;
            self.count_item_running(key, ordinal);
        }
        self.items.insert(key, tally);
    }

    fn count_item_running(&mut self, key: NodeKey, ordinal: Option<u32>) {
        if let Some(scope) = self.inner(key, ordinal) {
            self.scope_mut(scope).tally.running = true;
        }
    }

    /// Draws the consequences of what has happened in one scope of a group.
    pub(crate) fn review_group(
        &mut self,
        now: Timestamp,
        scope: ScopeId,
        group: &ParallelGroup,
        gate: &dyn Gate,
    ) {
        let Some(Around { node: key, ordinal }) = self.scope(scope).around else {
            return;
        };
        if ordinal.is_some() {
            self.review_item(now, scope, key, gate);
            return self.review_items(now, key, group, gate);
        }
        let standing = self.standing(key, group);
        if standing.is_satisfied(group) {
            self.cut_off(now, scope, gate);
            return self.group_completed(now, key, group);
        }
        if self.group_stops(key, group) {
            self.wind_down(now, scope, gate);
        }
        let tally = self.scope(scope).tally;
        let cut_off = tally.cancelled > 0 && !self.standing(key, group).fails(group);
        if tally.unsettled == 0 && !cut_off {
            self.group_settled(now, key, group);
        }
    }

    /// Counts an item when its body has come to its end.
    fn review_item(&mut self, now: Timestamp, scope: ScopeId, key: NodeKey, gate: &dyn Gate) {
        if self.scope(scope).tally.unhandled > 0 && self.workflow.settings().on_failure != OnFailure::Continue
        {
            self.wind_down(now, scope, gate);
        }
        let tally = &mut self.scope_mut(scope).tally;
        if !tally.is_done() || tally.finished {
            return;
        }
        tally.finished = true;
        let was_running = std::mem::take(&mut tally.running);
        let succeeded = tally.unhandled == 0;
        if let Some(items) = self.items.get_mut(&key) {
            items.running -= u32::from(was_running);
            items.finished += 1;
            items.succeeded += u32::from(succeeded);
        }
    }

    fn review_items(&mut self, now: Timestamp, key: NodeKey, group: &ParallelGroup, gate: &dyn Gate) {
        let standing = self.standing(key, group);
        if standing.is_satisfied(group) {
            for scope in self.inner_scopes(key) {
                self.cut_off(now, scope, gate);
            }
            return self.group_completed(now, key, group);
        }
        if self.group_stops(key, group) {
            let mut waits = false;
            for scope in self.inner_scopes(key) {
                if !self.scope(scope).tally.finished && self.scope(scope).begun {
                    self.wind_down(now, scope, gate);
                    waits |= self.scope(scope).tally.unsettled > 0;
                }
            }
            if !waits {
                self.group_settled(now, key, group);
            }
        } else if standing.settled {
            self.group_settled(now, key, group);
        } else {
            self.open_items(key);
        }
    }

    /// Whether nothing new starts in a group because it fails.
    pub(crate) fn group_stops(&self, key: NodeKey, group: &ParallelGroup) -> bool {
        self.workflow.settings().on_failure != OnFailure::Continue && self.standing(key, group).fails(group)
    }

    fn standing(&self, key: NodeKey, group: &ParallelGroup) -> Standing {
        if let Some(items) = self.items.get(&key).filter(|_| self.runs_over_items(key)) {
            let failed = items.finished - items.succeeded;
            return Standing {
                total: items.total,
                succeeded: items.succeeded,
                failed,
                lost: failed,
                settled: items.finished == items.total,
            };
        }
        let FanOut::Members(members) = &group.fan_out else {
            return Standing {
                total: 0,
                succeeded: 0,
                failed: 0,
                lost: 0,
                settled: false,
            };
        };
        let total = u32::try_from(self.workflow.scope(*members).len()).unwrap_or(u32::MAX);
        let tally = self.inner(key, None).map(|scope| self.scope(scope).tally);
        let tally = tally.unwrap_or_default();
        Standing {
            total,
            succeeded: tally.completed,
            failed: tally.unhandled,
            lost: total.saturating_sub(tally.unsettled + tally.completed),
            settled: tally.unsettled == 0,
        }
    }

    fn group_settled(&mut self, now: Timestamp, key: NodeKey, group: &ParallelGroup) {
        let standing = self.standing(key, group);
        if !standing.fails(group) {
            return self.group_completed(now, key, group);
        }
        let message = match group.at_least {
            Some(least) => format!(
                "{least} of {} must succeed, and {} did",
                standing.total, standing.succeeded
            ),
            None => format!("{} of {} failed", standing.failed, standing.total),
        };
        self.members_failed(now, key, FailureCode::GroupFailed, message);
    }

    fn group_completed(&mut self, now: Timestamp, key: NodeKey, group: &ParallelGroup) {
        let output = match &group.fan_out {
            FanOut::Members(_) => match self.inner(key, None) {
                Some(scope) => self.members_output(scope, group),
                None => json!({}).into(),
            },
            FanOut::Items { .. } => {
                let total = self.items.get(&key).map_or(0, |items| items.total);
                (0..total).map(|ordinal| self.item_output(key, ordinal)).collect()
            }
        };
        self.node_completed(now, key, output, None);
    }

    /// The outputs of the members that ran, by their ids; null in the place of a failure that is borne.
    fn members_output(&self, scope: ScopeId, group: &ParallelGroup) -> Json {
        let nulls = matches!(group.on_item_error, OnItemError::Null(_));
        let output = |key: NodeKey| {
            let row = self.row(key);
            let output = match &row.state {
                NodeState::Completed(done) => done.output.clone(),
                NodeState::Failed(failed) if nulls && !failed.handled => Json::null(),
                _ => return None,
            };
            Some((row.node_id.as_str(), output))
        };
        self.keys(scope).filter_map(output).collect()
    }

    /// The output of an item's body; null where it failed or was not needed.
    fn item_output(&self, key: NodeKey, ordinal: u32) -> Json {
        let succeeded = |scope: &ScopeId| {
            let tally = self.scope(*scope).tally;
            tally.finished && tally.unhandled == 0
        };
        self.inner(key, Some(ordinal))
            .filter(succeeded)
            .map_or_else(Json::null, |scope| self.body_output(scope))
    }
}
