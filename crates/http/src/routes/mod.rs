//! The handlers, by what they are about. Each reads its request, asks the engine or the registry once or twice,
//! and writes the answer; rules are theirs, not the handlers'.

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod cost;
pub(crate) mod description;
pub(crate) mod executions;
pub(crate) mod forks;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod nodes;
pub(crate) mod templates;
pub(crate) mod wait;
pub(crate) mod webhooks;
pub(crate) mod workflows;
