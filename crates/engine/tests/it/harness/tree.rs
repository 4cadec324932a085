//! Executions inside of each other.

use agentchains_engine::{
    Caller, EngineError,
    machine::{ExecutionId, ExecutionRow, WorkflowId},
};
use serde_json::{Value, json};

use super::World;

/// The same workflow under another name.
pub(crate) fn named(name: &str, mut document: Value) -> Value {
    document["name"] = json!(name);
    document
}

/// A workflow of one node `s` that starts the workflow of this id or name.
pub(crate) fn starts(workflow: &str) -> Value {
    starts_with(json!({"workflow_id": workflow}))
}

/// The same with a config of its own.
pub(crate) fn starts_with(config: Value) -> Value {
    json!({"name": "parent", "nodes": [{"id": "s", "type": "subworkflow", "config": config}]})
}

impl World {
    /// Stores a workflow, and starts one that starts it.
    pub(crate) async fn start_above(&self, child: &Value) -> ExecutionId {
        self.workflow(&named("child", child.clone())).await;
        self.start(&starts("child")).await
    }

    /// The only child execution of this one.
    pub(crate) async fn child(&self, parent: ExecutionId) -> ExecutionId {
        let children = self.children(parent).await;
        assert_eq!(children.len(), 1, "{children:?}");
        children[0].id
    }

    pub(crate) async fn children(&self, parent: ExecutionId) -> Vec<ExecutionRow> {
        let caller = Caller::anonymous();
        self.engine.children(&caller, parent).await.unwrap()
    }

    pub(crate) async fn update(&self, id: WorkflowId, document: &Value) -> Result<(), EngineError> {
        let caller = Caller::anonymous();
        let updated = self
            .engine
            .update_workflow(&caller, id, None, &document.to_string())
            .await;
        updated.map(drop)
    }

    pub(crate) async fn archive(&self, id: WorkflowId) {
        let caller = Caller::anonymous();
        self.engine.archive_workflow(&caller, id, None).await.unwrap();
    }
}
