//! Creations, and what an idempotency key makes of them.

use std::collections::{HashMap, hash_map::Entry};

use agentchains_machine::ExecutionId;
use agentchains_ports::{Creation, Fence, StoreError};
use sea_orm::{DatabaseTransaction, DbErr};
use tokio::sync::oneshot;

use super::standing::Standing;
use crate::{
    entity::{execution_input, execution_label, idempotency_key},
    idempotency,
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
    /// Answer with what the same request has made.
    Replay {
        resource_id: String,
    },
    KeyReused,
}

/// Decides about each creation by its key: of several with the same one, the first counts.
pub(super) async fn plan(tx: &DatabaseTransaction, creates: &[Create]) -> Result<Vec<Plan>, DbErr> {
    let keys: Vec<&idempotency_key::Model> = creates
        .iter()
        .filter_map(|create| create.new.key.as_ref())
        .collect();
    let now = creates
        .iter()
        .map(|create| create.new.rows.execution.created_at)
        .max();
    let mut used = match now {
        Some(now) if !keys.is_empty() => idempotency::used(tx, &keys, now).await?,
        _ => HashMap::new(),
    };
    let mut decide = |create: &Create| {
        let Some(key) = &create.new.key else {
            return Plan::Write;
        };
        match used.entry((key.tenant.clone(), key.key.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(key.clone());
                Plan::Write
            }
            Entry::Occupied(entry) if entry.get().fingerprint == key.fingerprint => Plan::Replay {
                resource_id: entry.get().resource_id.clone(),
            },
            Entry::Occupied(_) => Plan::KeyReused,
        }
    };
    Ok(creates.iter().map(&mut decide).collect())
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
