//! A store that fails at the call that a test names, in front of any other store.
//!
//! It knows nothing of what it passes on. Calls are numbered from 0 over everything that is asked of it, reads
//! included.

mod executions;
mod queries;
mod workflows;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentchains_ports::StoreError;

/// What goes wrong with one call. Whoever makes it is told the same in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not reach the store: nothing is changed.
    RequestLost,
    /// It takes effect, and the answer does not come back.
    AnswerLost,
}

impl Fault {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::RequestLost, Self::AnswerLost];
}

/// A store `S` with faults in front of it. Clones share the faults and the count.
///
/// ```
/// use agentchains_ports::ExecutionQuery;
/// use agentchains_testkit::{Fault, FaultStore, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = FaultStore::new(MemoryStore::new());
/// store.fail_call(1, Fault::RequestLost);
/// assert!(store.ping().await.is_ok());
/// assert!(store.ping().await.is_err());
/// assert!(store.ping().await.is_ok());
/// assert_eq!(store.calls(), ["ping"; 3]);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FaultStore<S> {
    inner: S,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<&'static str>,
    faults: BTreeMap<usize, Fault>,
}

impl<S> FaultStore<S> {
    /// A store that does not fail yet.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            plan: Arc::default(),
        }
    }

    /// The same faults, with the count going on, in front of another store: of one that was opened again.
    #[must_use]
    pub fn in_front_of(&self, inner: S) -> Self {
        Self {
            inner,
            plan: Arc::clone(&self.plan),
        }
    }

    /// What is behind the faults.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The call with this number fails.
    pub fn fail_call(&self, number: usize, fault: Fault) {
        self.plan().faults.insert(number, fault);
    }

    /// The calls so far, by the names of their methods.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.plan().calls.clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and makes it unless it is to fail.
    async fn pass<T, E: From<StoreError>>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let fault = {
            let mut plan = self.plan();
            let number = plan.calls.len();
            plan.calls.push(method);
            plan.faults.remove(&number)
        };
        match fault {
            None => return call.await,
            Some(Fault::RequestLost) => {}
            Some(Fault::AnswerLost) => drop(call.await),
        }
        Err(StoreError::Unavailable(format!("the test lets {method} fail").into()).into())
    }
}
