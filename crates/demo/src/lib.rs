//! Five small agents that speak A2A 1.0 over JSON-RPC, each a real HTTP server on loopback.
//!
//! | id | what it answers |
//! |---|---|
//! | `web-search` | three search results about the query |
//! | `academic-search` | three papers about the query |
//! | `summarizer` | a summary of what the nodes before it produced, at most `max_length` characters |
//! | `critic` | a score from 0 to 1 and remarks on what the nodes before it produced |
//! | `flaky` | refuses the first call about anything with 503, then answers |
//!
//! Their content is a function of what they are asked, so that runs can be compared; their delays and costs are
//! realistic. A [`RequestLog`] is the witness of what was really sent to them. They are for demonstrations and
//! tests: nothing in them thinks, and they listen on loopback only.
//!
//! ```
//! use std::time::Duration;
//!
//! use agentchains_demo::{DemoSettings, start_all};
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let agents = start_all(DemoSettings { delay: Some(Duration::ZERO), ..DemoSettings::default() }).await?;
//! for agent in agents.agents() {
//!     println!("{} listens on {}", agent.id, agent.url);
//! }
//! assert_eq!(agents.agents().len(), 5);
//! assert_eq!(agents.log().total(), 0);
//! agents.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod agent;
mod ask;
mod card;
mod http;
mod log;
mod message;
mod methods;
mod rpc;
mod server;
mod settings;
mod skills;
mod start;
mod tasks;

pub use crate::{
    log::{LoggedRequest, RequestLog},
    settings::{DemoSettings, Ports},
    start::{DemoAgent, DemoAgents, start_all},
};
