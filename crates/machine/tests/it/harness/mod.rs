//! What the tests of the machine are written in: a workflow in a line, a scripted gate, a clock that is set by hand.
//!
//! [`Run`] plays the driver: it keeps the rows as a store would, and after every step checks what must hold in
//! every execution ([`invariants`]).

mod due;
mod flow;
mod fold;
mod gate;
mod invariants;
mod joins;
mod outcome;
mod rows;
mod run;
mod scope;
mod scopes;
mod view;

pub(crate) use flow::{Flow, body, flow};
pub(crate) use gate::ScriptedGate;
pub(crate) use outcome::{asks, broke, refused, reply, reply_costing, succeeded};
pub(crate) use rows::Rows;
pub(crate) use run::Run;

/// An amount of money.
pub(crate) fn usd(text: &str) -> agentchains_cost::Usd {
    text.parse().unwrap()
}
