//! Group commit: creations and commits of different executions in one transaction.
//!
//! Each part stands for itself: a commit whose fence does not hold or that a purse has no room for is refused, a
//! creation that was made before is answered, and the others are written. Only a failure of the transaction fails
//! all of it.

use std::collections::{HashMap, HashSet};

use agentchains_cost::Usd;
use agentchains_machine::ExecutionId;
use agentchains_ports::{CommitError, Creation, Fence, PurseChange};
use sea_orm::DbErr;
use tokio::sync::oneshot;

use super::{
    Work,
    create::{self, Create, NewRows, Plan},
    large,
    purses::Purses,
    rows,
    script::Script,
    standing::{self, Standing},
};
use crate::{
    backend::{GroupTransaction, WriteConnection, refuses_data},
    error::store_error,
    mapping::Rows,
};

/// A step of an execution that is to be recorded.
pub(super) struct Commit {
    pub(super) rows: Rows,
    pub(super) purses: Vec<PurseChange>,
    pub(super) reply: oneshot::Sender<Result<(), CommitError>>,
}

impl Commit {
    /// Draws from the purses, unless the commit is not to be written.
    fn admit(&self, standings: &HashMap<String, Standing>, purses: &mut Purses) -> Result<(), CommitError> {
        let standing = standings.get(&self.rows.execution.id);
        if !standing.is_some_and(|standing| standing.admits(&self.rows)) {
            return Err(CommitError::Fenced);
        }
        purses.draw(&self.purses)
    }
}

/// Requests that are to share a transaction: at most one for each execution.
#[derive(Default)]
pub(super) struct Batch {
    creates: Vec<Create>,
    commits: Vec<Commit>,
    ids: HashSet<String>,
}

/// What became of the parts of a batch, in their order.
struct Outcomes {
    creates: Vec<Creation<(ExecutionId, Fence)>>,
    commits: Vec<Result<(), CommitError>>,
}

impl Batch {
    /// Whether it has a part of that execution; a second one must wait for the first.
    pub(super) fn holds(&self, rows: &Rows) -> bool {
        self.ids.contains(&rows.execution.id)
    }

    pub(super) fn add_create(&mut self, create: Create) {
        self.ids.insert(create.new.rows.execution.id.clone());
        self.creates.push(create);
    }

    pub(super) fn add_commit(&mut self, commit: Commit) {
        self.ids.insert(commit.rows.execution.id.clone());
        self.commits.push(commit);
    }

