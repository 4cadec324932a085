//! A workflow together with those that it starts, directly or through others: what must be known to look ahead.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use agentchains_machine::WorkflowId;
use agentchains_workflow::{Compiled, NodeKind};

use crate::{
    Engine, EngineError,
    references::{Lookup, Resolved},
};

/// Workflows that are looked at: more than a person keeps in view, and few enough to compile for one request.
const MAX_WORKFLOWS: usize = 1_000;

/// A version of a workflow.
pub(crate) type Key = (WorkflowId, u32);

/// The versions that references lead to at this moment.
#[derive(Debug)]
pub(crate) struct Library {
    volumes: HashMap<Key, Volume>,
}

/// One version.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) workflow: Arc<Compiled>,
    /// What the nodes that start workflows lead to, by their ids; else why they lead nowhere.
    references: BTreeMap<String, Result<Resolved, String>>,
}

impl Engine {
    /// Finds and compiles whatever a workflow leads to.
    pub(crate) async fn library(
        &self,
        tenant: &str,
        root: Key,
        workflow: Arc<Compiled>,
    ) -> Result<Library, EngineError> {
        let mut lookup = Lookup::new(self, tenant);
        let mut met = HashSet::from([root]);
        let mut volumes = HashMap::new();
        let mut ahead = vec![(root, workflow)];
        while let Some((key, workflow)) = ahead.pop() {
            let mut references = BTreeMap::new();
            for node in workflow.nodes() {
                let NodeKind::Subworkflow(child) = &node.kind else {
                    continue;
                };
                let target = match lookup.resolve(child).await? {
                    Ok(found) if met.len() < MAX_WORKFLOWS || met.contains(&found.key()) => Ok(found),
                    Ok(_) => Err(format!("more than {MAX_WORKFLOWS} workflows are led to")),
                    Err(unknown) => Err(unknown.to_string()),
                };
                if let Ok(found) = &target
                    && met.insert(found.key())
                {
                    let (id, version) = found.key();
                    ahead.push((found.key(), self.compiled(id, version).await?));
                }
                references.insert(node.id.clone(), target);
            }
            volumes.insert(key, Volume { workflow, references });
        }
        Ok(Library { volumes })
    }
}

impl Library {
    /// All versions, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.volumes.keys().copied()
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Volume> {
        self.volumes.get(&key)
    }

    /// The versions in an order in which each comes after those that it starts.
    ///
    /// # Errors
    /// [`EngineError::SubworkflowRing`] where there is none such, because one starts itself in the end.
    pub(crate) fn bottom_up(&self, root: Key) -> Result<Vec<Key>, EngineError> {
        let mut order = Vec::new();
        let mut done = HashSet::new();
        let mut way = vec![(root, self.started_by(root))];
        while let Some((key, ahead)) = way.last_mut() {
            let Some(next) = ahead.pop() else {
                done.insert(*key);
                order.push(*key);
                way.pop();
                continue;
            };
            if let Some(start) = way.iter().position(|(on_way, _)| *on_way == next) {
                let ring = way[start..].iter().map(|(key, _)| *key).chain([next]);
                let names: Vec<&str> = ring.filter_map(|key| self.name(key)).collect();
                return Err(EngineError::SubworkflowRing {
                    way: names.join(" → "),
                });
            }
            if !done.contains(&next) {
                way.push((next, self.started_by(next)));
            }
        }
        Ok(order)
    }

    pub(crate) fn name(&self, key: Key) -> Option<&str> {
        Some(&self.get(key)?.workflow.settings().name)
    }

    fn started_by(&self, key: Key) -> Vec<Key> {
        let references = self
            .get(key)
            .into_iter()
            .flat_map(|volume| volume.references.values());
        references
            .filter_map(|target| Some(target.as_ref().ok()?.key()))
            .collect()
    }
}

impl Volume {
    /// What a node that starts a workflow leads to.
    ///
    /// # Errors
    /// One sentence that says why it leads nowhere.
    pub(crate) fn target(&self, node_id: &str) -> Result<&Resolved, String> {
        match self.references.get(node_id) {
            Some(target) => target.as_ref().map_err(Clone::clone),
            None => Err(format!("node {node_id:?} starts no workflow")),
        }
    }
}
