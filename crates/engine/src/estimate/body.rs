//! How often the members of a node run, and how many of them at once.

use agentchains_workflow::{FanOut, Loop, Node, NodeKind, ParallelGroup, Repeat, ScopeIndex, Template};

use super::{
    items::{Items, items},
    worst_case::{Analysis, attempts},
};

/// How a node runs through its members.
pub(super) struct Body {
    pub(super) scope: ScopeIndex,
    /// How often at the most in one run of the node, its retries included.
    pub(super) times: u64,
    /// How often one after the other.
    pub(super) rounds: u64,
    /// What it runs over, where these are items.
    pub(super) items: Items,
    /// Nodes of it that run at once.
    pub(super) places: Option<u32>,
}

impl Analysis<'_> {
    /// How a node runs through its members, where it has any.
    pub(super) fn body(&self, node: &Node) -> Option<Body> {
        match &node.kind {
            NodeKind::ParallelGroup(group) => Some(self.body_of_group(node, group)),
            NodeKind::Loop(settings) => Some(self.body_of_loop(node, settings)),
            _ => None,
        }
    }

    /// What did not complete may run again in each attempt of the group.
    fn body_of_group(&self, node: &Node, group: &ParallelGroup) -> Body {
        let attempts = u64::from(attempts(node));
        let all = self.workflow.settings().max_concurrency;
        match &group.fan_out {
            FanOut::Members(scope) => Body {
                scope: *scope,
                times: attempts,
                rounds: attempts,
                items: Items::Unknown,
                places: Some(group.max_concurrency.unwrap_or(all).get()),
            },
            FanOut::Items { items, body } => {
                let items = self.items(items);
                let count = items.count(u64::try_from(self.workflow.limits().max_items).unwrap_or(u64::MAX));
                let at_once = group.max_concurrency.map_or(all, |own| own.min(all));
                Body {
                    scope: *body,
                    times: count.saturating_mul(attempts),
                    rounds: count.div_ceil(u64::from(at_once.get())).saturating_mul(attempts),
                    items,
                    places: None,
                }
            }
        }
    }

    /// Each retry goes on at the iteration that failed, so that it adds one.
    fn body_of_loop(&self, node: &Node, settings: &Loop) -> Body {
        let items = match &settings.repeat {
            Repeat::Items(items) => self.items(items),
            Repeat::Until(_) | Repeat::While(_) => Items::Unknown,
        };
        let iterations = items.count(u64::from(settings.max_iterations.get()));
        let again = if iterations == 0 {
            0
        } else {
            u64::from(attempts(node)) - 1
        };
        let times = iterations.saturating_add(again);
        Body {
            scope: settings.body,
            times,
            rounds: times,
            items,
            places: None,
        }
    }

    fn items(&self, template: &Template) -> Items {
        self.input.map_or(Items::Unknown, |input| items(template, input))
    }
}
