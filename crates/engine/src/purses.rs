//! Purses: the budgets that the executions of this process draw from, its own and those above it.
//!
//! Reservations count here from the moment at which a machine makes them, settlements from the moment at which they are
//! durable: what is free here is free in the store. The store checks each reservation again, because other processes
//! may draw from the same purse.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_cost::{Budget, Usd};
use agentchains_machine::{ExecutionId, ExecutionRow, NodePath, Shortage, Wanted};
use agentchains_ports::{ExecutionQuery, PurseChange, PurseId, StoreError};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::room;

/// What all executions of a tenant together may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// In a day (UTC).
    #[serde(deserialize_with = "amount")]
    pub daily: Option<Usd>,
    /// In a calendar month (UTC).
    #[serde(deserialize_with = "amount")]
    pub monthly: Option<Usd>,
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    let amount = Option::<Usd>::deserialize(deserializer)?;
    match amount {
        Some(amount) if amount.is_negative() => Err(D::Error::custom("a cap is not negative")),
        amount => Ok(amount),
    }
}

/// The purses that are drawn from at the moment.
#[derive(Debug, Default)]
pub(crate) struct Purses {
    caps: Caps,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    purses: HashMap<PurseId, Purse>,
    /// How many drivers draw from a purse of an execution.
    users: HashMap<PurseId, u32>,
}

#[derive(Debug, Default)]
struct Purse {
    limit: Option<Usd>,
    spent: Usd,
    reserved: Usd,
    /// Executions that wait for something in flight to be settled.
    waiting: BTreeSet<ExecutionId>,
}

/// What one execution draws from, as long as it has a driver.
#[derive(Debug)]
pub(crate) struct Sources {
    purses: Arc<Purses>,
    execution: ExecutionId,
    tenant: String,
    /// Its own, where it has a budget, and those of executions above it, each with the node there that waits for it.
    of_executions: Vec<(PurseId, Option<(ExecutionId, NodePath)>)>,
}

/// Executions above whose budgets have no room, each with its node that leads down and what is wanted.
pub(crate) type ShortAbove = BTreeMap<ExecutionId, (NodePath, Wanted)>;

/// What one turn of a driver does to the purses. Dropped without having been committed, it gives back what it took.
#[derive(Debug)]
pub(crate) struct Draw {
    sources: Arc<Sources>,
    changes: RefCell<BTreeMap<PurseId, Change>>,
    short_above: RefCell<ShortAbove>,
    /// The purses that the last reservation was taken from.
    last: RefCell<Vec<PurseId>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Change {
    /// Reserved in this turn: counts already.
    taken: Usd,
    /// Settled in this turn: counts once it is durable.
    freed: Usd,
    charged: Usd,
    settles: bool,
    limit: Option<Usd>,
}

impl Purses {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            caps,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caps that hold for a tenant at a moment.
    fn capped(&self, tenant: &str, at: Timestamp) -> impl Iterator<Item = (PurseId, Usd)> {
        let day: Date = at.to_zoned(TimeZone::UTC).date();
        let daily = self.caps.daily.map(|cap| (PurseId::of_day(tenant, day), cap));
        let monthly = self.caps.monthly.map(|cap| (PurseId::of_month(tenant, day), cap));
        daily.into_iter().chain(monthly)
    }
}

impl Sources {
    /// What an execution draws from.
    pub(crate) fn of(purses: &Arc<Purses>, execution: &ExecutionRow) -> Arc<Self> {
        let own = execution
            .max_budget
            .map(|_| (PurseId::of_execution(execution.id), None));
        let above = execution.parent.iter().flat_map(|parent| &parent.budgets);
        let above = above.map(|budget| {
            // Nobody waits for one that is detached, so that it answers for itself.
            let waits = execution.parent.as_ref().is_some_and(|parent| parent.waits);
            let owner = waits.then(|| (budget.execution_id, budget.path.clone()));
            (PurseId::of_execution(budget.execution_id), owner)
        });
        let sources = Self {
            purses: Arc::clone(purses),
            execution: execution.id,
            tenant: execution.tenant.clone(),
            of_executions: own.into_iter().chain(above).collect(),
        };
        let mut known = purses.known();
        for (id, _) in &sources.of_executions {
            *known.users.entry(id.clone()).or_default() += 1;
        }
        drop(known);
        Arc::new(sources)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.of_executions.is_empty() && self.purses.caps == Caps::default()
    }

