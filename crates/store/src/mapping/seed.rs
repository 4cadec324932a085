//! Table `seeds`.

use agentchains_machine::{Changes, NodePath, Seed};
use agentchains_ports::StoreError;

use super::column::{from_json, text, to_json, word};
use crate::entity;

/// What an execution is given to start from, which is written once.
pub(crate) fn seed_models(changes: &Changes) -> Result<Vec<entity::seed::Model>, StoreError> {
    let execution_id = text(changes.execution.id);
    let model = |seed: &Seed| {
        Ok(entity::seed::Model {
            execution_id: execution_id.clone(),
            path: text(&seed.path),
            digest: seed.digest.clone(),
            output: to_json("seeds.output", &seed.output)?,
            branch: seed.branch.clone(),
            child_execution_id: seed.child.map(text),
        })
    };
    changes.seeds.iter().map(model).collect()
}

/// What an earlier execution left behind.
pub(crate) fn seed(model: entity::seed::Model) -> Result<Seed, StoreError> {
    Ok(Seed {
        path: NodePath::from(model.path),
        digest: model.digest,
        output: from_json("seeds.output", &model.output)?,
        branch: model.branch,
        child: model
            .child_execution_id
            .map(|id| word("seeds.child_execution_id", &id))
            .transpose()?,
    })
}
