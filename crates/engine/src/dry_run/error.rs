//! Why a dry run came to no end.

use thiserror::Error;

/// Nodes that a message names.
const MAX_NAMED: usize = 20;

/// Why a dry run says nothing. In every case nothing was written and nobody was called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DryRunError {
    /// Nobody knows what agents would say.
    #[error(
        "there is no output for {}; give it in outputs, or name an execution that has it in from_execution",
        named(.nodes)
    )]
    NoOutput {
        /// The paths of the nodes that got to their calls and have no output, in order.
        nodes: Vec<String>,
    },
    /// A question cannot be answered as it is supposed to be.
    #[error("the question of {node} cannot be answered: {reason}")]
    Undecided {
        /// The path of the node that asks.
        node: String,
        /// One sentence.
        reason: String,
    },
    /// The execution that answers are to be taken from is one of another workflow.
    #[error("the execution is one of another workflow")]
    OtherWorkflow,
    /// It takes too long to walk through all of it.
    #[error("the dry run was given up after {after}")]
    TooLong {
        /// What it had come to.
        after: String,
    },
}

fn named(nodes: &[String]) -> String {
    let mut text = nodes[..nodes.len().min(MAX_NAMED)].join(", ");
    if nodes.len() > MAX_NAMED {
        text.push_str(&format!(" and {} more", nodes.len() - MAX_NAMED));
    }
    text
}
