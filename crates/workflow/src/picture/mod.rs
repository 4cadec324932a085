//! Pictures of a workflow: its nodes, what leads from one to the next, and the frames of groups and loops.
//!
//! Owns what is said of a node and of an edge, and where each is drawn. It knows no execution. Names are text of
//! strangers: each format writes them so that they stay text.

mod dot;
mod layered;
mod mermaid;
mod spread;
mod svg;
mod text;

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    Compiled, FanOut, Graph, Join, Node, NodeIndex, NodeKind, Repeat, ScopeIndex, When, document::OnTimeout,
};

/// What a picture is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PictureFormat {
    /// A flowchart of Mermaid, which Markdown on many sites shows.
    #[default]
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// An SVG that needs nothing else.
    Svg,
}

/// A word that is no format of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is none of mermaid, dot and svg")]
pub struct UnknownPictureFormat(String);

impl PictureFormat {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Mermaid, Self::Dot, Self::Svg];

    /// The word on the command line and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Svg => "svg",
        }
    }
}

impl fmt::Display for PictureFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PictureFormat {
    type Err = UnknownPictureFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|format| format.as_str() == word);
        known
            .copied()
            .ok_or_else(|| UnknownPictureFormat(word.to_owned()))
    }
}

impl Compiled {
    /// The picture of the workflow: the same for the same document.
    ///
    /// ```
    /// use agentchains_workflow::{PictureFormat, check};
    ///
    /// let document = r#"{"name": "Two", "nodes": [
    ///     {"id": "search", "type": "agent_call", "agent_id": "web-search"},
    ///     {"id": "sum", "type": "agent_call", "agent_id": "summarizer", "depends_on": ["search"]}
    /// ]}"#;
    /// let workflow = check(document).workflow.expect("a valid document");
    /// let picture = workflow.picture(PictureFormat::Mermaid);
    /// assert!(picture.starts_with("flowchart TD\n"));
    /// assert!(picture.contains("n0 --> n1"));
    /// ```
    #[must_use]
    pub fn picture(&self, format: PictureFormat) -> String {
        match format {
            PictureFormat::Mermaid => mermaid::draw(self),
            PictureFormat::Dot => dot::draw(self),
            PictureFormat::Svg => svg::draw(self),
        }
    }
}

/// What a node is called.
fn title(node: &Node) -> &str {
    node.name.as_deref().unwrap_or(&node.id)
}

/// What a node does, in a few words.
fn subtitle(node: &Node) -> String {
    let does = match &node.kind {
        NodeKind::AgentCall(call) => call.agent_id.clone(),
        NodeKind::Condition(_) => "condition".to_owned(),
        NodeKind::HumanApproval(approval) => match approval.on_timeout {
            OnTimeout::Approve if approval.timeout.is_some() => "approval, by default yes".to_owned(),
            _ => "approval".to_owned(),
        },
        NodeKind::ParallelGroup(group) => match (&group.fan_out, group.at_least) {
            (FanOut::Members(_), None) => "all of".to_owned(),
            (FanOut::Members(_), Some(least)) => format!("at least {least} of"),
            (FanOut::Items { .. }, None) => "for each item, at once".to_owned(),
            (FanOut::Items { .. }, Some(least)) => format!("for each item, at once, at least {least}"),
        },
        NodeKind::Loop(repeated) => match repeated.repeat {
            Repeat::Items(_) => "for each item, in order".to_owned(),
            Repeat::Until(_) => format!("until done, at most {} times", repeated.max_iterations),
            Repeat::While(_) => format!("while needed, at most {} times", repeated.max_iterations),
        },
        NodeKind::Subworkflow(child) if child.wait => format!("workflow {}", child.workflow),
        NodeKind::Subworkflow(child) => format!("starts workflow {}", child.workflow),
    };
    match node.join {
        Join::Default | Join::All => does,
        Join::Any => format!("{does} (when any is done)"),
        Join::Settled => format!("{does} (whatever became of those before)"),
        Join::AtLeast(count) => format!("{does} (when {count} are done)"),
    }
}

/// What makes an edge live, where that is not simply the end of its source.
fn condition(when: &When) -> Option<String> {
    match when {
        When::Always => None,
        When::Labels(labels) => Some(labels.join(", ")),
        When::OnError => Some("on error".to_owned()),
    }
}

/// The nodes that a group or a loop stands for.
fn members(node: &Node) -> Option<ScopeIndex> {
    match &node.kind {
        NodeKind::ParallelGroup(group) => Some(match group.fan_out {
            FanOut::Members(scope) | FanOut::Items { body: scope, .. } => scope,
        }),
        NodeKind::Loop(repeated) => Some(repeated.body),
        _ => None,
    }
}

/// The name of a node in a picture's own text.
struct Name(u32);

impl Name {
    fn of(graph: &Graph, node: NodeIndex) -> Self {
        Self(graph.node(node).position)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}
