//! Rings: references by which a workflow would start itself, directly or through others (language reference, section 7).

use std::collections::{BTreeSet, HashMap, VecDeque};

use agentchains_machine::WorkflowId;
use agentchains_ports::{StoreError, WorkflowRecord};
use agentchains_workflow::{Compiled, Subworkflow, limits};

use crate::{
    Engine, EngineError, UnknownWorkflow,
    references::{Lookup, Resolved, Unresolved},
};

/// Workflows that are looked at in search of a ring. One that is farther away is found when it runs.
const MAX_VISITED: usize = 1_000;
/// Workflows of a ring that are named.
const MAX_NAMED: usize = 20;

/// The document that is looked at, where it is to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    /// The id of the workflow; absent: a new one's, later than all others.
    pub(crate) id: Option<WorkflowId>,
    /// The name that the workflow will have.
    pub(crate) name: &'a str,
}

/// What is to be said of a document's references.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// Those that mean no workflow.
    pub(crate) unknown: Vec<UnknownWorkflow>,
    /// Those that lead back to the document, each with its pointer and the names on the way.
    pub(crate) rings: Vec<(String, String)>,
}

impl Engine {
    /// What is to be said of the references of a document that is to be stored.
    pub(crate) async fn references(
        &self,
        tenant: &str,
        home: Home<'_>,
        workflow: &Compiled,
    ) -> Result<References, EngineError> {
        let mut walk = Walk {
            lookup: Lookup::new(self, tenant),
            home,
        };
        let mut found = References::default();
        let mut starts = Vec::new();
        for (pointer, child) in workflow.subworkflows() {
            match walk.target(child).await? {
                Ok(target) => starts.push((pointer, target)),
                Err(what) => found.unknown.push(UnknownWorkflow { pointer, what }),
            }
        }
        let reached = walk.follow(starts.iter().map(|(_, target)| target)).await?;
        let ways_home = reached.ways_home();
        let rings = starts.into_iter().filter_map(|(pointer, target)| {
            let way = ways_home.from(&target, home.name)?;
            Some((pointer, way))
        });
        found.rings = rings.take(limits::MAX_ERRORS).collect();
        Ok(found)
    }
}

/// What a reference leads to.
#[derive(Debug, Clone)]
enum Target {
    /// The document itself, in whatever version.
    Home,
    Other(Resolved),
}

type Key = (WorkflowId, u32);

/// The references from a document on.
struct Walk<'a> {
    lookup: Lookup<'a>,
    home: Home<'a>,
}

/// The workflows that references lead to.
#[derive(Debug, Default)]
struct Reached {
    names: HashMap<Key, String>,
    named_by: HashMap<Key, BTreeSet<Key>>,
    name_home: BTreeSet<Key>,
}

/// For workflows from which references lead back: the name, and the next one on a shortest way.
#[derive(Debug)]
struct WaysHome {
    next: HashMap<Key, (String, Option<Key>)>,
}

impl Walk<'_> {
    async fn target(&mut self, child: &Subworkflow) -> Result<Result<Target, Unresolved>, StoreError> {
        let resolved = self.lookup.resolve(child).await?;
        Ok(self.home.target(&child.workflow, resolved))
    }

    /// Follows the references of all workflows that can be reached.
    async fn follow(&mut self, starts: impl Iterator<Item = &Target>) -> Result<Reached, EngineError> {
        let mut reached = Reached::default();
        let mut ahead: VecDeque<Key> = starts
            .filter_map(Target::other)
            .filter_map(|found| reached.discover(found))
            .collect();
        while let Some(key) = ahead.pop_front() {
            let workflow = self.lookup.engine.compiled(key.0, key.1).await?;
            for (_, child) in workflow.subworkflows() {
                match self.target(child).await? {
                    Ok(Target::Home) => _ = reached.name_home.insert(key),
                    Ok(Target::Other(next)) => {
                        reached.named_by.entry(next.key()).or_default().insert(key);
                        ahead.extend(reached.discover(next));
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(reached)
    }
}

impl Reached {
    /// The workflow, if it was not met before.
    fn discover(&mut self, found: Resolved) -> Option<Key> {
        let key = found.key();
        if self.names.len() >= MAX_VISITED || self.names.contains_key(&key) {
            return None;
        }
        self.names.insert(key, found.record.name);
        Some(key)
    }

    /// Goes back from the workflows that name home to all that lead to them.
    fn ways_home(self) -> WaysHome {
        let Self {
            mut names,
            mut named_by,
            name_home,
        } = self;
        let mut next = HashMap::new();
        let mut ahead: VecDeque<(Key, Option<Key>)> = name_home.into_iter().map(|key| (key, None)).collect();
        while let Some((key, step)) = ahead.pop_front() {
            let Some(name) = names.remove(&key) else { continue };
            next.insert(key, (name, step));
            let before = named_by.remove(&key).unwrap_or_default();
            ahead.extend(before.into_iter().map(|before| (before, Some(key))));
        }
        WaysHome { next }
    }
}

impl Home<'_> {
    /// What a reference leads to once the document is stored, given what it leads to before that.
    fn target(self, reference: &str, resolved: Result<Resolved, Unresolved>) -> Result<Target, Unresolved> {
        let is_own_id = self.id.is_some_and(|id| reference.parse() == Ok(id));
        // Of several workflows with one name, the one that was created last is meant.
        let is_later = |record: &WorkflowRecord| self.id.is_some_and(|id| record.id > id);
        let by_name = reference == self.name
            && match &resolved {
                Ok(found) => found.record.name == self.name && !is_later(&found.record),
                Err(_) => true,
            };
        if is_own_id || by_name {
            return Ok(Target::Home);
        }
        // The workflow is about to get another name than the one by which it is meant.
        if resolved
            .as_ref()
            .is_ok_and(|found| Some(found.record.id) == self.id)
        {
            let reference = reference.to_owned();
            return Err(Unresolved::Workflow { reference });
        }
        resolved.map(Target::Other)
    }
}

impl Target {
    fn other(&self) -> Option<Resolved> {
        match self {
            Self::Home => None,
            Self::Other(resolved) => Some(resolved.clone()),
        }
    }
}

impl WaysHome {
    /// The names on the way from home over a target and back, such as `a → b → a`.
    fn from(&self, target: &Target, home: &str) -> Option<String> {
        let mut way = vec![home];
        if let Target::Other(resolved) = target {
            let mut at = Some(resolved.key());
            while let Some(key) = at {
                let (name, next) = self.next.get(&key)?;
                if way.len() == MAX_NAMED {
                    way.push("…");
                    break;
                }
                way.push(name);
                at = *next;
            }
        }
        way.push(home);
        Some(way.join(" → "))
    }
}
