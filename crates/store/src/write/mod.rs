//! The one writer: a task that owns the writing connection and takes requests in the order in which they come.
//!
//! Creations and commits that are ready at the same time share a transaction ([`batch`]); every other write has
//! one of its own. A caller that stops waiting takes nothing back: what was asked for is written.

mod batch;
mod create;
mod large;
mod purses;
mod rows;
mod script;
mod standing;

use std::{pin::Pin, sync::LazyLock, thread, time::Duration};

use agentchains_machine::ExecutionId;
use agentchains_ports::{CommitError, Creation, Fence, PurseChange, StoreError};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, ExprTrait,
    sea_query::{Expr, OnConflict},
};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};

pub(crate) use self::create::NewRows;
use self::{
    batch::{Batch, Commit},
    create::Create,
    script::Script,
};
use crate::{
    backend::WriteConnection,
    entity::meta,
    error::{closed, database_error, store_error},
    mapping::Rows,
    open::{NO_EPOCH, close_epoch},
};

/// Requests that may wait before callers have to.
const QUEUE: usize = 1024;

/// Requests that are taken at once, and so at most share a transaction: beyond this the gain of sharing is small
/// and the first to come waits for the last.
const MAX_BATCH: usize = 64;

/// How long a caller waits for an answer. Commits are waited for as long as they take: nobody but a driver does so.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Work that borrows the connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

type Job = Box<dyn for<'c> FnOnce(&'c WriteConnection) -> Work<'c, ()> + Send>;

enum Request {
    Create(Box<Create>),
    Commit(Box<Commit>),
    Alone(Job),
    Probe(oneshot::Sender<Result<(), DbErr>>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer's task. The task ends when it is told to, or when nobody could tell it anything more.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
}

impl Writer {
    /// Starts the task, which holds the lock until the last request has been served.
    pub(crate) fn start(
        connection: WriteConnection,
        readers: Option<DatabaseConnection>,
        epoch: u64,
    ) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE);
        let task = Task {
            connection,
            readers,
            epoch,
            batch: Batch::default(),
        };
        if task.connection.blocks() {
            // Fails when the system has no more threads, and then every request says that the store is closed.
            let _ = thread::Builder::new()
                .name("store".to_owned())
                .spawn(move || on_this_thread(task.run(queue)));
        } else {
            tokio::spawn(task.run(queue));
        }
        Self { requests }
    }

    pub(crate) async fn create(&self, new: NewRows) -> Result<Creation<(ExecutionId, Fence)>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.send(Request::Create(Box::new(Create { new, reply })))
                .await?;
            answer.await.map_err(|_| closed())?
        };
        timely(asked).await
    }

    pub(crate) async fn commit(&self, rows: Rows, purses: Vec<PurseChange>) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        let commit = Commit { rows, purses, reply };
        self.send(Request::Commit(Box::new(commit))).await?;
        answer.await.map_err(|_| closed())?
    }

    /// Does some work in a transaction of its own, which is rolled back when the work fails.
    pub(crate) async fn alone<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'tx> FnOnce(&'tx DatabaseTransaction) -> Work<'tx, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            Box::pin(async move {
                // A caller that no longer waits is no reason not to write.
                let outcome = in_transaction(connection, work).await;
                if let Some(error) = outcome.as_ref().err().and_then(database_error) {
                    connection.failed(error).await;
                }
                let _ = reply.send(outcome);
            })
        });
        let asked = async {
            self.send(Request::Alone(job)).await?;
            answer.await.map_err(|_| closed())?
        };
        timely(asked).await
    }

    /// Serves what has been asked for, and ends. Returns when the file is free.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.send(Request::Close(reply)).await.is_ok() {
            // An error says that the task has ended already.
            let _ = closed.await;
        }
    }

    /// Writes something that changes nothing, as an execution would be written.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Probe(reply)).await?;
        answer.await.map_err(|_| closed())?.map_err(store_error)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    async fn send(&self, request: Request) -> Result<(), StoreError> {
        self.requests.send(request).await.map_err(|_| closed())
    }
}

