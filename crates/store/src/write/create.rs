//! Creations, and what becomes of those that were asked for before.

use std::collections::{HashMap, hash_map::Entry};

use agentchains_machine::ExecutionId;
use agentchains_ports::{Creation, Fence, StoreError};
use sea_orm::{ConnectionTrait, DbErr};
use tokio::sync::oneshot;

use super::{script::Script, standing::Standing};
use crate::{
    entity::{execution_input, execution_label, idempotency_key, seed},
    idempotency::{self, UsedKeys},
    mapping::Rows,
};

/// What a creation writes.
pub(crate) struct NewRows {
    pub(crate) id: ExecutionId,
    /// The fence that holds once it is written.
    pub(crate) fence: Fence,
    pub(crate) rows: Rows,
    pub(crate) input: execution_input::Model,
    pub(crate) labels: Vec<execution_label::Model>,
    pub(crate) seeds: Vec<seed::Model>,
    pub(crate) key: Option<idempotency_key::Model>,
}

/// An execution that is to be recorded.
pub(super) struct Create {
    pub(super) new: NewRows,
    pub(super) reply: oneshot::Sender<Result<Creation<(ExecutionId, Fence)>, StoreError>>,
}

/// What is to be done about a creation.
pub(super) enum Plan {
    Write,
    /// Answer with what is there already.
    Replay {
        resource_id: String,
    },
    KeyReused,
}

/// The keys that were used before, of all that the creations come with. Those that have expired are to be deleted.
pub(super) async fn used_keys(
    before: &impl ConnectionTrait,
    script: &mut Script,
    creates: &[Create],
) -> Result<UsedKeys, DbErr> {
    let keys: Vec<&idempotency_key::Model> = creates
        .iter()
        .filter_map(|create| create.new.key.as_ref())
        .collect();
    let now = creates
        .iter()
        .map(|create| create.new.rows.execution.created_at)
        .max();
    match now {
        Some(now) if !keys.is_empty() => {
            script.delete(idempotency::forget_expired(now));
            idempotency::used(before, &keys, now).await
        }
        _ => Ok(HashMap::new()),
    }
}

/// Decides about each creation by its key, and then by its id: of several with the same key, the first counts, and
/// what is there stays as it is.
pub(super) fn plan(
    creates: &[Create],
    mut used: UsedKeys,
    standings: &HashMap<String, Standing>,
) -> Vec<Plan> {
    let mut decide = |create: &Create| {
        let id = &create.new.rows.execution.id;
        let repeated = standings.contains_key(id).then(|| Plan::Replay {
            resource_id: id.clone(),
        });
        let Some(key) = &create.new.key else {
            return repeated.unwrap_or(Plan::Write);
        };
        match used.entry((key.tenant.clone(), key.key.clone())) {
            Entry::Vacant(entry) => repeated.unwrap_or_else(|| {
                entry.insert(key.clone());
                Plan::Write
            }),
            Entry::Occupied(entry) if entry.get().fingerprint == key.fingerprint => Plan::Replay {
                resource_id: entry.get().resource_id.clone(),
            },
            Entry::Occupied(_) => Plan::KeyReused,
        }
    };
    creates.iter().map(&mut decide).collect()
}

impl Plan {
    /// The answer to a creation, once the plan has been carried out.
    pub(super) fn outcome(
        self,
        new: &NewRows,
        standings: &HashMap<String, Standing>,
    ) -> Creation<(ExecutionId, Fence)> {
        match self {
            Self::Write => Creation::Created((new.id, new.fence)),
            Self::Replay { resource_id } => {
                let earlier = standings.get(&resource_id).and_then(Standing::fence);
                match (resource_id.parse(), earlier) {
                    (Ok(id), Some(fence)) => Creation::Replayed((id, fence)),
                    // What the key made is no execution.
                    _ => Creation::KeyReused,
                }
            }
            Self::KeyReused => Creation::KeyReused,
        }
    }
}
