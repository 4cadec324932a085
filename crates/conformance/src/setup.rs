//! What happens before the steps: agents are registered, workflows stored, the execution started.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    api::Api,
    case::{Case, Versions},
    judge,
    names::{Names, agents_in},
    step::Action,
    subject::{Answer, Request, Subject},
};

/// The name under which the workflow that a case is about is remembered.
pub(crate) const MAIN: &str = "";

/// A case with the names that it has on its subject.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) case: &'a Case,
    pub(crate) names: Names,
}

impl<'a> Setup<'a> {
    pub(crate) fn new(case: &'a Case, number: usize) -> Self {
        let main = case.workflow["name"].as_str().map(str::to_owned);
        Self {
            case,
            names: Names::new(number, case.workflows.keys().cloned().chain(main)),
        }
    }

    /// Registers every agent that the case speaks of.
    pub(crate) fn register_agents<S: Subject>(&self, api: &mut Api<S>) -> Result<(), String> {
        for agent_id in self.agents() {
            let settings = self
                .case
                .agents
                .get(&agent_id)
                .map(|agent| agent.settings.clone());
            let mut definition = settings.unwrap_or_default();
            definition.insert("agent_id".into(), self.agent_name(&agent_id).into());
            if let Some(Value::String(fallback)) = definition.get_mut("fallback_agent_id") {
                *fallback = self.agent_name(fallback);
            }
            definition.insert("url".into(), api.subject.agent_url(&agent_id).into());
            let answer = api.request("POST", "/agents", Some(&Value::Object(definition)));
            // A text names agents as they are, so that another case may have registered them.
            if answer.status != 201 && (answer.status != 409 || self.case.text.is_empty()) {
                return Err(unexpected("registering an agent", &answer));
            }
        }
        Ok(())
    }

    fn agents(&self) -> BTreeSet<String> {
        let saved = self.case.steps.iter().filter_map(|step| match &step.action {
            Action::Save(save) => Some(&save.workflow),
            _ => None,
        });
        let others = self.case.workflows.values().flat_map(Versions::as_slice);
        let mut named: BTreeSet<String> = self.case.agents.keys().cloned().collect();
        for document in others.chain(saved).chain([&self.case.workflow]) {
            agents_in(document, &mut named);
        }
        named.retain(|agent_id| !self.case.unregistered.contains(agent_id));
        named
    }

    fn agent_name(&self, agent_id: &str) -> String {
        if self.case.text.is_empty() {
            self.names.own(agent_id)
        } else {
            agent_id.to_owned()
        }
    }

    /// Stores the workflows that the case needs besides its own.
    pub(crate) fn store_others<S: Subject>(&mut self, api: &mut Api<S>) -> Result<(), String> {
        let case = self.case;
        for (name, versions) in &case.workflows {
            for version in versions.as_slice() {
                let answer = self.save(api, name, version);
                if !matches!(answer.status, 200 | 201) {
                    return Err(unexpected(&format!("storing {name:?}"), &answer));
                }
            }
        }
        Ok(())
    }

    /// Stores a document as the first or the next version of the workflow of this name.
    pub(crate) fn save<S: Subject>(&mut self, api: &mut Api<S>, name: &str, document: &Value) -> Answer {
        let mut document = self.document(api, document);
        if name != MAIN {
            document["name"] = self.names.own(name).into();
        }
        let id = self.names.ids.get(name).cloned();
        match id {
            Some(id) => api.request("PUT", &format!("/workflows/{id}"), Some(&document)),
            None => self.create(api, name, document.to_string()),
        }
    }

    /// Stores the workflow and starts it. False when that was refused, as the case wants it.
    pub(crate) fn start<S: Subject>(&mut self, api: &mut Api<S>) -> Result<bool, String> {
        let document = self.main_document(api);
        let saved = self.create(api, MAIN, document);
        let refused = self.case.expect.refused.as_ref();
        if saved.status != 201 {
            judge::answer(refused, &saved).map_err(|why| format!("storing the workflow: {why}"))?;
            return Ok(false);
        }
        let started = self.execute(api, &self.case.execute);
        judge::answer(refused, &started).map_err(|why| format!("starting it: {why}"))?;
        if refused.is_some() {
            return Ok(false);
        }
        begun(api, &started)?;
        Ok(true)
    }

    pub(crate) fn execute<S: Subject>(&self, api: &mut Api<S>, body: &Map<String, Value>) -> Answer {
        let path = format!("/workflows/{}/execute", self.id(MAIN));
        api.request("POST", &path, Some(&Value::Object(body.clone())))
    }

    /// The id of the workflow of this name.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.names.ids.get(name).map_or("", String::as_str)
    }

    fn create<S: Subject>(&mut self, api: &mut Api<S>, name: &str, document: String) -> Answer {
        let answer = send_document(api, "/workflows", document);
        if let Some(id) = answer.body["id"].as_str() {
            self.names.ids.insert(name.to_owned(), id.to_owned());
        }
        answer
    }

    /// What the API says of the document.
    pub(crate) fn validate<S: Subject>(&self, api: &mut Api<S>) -> Result<Value, String> {
        let document = self.main_document(api);
        let answer = send_document(api, "/workflows/validate", document);
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(unexpected("validating", &answer)),
        }
    }

    /// The document that the case is about, as it is sent.
    fn main_document<S: Subject>(&self, api: &Api<S>) -> String {
        if !self.case.text.is_empty() {
            return self.case.text.join("\n");
        }
        let mut document = self.document(api, &self.case.workflow);
        if let Some(name) = self.case.workflow["name"]
            .as_str()
            .filter(|_| !self.case.workflows.is_empty())
        {
            document["name"] = self.names.own(name).into();
        }
        document.to_string()
    }

    fn document<S: Subject>(&self, api: &Api<S>, document: &Value) -> Value {
        let url = |agent_id: &str| api.subject.agent_url(agent_id);
        self.names.document(document, &url)
    }
}

/// What follows is about the execution that was made.
pub(crate) fn begun<S: Subject>(api: &mut Api<S>, made: &Answer) -> Result<(), String> {
    let id = made.body["execution_id"].as_str();
    let id = id.ok_or_else(|| unexpected("starting", made))?;
    id.clone_into(&mut api.execution);
    api.subject.settle(0);
    Ok(())
}

fn send_document<S: Subject>(api: &mut Api<S>, path: &str, document: String) -> Answer {
    api.subject.send(Request {
        method: "POST",
        path: path.to_owned(),
        body: Some(document),
        key: None,
    })
}

fn unexpected(doing: &str, answer: &Answer) -> String {
    format!("{doing} was answered with {} {}", answer.status, answer.body)
}
