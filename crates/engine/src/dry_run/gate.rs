//! The gate of a dry run: agents are never busy and breakers never open, but budgets hold, in the whole tree. Caps of
//! the tenant do not: what they leave depends on what else runs.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{AgentTerms, Gate, NodePath, Refusal, Shortage, Wanted};
use jiff::Timestamp;

use crate::{agents::TenantAgents, room};

/// Answers one machine's questions for one step.
pub(super) struct DryGate {
    agents: TenantAgents,
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
        Some(Arc::clone(&self.agents.profile(agent_id)?.terms))
    }

    fn admit(&mut self, _agent_id: &str, _now: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }

    fn reserve(&self, own: &Budget, wanted: Wanted, _now: Timestamp) -> Result<Usd, Shortage> {
        let amount = self.room(own, wanted)?;
        for purse in self.above.borrow_mut().iter_mut() {
            // It fits, as was found out above.
            let _ = purse.budget.reserve(amount);
        }
        Ok(amount)
    }

    fn shortage(&self, own: &Budget, wanted: Wanted, _now: Timestamp) -> Option<Shortage> {
        self.room(own, wanted).err()
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
    pub(super) fn new(agents: TenantAgents, set_aside_below: Usd, above: Vec<Purse>) -> Self {
        Self {
            agents,
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

    /// What is to be set aside in the execution's own budget, which speaks first, and in those above. What follows from
    /// the end of one above is for the execution above to say.
    fn room(&self, own: &Budget, wanted: Wanted) -> Result<Usd, Shortage> {
        let above = self.above.borrow();
        let above = above.iter().map(|purse| (Some(purse), purse.budget.clone()));
        let budgets = std::iter::once((None, self.own(own))).chain(above);
        room::in_all(wanted, budgets).map_err(|(purse, shortage)| {
            let Some(purse) = purse.filter(|_| shortage.exhausted) else {
                return shortage;
            };
            self.short.replace(Some((purse.run, purse.path.clone(), wanted)));
            Shortage { exhausted: false }
        })
    }

    /// The execution's own budget, with what executions below have set aside in it.
    fn own(&self, own: &Budget) -> Budget {
        let reserved = own.reserved().saturating_add(self.set_aside_below);
        Budget::restore(own.limit(), own.spent(), reserved)
    }
}
