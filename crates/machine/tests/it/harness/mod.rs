//! What the tests of the machine are written in: a workflow in a line, a scripted gate, a clock that is set by hand.
//!
//! [`Run`] plays the driver: it keeps the rows as a store would, and after every step checks what must hold in
//! every execution ([`invariants`]).

mod flow;
mod gate;
mod invariants;
mod outcome;
mod rows;
mod run;
mod view;

pub(crate) use flow::{Flow, flow};
pub(crate) use gate::ScriptedGate;
pub(crate) use outcome::{broke, refused, reply, reply_costing, succeeded};
pub(crate) use run::Run;

/// An amount of money.
pub(crate) fn usd(text: &str) -> agentchains_cost::Usd {
    text.parse().unwrap()
}
