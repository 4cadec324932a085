//! The conformance suite of the workflow language: cases as data, and what plays them.
//!
//! A case is a file below `cases/`: a workflow, agents that follow a script, what people do meanwhile, and what must
//! come of it; the README beside this crate describes the format. A [`Subject`] is what cases are played against:
//! this crate's own tests bring the engine in memory with simulated time, those of the program bring its server. Both
//! are spoken to through the same API, so that a case knows nothing of where it runs.

mod agent;
mod api;
mod case;
mod compare;
mod desk;
mod expand;
mod expectation;
mod facts;
mod judge;
mod names;
mod player;
mod setup;
mod step;
mod subject;
mod suite;

use case::present;

pub use crate::{
    agent::{Agent, Ask, Fail, Reply, TaskEnd},
    case::{Case, CaseError, RunnerKind, cases},
    desk::{Answer as AgentAnswer, Desk},
    expectation::Expectation,
    player::play,
    step::Step,
    subject::{Answer, Request, Stage, Subject},
    suite::{Report, run},
};
