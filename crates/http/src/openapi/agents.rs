//! Agents and their circuit breakers.

use agentchains_engine::{
    breaker::Snapshot,
    ports::{AgentDefinition, DiscoveredAgent},
};
use axum::http::Method;

use super::{described::Described, schemas::Schemas};
use crate::wire::{
    agent::{Agent, Discover, Health},
    execute::Nothing,
};

/// What can be done with an agent.
const OF_AN_AGENT: &[&str] = &[
    "showAgent",
    "replaceAgent",
    "removeAgent",
    "checkAgent",
    "showBreaker",
    "resetBreaker",
    "forceBreakerOpen",
];

fn of(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Described {
    Described::guarded("agents", method, path, id, summary)
}

pub(super) fn all(schemas: &mut Schemas) -> Vec<Described> {
    let mut all = registry(schemas);
    all.extend(breakers(schemas));
    all
}

fn registry(schemas: &mut Schemas) -> Vec<Described> {
    let agent = schemas.written::<Agent<'_>>();
    let definition = schemas.read::<AgentDefinition>();
    vec![
        of(
            Method::GET,
            "/agents",
            "listAgents",
            "The agents, the newest first",
        )
        .paged()
        .lists("agents", agent.clone()),
        of(Method::POST, "/agents", "registerAgent", "Registers an agent")
            .idempotent()
            .body(definition.clone())
            .answers(201, "The agent.", agent.clone())
            .with_header(201, "Location", "Where it is.")
            .with_header(201, "ETag", "Its revision.")
            .leads_to(201, "agent_id", OF_AN_AGENT)
            .refuses(409, &["agent_exists"])
            .refuses(422, &["secret_not_allowed"]),
        of(
            Method::POST,
            "/agents/discover",
            "discoverAgent",
            "Reads the card of an A2A agent",
        )
        .body(schemas.read::<Discover>())
        .answers(200, "What its card says.", schemas.written::<DiscoveredAgent>())
        .refuses(422, &["agent_unreachable", "address_not_allowed"]),
        of(
            Method::GET,
            "/agents/{id}",
            "showAgent",
            "An agent; never its credential",
        )
        .answers(200, "The agent.", agent.clone())
        .with_header(200, "ETag", "Its revision."),
        of(
            Method::PUT,
            "/agents/{id}",
            "replaceAgent",
            "Replaces what is declared of an agent",
        )
        .if_match()
        .body(definition)
        .answers(200, "The agent.", agent)
        .with_header(200, "ETag", "Its revision.")
        .refuses(409, &["agent_read_only"])
        .refuses(422, &["secret_not_allowed"]),
        of(Method::DELETE, "/agents/{id}", "removeAgent", "Removes an agent")
            .if_match()
            .answers_nothing(204, "It is gone.")
            .refuses(409, &["agent_read_only"]),
        of(
            Method::GET,
            "/agents/{id}/health",
            "checkAgent",
            "Whether an agent answers at this moment",
        )
        .answers(200, "What was found.", schemas.written::<Health<'_>>()),
    ]
}

fn breakers(schemas: &mut Schemas) -> Vec<Described> {
    let breaker = schemas.written::<Snapshot>();
    let nothing = schemas.read::<Nothing>();
    let moved = |path, id, summary| {
        of(Method::POST, path, id, summary)
            .optional_body(nothing.clone())
            .answers(200, "The breaker.", breaker.clone())
    };
    vec![
        of(
            Method::GET,
            "/agents/{id}/circuit-breaker",
            "showBreaker",
            "An agent's circuit breaker",
        )
        .answers(200, "The breaker.", breaker.clone()),
        moved(
            "/agents/{id}/circuit-breaker/reset",
            "resetBreaker",
            "Closes an agent's circuit breaker",
        ),
        moved(
            "/agents/{id}/circuit-breaker/force-open",
            "forceBreakerOpen",
            "Holds an agent's circuit breaker open until it is reset",
        ),
    ]
}
