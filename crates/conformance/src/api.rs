//! The API as a case uses it: requests, and whole lists.

use serde_json::Value;

use crate::subject::{Answer, Request, Subject};

/// A subject, and the execution that is spoken of.
#[derive(Debug)]
pub(crate) struct Api<S> {
    pub(crate) subject: S,
    pub(crate) execution: String,
}

impl<S: Subject> Api<S> {
    pub(crate) fn request(&mut self, method: &'static str, path: &str, body: Option<&Value>) -> Answer {
        self.subject.send(Request {
            method,
            path: path.to_owned(),
            body: body.map(ToString::to_string),
            key: None,
        })
    }

    /// What the API shows below `/executions/{id}`.
    pub(crate) fn show(&mut self, below: &str) -> Value {
        let path = format!("/executions/{}{below}", self.execution);
        self.request("GET", &path, None).body
    }

    pub(crate) fn nodes(&mut self) -> Vec<Value> {
        let path = format!("/executions/{}/nodes?", self.execution);
        self.list(&path, "nodes")
    }

    pub(crate) fn events(&mut self) -> Vec<Value> {
        let path = format!("/executions/{}/events?", self.execution);
        self.list(&path, "events")
    }

    pub(crate) fn approvals(&mut self) -> Vec<Value> {
        let path = format!("/approvals?execution_id={}&", self.execution);
        self.list(&path, "approvals")
    }

    /// The execution that the node at this path has started.
    pub(crate) fn child(&mut self, path: &str) -> Result<String, String> {
        let nodes = self.nodes();
        let node = nodes.iter().find(|node| node["path"] == path);
        let id = node.and_then(|node| node["child_execution_id"].as_str());
        id.map(str::to_owned)
            .ok_or_else(|| format!("the node {path:?} has no child execution"))
    }

    /// How the nodes stand, for people.
    pub(crate) fn overview(&mut self) -> String {
        let mut text = "nodes:".to_owned();
        for node in self.nodes() {
            let said = [&node["error"], &node["skip_reason"], &node["waiting_on"]];
            let said: Vec<_> = said
                .iter()
                .filter(|said| !said.is_null())
                .map(ToString::to_string)
                .collect();
            let (path, status) = (&node["path"], &node["status"]);
            text.push_str(&format!("\n  {path} {status} {}", said.join(" ")));
        }
        text
    }

    /// A whole list, part by part.
    fn list(&mut self, path: &str, name: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .request("GET", &format!("{path}limit=200{cursor}"), None)
                .body;
            all.extend(page[name].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}