    /// Writes the batch and answers everyone in it.
    ///
    /// When the database refuses a row for what is in it, the parts are written one by one, so that a bad one
    /// fails alone.
    pub(super) fn write(self, connection: &WriteConnection) -> Work<'_, ()> {
        Box::pin(async move {
            if self.ids.is_empty() {
                return;
            }
            match self.transact(connection).await {
                Ok(outcomes) => self.answer(outcomes),
                Err(error) if self.ids.len() > 1 && refuses_data(&error) => {
                    for part in self.into_parts() {
                        part.write(connection).await;
                    }
                }
                Err(error) => {
                    connection.failed(&error).await;
                    self.fail(&error);
                }
            }
        })
    }

    async fn transact(&self, connection: &WriteConnection) -> Result<Outcomes, DbErr> {
        if self.needs_no_look()
            && let Some(outcomes) = self.write_unseen(connection).await?
        {
            return Ok(outcomes);
        }
        let transaction = connection.begin_group().await?;
        let outcomes = self.apply(&transaction).await?;
        transaction.commit().await?;
        Ok(outcomes)
    }

    /// Whether the statements themselves refuse what must not be written: they know nothing of keys and purses.
    fn needs_no_look(&self) -> bool {
        let is_plain =
            |create: &Create| create.new.key.is_none() && create.new.rows.execution.max_budget.is_none();
        self.creates.iter().all(is_plain) && self.commits.iter().all(|commit| commit.purses.is_empty())
    }

    /// Writes all parts without having looked at what is there. `None` when nothing was written, as not all of them may
    /// be.
    async fn write_unseen(&self, connection: &WriteConnection) -> Result<Option<Outcomes>, DbErr> {
        let created: Vec<&NewRows> = self.creates.iter().map(|create| &create.new).collect();
        let committed: Vec<&Rows> = self.commits.iter().map(|commit| &commit.rows).collect();
        let transaction = connection.begin_group().await?;
        let mut script = Script::default();
        record(&mut script, &transaction, &created, &committed).await?;
        let is_written = match script.run(&transaction).await {
            Err(error) if refuses_data(&error) => false,
            written => written?,
        };
        if !is_written {
            transaction.rollback().await?;
            return Ok(None);
        }
        transaction.commit().await?;
        let created = created.iter().map(|new| Creation::Created((new.id, new.fence)));
        Ok(Some(Outcomes {
            creates: created.collect(),
            commits: committed.iter().map(|_| Ok(())).collect(),
        }))
    }

    async fn apply(&self, tx: &GroupTransaction) -> Result<Outcomes, DbErr> {
        let mut script = Script::default();
        let used = create::used_keys(&tx.before(), &mut script, &self.creates).await?;
        let made = used.values().map(|key| &key.resource_id);
        let ids = self.ids.iter().chain(made).map(String::as_str).collect();
        let mut standings = standing::standings(&tx.before(), ids).await?;
        let plans = create::plan(&self.creates, used, &standings);

        let created = self.created(&plans);
        let commits = self.draw(tx, &mut script, &created, &standings).await?;
        let admitted = self.commits.iter().zip(&commits);
        let committed: Vec<&Rows> = admitted
            .filter_map(|(commit, outcome)| outcome.is_ok().then_some(&commit.rows))
            .collect();
        record(&mut script, tx, &created, &committed).await?;
        if !script.run(tx).await? {
            return Err(DbErr::RecordNotUpdated);
        }

        standings.extend(
            created
                .iter()
                .map(|new| (new.rows.execution.id.clone(), Standing::after(&new.rows))),
        );
        let creates = self
            .creates
            .iter()
            .zip(plans)
            .map(|(create, plan)| plan.outcome(&create.new, &standings))
            .collect();
        Ok(Outcomes { creates, commits })
    }

    /// Decides about each commit in its order, and adds the purses as that leaves them.
    async fn draw(
        &self,
        tx: &GroupTransaction,
        script: &mut Script,
        created: &[&NewRows],
        standings: &HashMap<String, Standing>,
    ) -> Result<Vec<Result<(), CommitError>>, DbErr> {
        let changes = self.commits.iter().flat_map(|commit| &commit.purses);
        let mut purses = Purses::read(&tx.before(), changes).await?;
        for execution in created.iter().map(|new| &new.rows.execution) {
            if let Some(limit) = execution.max_budget {
                purses.make(&execution.id, Usd::from_nanos(limit));
            }
        }
        let admit = |commit: &Commit| commit.admit(standings, &mut purses);
        let outcomes = self.commits.iter().map(admit).collect();
        purses.record(&tx.before(), script).await?;
        Ok(outcomes)
    }

    fn created(&self, plans: &[Plan]) -> Vec<&NewRows> {
        let write = |(create, plan): (_, &Plan)| matches!(plan, Plan::Write).then_some(create);
        self.creates
            .iter()
            .map(|create| &create.new)
            .zip(plans)
            .filter_map(write)
            .collect()
    }

    fn into_parts(self) -> impl Iterator<Item = Self> {
        let creates = self.creates.into_iter().map(|create| {
            let mut part = Self::default();
            part.add_create(create);
            part
        });
        let commits = self.commits.into_iter().map(|commit| {
            let mut part = Self::default();
            part.add_commit(commit);
            part
        });
        creates.chain(commits)
    }

    fn answer(self, outcomes: Outcomes) {
        // Whoever no longer waits for an answer gets none.
        for (create, outcome) in self.creates.into_iter().zip(outcomes.creates) {
            let _ = create.reply.send(Ok(outcome));
        }
        for (commit, outcome) in self.commits.into_iter().zip(outcomes.commits) {
            let _ = commit.reply.send(outcome);
        }
    }

    fn fail(self, error: &DbErr) {
        for create in self.creates {
            let _ = create.reply.send(Err(store_error(error.clone())));
        }
        for commit in self.commits {
            let _ = commit.reply.send(Err(store_error(error.clone()).into()));
        }
    }
}

/// Adds all rows of what is created and of what goes on.
async fn record(
    script: &mut Script,
    tx: &GroupTransaction,
    created: &[&NewRows],
    committed: &[&Rows],
) -> Result<(), DbErr> {
    rows::record(script, created, committed);
    let created = created.iter().map(|new| &new.rows);
    large::record(script, &tx.before(), created.chain(committed.iter().copied())).await
}
