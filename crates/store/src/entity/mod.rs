//! The tables as SeaORM sees them. Private to this crate: callers get the rows of the machine and the ports.
//!
//! Conventions of all tables: ids are UUIDs as text, moments are microseconds since the Unix epoch, money is
//! in units of 1e-9 USD, JSON is text that nobody but this crate reads, in which large values may stand by their
//! hashes.
#![expect(
    unreachable_pub,
    reason = "the derive makes public items, whatever the module's visibility"
)]

pub mod agent;
pub mod api_key;
pub mod approval;
pub mod attempt;
pub mod breaker;
pub mod event;
pub mod execution;
pub mod execution_input;
pub mod execution_label;
pub mod idempotency_key;
pub mod large_value;
pub mod large_value_use;
pub mod meta;
pub mod node;
pub mod purse;
pub mod secret;
pub mod seed;
pub mod webhook;
pub mod webhook_delivery;
pub mod workflow;
pub mod workflow_version;