    /// Reads those that are not known yet.
    pub(crate) async fn load(&self, query: &dyn ExecutionQuery, now: Timestamp) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let missing: Vec<(PurseId, Option<Usd>)> = {
            let known = self.purses.known();
            let wanted = self.all(now);
            wanted.filter(|(id, _)| !known.purses.contains_key(id)).collect()
        };
        for (id, cap) in missing {
            let kept = match query.purse(&id).await? {
                Some(kept) => kept,
                None if self.is_own(&id) => return Err(without_purse(self.execution)),
                // Nothing was drawn from a cap in its period, or an execution above a detached one was deleted.
                None => Budget::default(),
            };
            let purse = Purse {
                limit: cap.or(kept.limit()),
                spent: kept.spent(),
                reserved: kept.reserved(),
                waiting: BTreeSet::new(),
            };
            let mut known = self.purses.known();
            known.purses.retain(|other, _| !other.is_outdated_by(&id));
            known.purses.entry(id).or_insert(purse);
        }
        Ok(())
    }

    /// Forgets them, because the store has them otherwise.
    pub(crate) fn forget(&self, now: Timestamp) {
        let mut known = self.purses.known();
        for (id, _) in self.all(now) {
            known.purses.remove(&id);
        }
    }

    /// All of them at a moment; with the limit where that is a setting.
    fn all(&self, at: Timestamp) -> impl Iterator<Item = (PurseId, Option<Usd>)> {
        let of_executions = self.of_executions.iter().map(|(id, _)| (id.clone(), None));
        let capped = self.purses.capped(&self.tenant, at);
        of_executions.chain(capped.map(|(id, cap)| (id, Some(cap))))
    }

    fn is_own(&self, id: &PurseId) -> bool {
        *id == PurseId::of_execution(self.execution)
    }

    /// The execution above whose budget a purse is, with the node there that leads down.
    fn owner_above(&self, id: &PurseId) -> Option<&(ExecutionId, NodePath)> {
        let mut of_executions = self.of_executions.iter();
        of_executions.find(|(own, _)| own == id)?.1.as_ref()
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        let mut known = self.purses.known();
        for (id, _) in &self.of_executions {
            let users = known.users.get_mut(id).map(|users| {
                *users -= 1;
                *users
            });
            if users == Some(0) {
                known.users.remove(id);
                known.purses.remove(id);
            }
        }
    }
}

impl Draw {
    pub(crate) fn new(sources: &Arc<Sources>) -> Self {
        Self {
            sources: Arc::clone(sources),
            changes: RefCell::default(),
            short_above: RefCell::default(),
            last: RefCell::default(),
        }
    }

    /// Sets something aside in every purse, or in none.
    pub(crate) fn reserve(&self, own: &Budget, wanted: Wanted, now: Timestamp) -> Result<Usd, Shortage> {
        if self.sources.is_empty() {
            return wanted.of(own);
        }
        let mut known = self.sources.purses.known();
        let amount = self.fitting(&known, wanted, now).map_err(|(id, shortage)| {
            if let Some(purse) = known.purses.get_mut(&id) {
                purse.waiting.insert(self.sources.execution);
            }
            self.explained(&id, wanted, shortage)
        })?;
        let mut changes = self.changes.borrow_mut();
        let mut last = Vec::new();
        for (id, cap) in self.sources.all(now) {
            if let Some(purse) = known.purses.get_mut(&id) {
                purse.reserved = purse.reserved.saturating_add(amount);
                let change = changes.entry(id.clone()).or_default();
                change.taken = change.taken.saturating_add(amount);
                change.limit = change.limit.or(cap);
                last.push(id);
            }
        }
        self.last.replace(last);
        Ok(amount)
    }

    /// Why that would be refused, where it would.
    pub(crate) fn shortage(&self, own: &Budget, wanted: Wanted, now: Timestamp) -> Option<Shortage> {
        if self.sources.is_empty() {
            return wanted.of(own).err();
        }
        let known = self.sources.purses.known();
        let (id, shortage) = self.fitting(&known, wanted, now).err()?;
        Some(self.explained(&id, wanted, shortage))
    }

    /// What is to be set aside in each purse, or the first one that has no room for it.
    fn fitting(&self, known: &Known, wanted: Wanted, now: Timestamp) -> Result<Usd, (PurseId, Shortage)> {
        let changes = self.changes.borrow();
        let budgets = self.sources.all(now).filter_map(|(id, _)| {
            let budget = known.purses.get(&id)?.with(changes.get(&id));
            Some((id, budget))
        });
        room::in_all(wanted, budgets)
    }

