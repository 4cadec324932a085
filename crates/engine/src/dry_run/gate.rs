//! The gate of a dry run: agents are never busy and breakers never open, but budgets hold, in the whole tree. Caps of
//! the tenant do not: what they leave depends on what else runs.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{AgentTerms, Gate, NodePath, Refusal, Shortage, Wanted};
use agentchains_ports::NodeRunner;
use jiff::Timestamp;

/// Answers one machine's questions for one step.
pub(super) struct DryGate {
    runner: Arc<dyn NodeRunner>,
    /// What executions below have set aside in the execution's own budget.
    set_aside_below: Usd,
    /// The budgets above that it draws from.
    above: RefCell<Vec<Purse>>,
    short: RefCell<Option<Short>>,
    freed: Cell<bool>,
}

/// The execution above whose budget has no room, by its number in the walk; its node that leads down; and for what.
pub(super) type Short = (usize, NodePath, Wanted);

/// The budget of an execution above.
pub(super) struct Purse {
    /// The execution, by its number in the walk.
    pub(super) run: usize,
    /// Its node that leads down.
    pub(super) path: NodePath,
    pub(super) budget: Budget,
}

impl Gate for DryGate {
    fn terms(&self, agent_id: &str) -> Option<Arc<AgentTerms>> {
        Some(Arc::clone(&self.runner.profile(agent_id)?.terms))
    }

    fn admit(&mut self, _agent_id: &str, _now: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }

    fn reserve(&self, own: &Budget, wanted: Wanted, now: Timestamp) -> Result<Usd, Shortage> {
        if let Some(shortage) = self.shortage(own, wanted, now) {
            return Err(shortage);
        }
        let mut above = self.above.borrow_mut();
        let own = self.own(own);
        let budgets = above.iter().map(|purse| &purse.budget).chain([&own]);
        let limited = budgets.filter(|budget| budget.limit().is_some());
        // What is left differs from one to the other, and it must fit into all of them.
        let amounts = limited.filter_map(|budget| wanted.of(budget).ok());
        let amount = amounts.min().or_else(|| wanted.of(&own).ok()).unwrap_or_default();
        for purse in above.iter_mut() {
            // It fits, as was found out above.
            let _ = purse.budget.reserve(amount);
        }
        Ok(amount)
    }

    /// The execution's own budget speaks first. What follows from the end of one above is for the execution above to say.
    fn shortage(&self, own: &Budget, wanted: Wanted, _now: Timestamp) -> Option<Shortage> {
        if let Err(shortage) = wanted.of(&self.own(own)) {
            return Some(shortage);
        }
        let above = self.above.borrow();
        let (purse, shortage) = above
            .iter()
            .find_map(|purse| Some((purse, wanted.of(&purse.budget).err()?)))?;
        if shortage.exhausted {
            *self.short.borrow_mut() = Some((purse.run, purse.path.clone(), wanted));
        }
        Some(Shortage { exhausted: false })
    }

    fn give_back(&self, amount: Usd) {
        for purse in self.above.borrow_mut().iter_mut() {
            purse.budget.release(amount);
        }
        self.freed.set(true);
    }

    fn settle(&self, _reserved_at: Timestamp, reserved: Usd, charged: Usd) {
        for purse in self.above.borrow_mut().iter_mut() {
            purse.budget.settle(reserved, charged);
        }
        self.freed.set(true);
    }
}

impl DryGate {
    pub(super) fn new(runner: Arc<dyn NodeRunner>, set_aside_below: Usd, above: Vec<Purse>) -> Self {
        Self {
            runner,
            set_aside_below,
            above: RefCell::new(above),
            short: RefCell::default(),
            freed: Cell::new(false),
        }
    }

    /// The budgets above as the step leaves them, which of them has no room for a call while nothing is set aside in
    /// it, and whether something that was set aside is free again.
    pub(super) fn into_parts(self) -> (Vec<Purse>, Option<Short>, bool) {
        (self.above.into_inner(), self.short.into_inner(), self.freed.get())
    }

    /// The execution's own budget, with what executions below have set aside in it.
    fn own(&self, own: &Budget) -> Budget {
        let reserved = own.reserved().saturating_add(self.set_aside_below);
        Budget::restore(own.limit(), own.spent(), reserved)
    }
}
