//! Between the rows of the machine and the ports and those of the tables.
//!
//! Towards the database nothing is lost but what is finer than a microsecond. From the database everything is
//! checked: what cannot be understood is [`StoreError::Corrupt`], never a guess and never a panic.

mod agent;
mod api_key;
mod approval;
mod attempt;
mod breaker;
mod column;
mod event;
mod execution;
mod node;
mod purse;
mod secret;
mod seed;
mod webhook;
mod workflow;

use std::slice;

use agentchains_machine::Changes;
use agentchains_ports::{Fence, StoreError};

pub(crate) use self::{
    agent::{agent_model, agent_record, key_columns},
    api_key::{api_key, api_key_model},
    approval::approval_row,
    attempt::attempt_row,
    breaker::{breaker_record, breaker_row},
    column::{corrupt, count, micros, moment, number, word},
    event::event,
    execution::{execution_row, input_model, label_models},
    node::node_row,
    purse::{purse_budget, purse_model},
    secret::{sealed_secret, secret_model},
    seed::{seed, seed_models},
    webhook::{delivery_model, webhook, webhook_model},
    workflow::{folded, version_model, version_record, workflow_model, workflow_record},
};
use crate::{entity, large};

/// What a commit writes, as rows of the tables.
pub(crate) struct Rows {
    pub(crate) execution: entity::execution::Model,
    pub(crate) nodes: Vec<entity::node::Model>,
    pub(crate) attempts: Vec<entity::attempt::Model>,
    pub(crate) approvals: Vec<entity::approval::Model>,
    pub(crate) events: Vec<entity::event::Model>,
    /// What webhooks are to be told of the events.
    pub(crate) deliveries: Vec<entity::webhook_delivery::Model>,
    /// What is too large for these rows, and for others that are written with them. Some may be here repeatedly.
    pub(crate) large_values: Vec<entity::large_value::Model>,
}

impl Rows {
    /// The rows of changes; `fence` is the one that holds once they are written.
    pub(crate) fn of(changes: &Changes, fence: Fence) -> Result<Self, StoreError> {
        let execution = execution::execution_model(&changes.execution, fence)?;
        let id = &execution.id;
        let tenant = &execution.tenant;
        let mut rows = Self {
            nodes: changes
                .nodes
                .iter()
                .map(|row| node::node_model(id, row))
                .collect::<Result<_, _>>()?,
            attempts: changes
                .attempts
                .iter()
                .map(|row| attempt::attempt_model(id, row))
                .collect::<Result<_, _>>()?,
            approvals: changes
                .approvals
                .iter()
                .map(|row| approval::approval_model(tenant, row))
                .collect::<Result<_, _>>()?,
            events: changes
                .events
                .iter()
                .map(|row| event::event_model(id, row))
                .collect::<Result<_, _>>()?,
            execution,
            deliveries: Vec::new(),
            large_values: Vec::new(),
        };
        let large_values = &mut rows.large_values;
        large::take_out(slice::from_mut(&mut rows.execution), large_values);
        large::take_out(&mut rows.nodes, large_values);
        large::take_out(&mut rows.approvals, large_values);
        large::take_out(&mut rows.events, large_values);
        Ok(rows)
    }
}