    /// It is for the execution above, and not for this one, to say what follows from the end of its budget.
    fn explained(&self, id: &PurseId, wanted: Wanted, shortage: Shortage) -> Shortage {
        let Some((owner, path)) = self.sources.owner_above(id).filter(|_| shortage.exhausted) else {
            return shortage;
        };
        let mut short_above = self.short_above.borrow_mut();
        short_above
            .entry(*owner)
            .or_insert_with(|| (path.clone(), wanted));
        Shortage { exhausted: false }
    }

    /// Gives back what was set aside last.
    pub(crate) fn give_back(&self, amount: Usd) {
        let mut known = self.sources.purses.known();
        let mut changes = self.changes.borrow_mut();
        for id in self.last.take() {
            if let Some(purse) = known.purses.get_mut(&id) {
                purse.release(amount);
            }
            if let Some(change) = changes.get_mut(&id) {
                change.taken = change.taken.saturating_sub(amount);
            }
        }
    }

    /// Replaces what was set aside at a moment by what is charged.
    pub(crate) fn settle(&self, reserved_at: Timestamp, reserved: Usd, charged: Usd) {
        if self.sources.is_empty() {
            return;
        }
        let mut changes = self.changes.borrow_mut();
        for (id, cap) in self.sources.all(reserved_at) {
            let change = changes.entry(id).or_default();
            change.freed = change.freed.saturating_add(reserved);
            change.charged = change.charged.saturating_add(charged);
            change.settles = true;
            change.limit = change.limit.or(cap);
        }
    }

    /// The execution's own budget has a higher limit.
    pub(crate) fn raise(&self, limit: Usd) {
        let own = PurseId::of_execution(self.sources.execution);
        self.changes.borrow_mut().entry(own).or_default().limit = Some(limit);
    }

    /// What the commit does.
    pub(crate) fn changes(&self) -> Vec<PurseChange> {
        let changes = self.changes.borrow();
        let changes = changes.iter().map(|(id, change)| PurseChange {
            purse: id.clone(),
            limit: change.limit,
            reserved: change.taken.saturating_sub(change.freed),
            spent: change.charged,
            must_fit: !change.taken.is_zero(),
        });
        changes.collect()
    }

    /// It is durable. Returns the executions for which that may make a difference.
    pub(crate) fn committed(self) -> BTreeSet<ExecutionId> {
        let mut known = self.sources.purses.known();
        let mut woken = BTreeSet::new();
        let changes = self.changes.take();
        for (id, change) in changes {
            let Some(purse) = known.purses.get_mut(&id) else {
                continue;
            };
            purse.release(change.freed);
            purse.spent = purse.spent.saturating_add(change.charged);
            purse.limit = change.limit.or(purse.limit);
            if change.settles || change.limit.is_some() {
                let waits_still = purse.waiting.remove(&self.sources.execution);
                woken.append(&mut purse.waiting);
                if waits_still {
                    purse.waiting.insert(self.sources.execution);
                }
            }
        }
        drop(known);
        woken
    }

    /// Whom to tell once it is durable.
    pub(crate) fn short_above(&self) -> ShortAbove {
        self.short_above.take()
    }
}

impl Drop for Draw {
    fn drop(&mut self) {
        let changes = self.changes.take();
        if changes.values().all(|change| change.taken.is_zero()) {
            return;
        }
        let mut known = self.sources.purses.known();
        for (id, change) in changes {
            if let Some(purse) = known.purses.get_mut(&id) {
                purse.release(change.taken);
            }
        }
    }
}

fn without_purse(execution: ExecutionId) -> StoreError {
    StoreError::Corrupt {
        place: "purses",
        source: format!("execution {execution} has a budget, but no purse").into(),
    }
}

impl Purse {
    /// As it stands for a turn that has settled something already.
    fn with(&self, change: Option<&Change>) -> Budget {
        let change = change.copied().unwrap_or_default();
        Budget::restore(
            change.limit.or(self.limit),
            self.spent.saturating_add(change.charged),
            self.reserved.saturating_sub(change.freed),
        )
    }

    fn release(&mut self, amount: Usd) {
        self.reserved = self.reserved.saturating_sub(amount).max(Usd::ZERO);
    }
}