/// Waits no longer than somebody who asked for it would. What was asked for may still be written.
async fn timely<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answered = tokio::time::timeout(ANSWER_WITHIN, asked).await;
    answered.map_err(|elapsed| StoreError::Unavailable(Box::new(elapsed)))?
}

/// With a runtime of its own: what was asked for is written also while the caller's shuts down.
fn on_this_thread(task: impl Future<Output = ()>) {
    match runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime.block_on(task),
        Err(error) => tracing::error!(%error, "the store cannot write"),
    }
}

/// Counts how often it was called: a row that stays as it is would not be written.
async fn probe(connection: &WriteConnection) -> Result<(), DbErr> {
    let first = meta::Model {
        name: PROBES.to_owned(),
        value: 1,
    };
    let mut script = Script::default();
    script.insert([first].iter(), Some(&COUNT_UP));
    let transaction = connection.begin_group().await?;
    script.run(&transaction).await?;
    transaction.commit().await
}

/// The name of the counter of [`probe`].
const PROBES: &str = "probes";

static COUNT_UP: LazyLock<OnConflict> = LazyLock::new(|| {
    let counted = Expr::col((meta::Entity, meta::Column::Value)).add(1);
    OnConflict::column(meta::Column::Name)
        .value(meta::Column::Value, counted)
        .to_owned()
});

async fn in_transaction<T, W>(connection: &WriteConnection, work: W) -> Result<T, StoreError>
where
    W: for<'tx> FnOnce(&'tx DatabaseTransaction) -> Work<'tx, Result<T, StoreError>>,
{
    let transaction = connection.begin().await.map_err(store_error)?;
    let value = work(&transaction).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(value)
}

struct Task {
    connection: WriteConnection,
    readers: Option<DatabaseConnection>,
    epoch: u64,
    batch: Batch,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut ready = Vec::with_capacity(MAX_BATCH);
        let mut waiting_for_end = Vec::new();
        while queue.recv_many(&mut ready, MAX_BATCH).await > 0 {
            for request in ready.drain(..) {
                match request {
                    Request::Create(create) => self.create(*create).await,
                    Request::Commit(commit) => self.commit(*commit).await,
                    Request::Alone(job) => {
                        self.flush().await;
                        job(&self.connection).await;
                    }
                    Request::Probe(reply) => {
                        self.flush().await;
                        // Whoever asked may have gone.
                        let _ = reply.send(probe(&self.connection).await);
                    }
                    Request::Close(reply) => {
                        queue.close();
                        waiting_for_end.push(reply);
                    }
                }
            }
            self.flush().await;
        }
        self.finish().await;
        for reply in waiting_for_end {
            let _ = reply.send(());
        }
    }

    async fn create(&mut self, create: Create) {
        if self.batch.holds(&create.new.rows) {
            self.flush().await;
        }
        self.batch.add_create(create);
    }

    async fn commit(&mut self, commit: Commit) {
        if self.batch.holds(&commit.rows) {
            self.flush().await;
        }
        self.batch.add_commit(commit);
    }

    async fn flush(&mut self) {
        std::mem::take(&mut self.batch).write(&self.connection).await;
    }

    /// Leaves one file behind, without a log beside it, and frees it.
    async fn finish(self) {
        let Self {
            connection,
            readers,
            epoch,
            ..
        } = self;
        let mut result = Ok(());
        if epoch != NO_EPOCH {
            result = close_epoch(&connection, epoch).await;
        }
        if let Some(readers) = readers {
            result = result.and(readers.close().await);
        }
        let result = result.and(connection.close().await);
        if let Err(error) = result {
            tracing::warn!(error = %error, "the database was not closed tidily; nothing is lost by that");
        }
    }
}
