//! The registry of agents, and their circuit breakers.

use std::cmp::Reverse;

use agentchains_engine::ports::{AgentDefinition, AgentRecord, DirectoryError, Page, PageRequest};
use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use super::workflows::located;
use crate::{
    BASE_PATH,
    app::Api,
    extract::{AgentId, IdempotencyKey, IfMatch, Query, SmallText, Text, etag},
    json::{decode, parse, read, read_or_empty},
    problem::{Finding, Problem},
    wire::{
        self,
        agent::{Agent, Checked, Discover, Health, HealthError},
        execute::Nothing,
    },
};

/// `GET /agents`: newest first.
pub(crate) async fn list(api: Api, mut query: Query) -> Result<Response, Problem> {
    let page = query.page();
    let mut agents = api.agents.list(api.tenant());
    agents.sort_by_cached_key(place);
    let page = part(&agents, &page, |record| json!(shown(&api, record))).unwrap_or_else(|| {
        query.refuse("cursor", "must be one that this list gave out");
        Page {
            items: Vec::new(),
            next_cursor: None,
        }
    });
    query.finish()?;
    Ok(wire::list("agents", page))
}

/// An agent with what is to be said of it at present.
fn shown<'a>(api: &Api, record: &'a AgentRecord) -> Agent<'a> {
    Agent::of(record, |id| api.agents.get(api.tenant(), id).is_some())
}

/// Where an agent stands in the list. The id is in hexadecimal, which keeps its order and is safe in a cursor.
fn place(record: &AgentRecord) -> (Reverse<i64>, String) {
    let id = record.definition.agent_id.bytes();
    (
        Reverse(record.created_at.as_microsecond()),
        id.map(|byte| format!("{byte:02x}")).collect(),
    )
}

/// The part that a cursor asks for, which names the place of the agent before; `None` where it is none.
fn part(
    agents: &[AgentRecord],
    page: &PageRequest,
    show: impl Fn(&AgentRecord) -> Value,
) -> Option<Page<Value>> {
    let from = match &page.cursor {
        None => 0,
        Some(cursor) => {
            let (at, id) = cursor.rsplit_once('-')?;
            let before = (Reverse(at.parse::<i64>().ok()?), id.to_owned());
            agents.partition_point(|agent| place(agent) <= before)
        }
    };
    let rest = &agents[from..];
    let shown = &rest[..rest.len().min(page.limit as usize)];
    let last = shown.last().filter(|_| shown.len() < rest.len());
    Some(Page {
        items: shown.iter().map(show).collect(),
        next_cursor: last.map(|last| {
            let (Reverse(at), id) = place(last);
            format!("{at}-{id}")
        }),
    })
}

/// `POST /agents`.
pub(crate) async fn register(
    api: Api,
    query: Query,
    key: IdempotencyKey,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let definition: AgentDefinition = read(&text)?;
    let now = api.engine.now();
    let idempotency = key.of(&text, now);
    let record = api
        .agents
        .register(api.tenant(), definition, idempotency, now)
        .await?;
    let id = percent_encoded(&record.definition.agent_id);
    let location = located(format!("{BASE_PATH}/agents/{id}"));
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        answer(&api, &record),
    )
        .into_response())
}

/// Text as a segment of a path (RFC 3986, section 2).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn answer(api: &Api, record: &AgentRecord) -> Response {
    let tag = [(header::ETAG, etag(record.revision))];
    (tag, Json(shown(api, record))).into_response()
}

/// `GET /agents/{agent_id}`.
pub(crate) async fn show(api: Api, AgentId(id): AgentId, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    Ok(answer(&api, &registered(&api, &id)?))
}

fn registered(api: &Api, id: &str) -> Result<AgentRecord, Problem> {
    api.agents
        .get(api.tenant(), id)
        .ok_or_else(|| Problem::not_found("agent", id))
}

/// `PUT /agents/{agent_id}`. The body may leave out the id, which the path has.
pub(crate) async fn replace(
    api: Api,
    AgentId(id): AgentId,
    query: Query,
    if_match: IfMatch,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let mut body = parse(&text)?;
    if let Value::Object(fields) = &mut body {
        fields.entry("agent_id").or_insert_with(|| id.as_str().into());
    }
    let definition: AgentDefinition = decode(body)?;
    if definition.agent_id != id {
        let message = "`agent_id` is another one than the path's; an agent's id does not change";
        return Err(Problem::invalid(vec![Finding::new(
            "invalid_value",
            "/agent_id",
            message,
        )]));
    }
    let seen = if_match.seen(registered(&api, &id)?.revision)?;
    let record = api
        .agents
        .replace(api.tenant(), definition, seen, api.engine.now())
        .await?;
    api.engine.agent_changed(&record.key);
    Ok(answer(&api, &record))
}

/// `DELETE /agents/{agent_id}`.
pub(crate) async fn remove(
    api: Api,
    AgentId(id): AgentId,
    query: Query,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let present = registered(&api, &id)?;
    let seen = if_match.seen(present.revision)?;
    api.agents.remove(api.tenant(), &id, seen).await?;
    api.engine.forget_breaker(&present.key);
    api.engine.agent_changed(&present.key);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /agents/discover`.
pub(crate) async fn discover(api: Api, query: Query, Text(text): SmallText) -> Result<Response, Problem> {
    query.finish()?;
    let body: Discover = read(&text)?;
    let found = api.agents.discover(&body.url).await?;
    Ok(Json(found).into_response())
}

/// `GET /agents/{agent_id}/health`: whether it answers at this moment, in the cheapest way that its protocol has. One
/// that is disabled is not asked.
pub(crate) async fn health(api: Api, AgentId(id): AgentId, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let record = registered(&api, &id)?;
    let checked = if record.definition.disabled {
        Checked::Disabled
    } else {
        match api.agents.check(api.tenant(), &id).await {
            Ok(()) => Checked::Answered,
            Err(DirectoryError::Discovery {
                code,
                message,
                was_called,
            }) => Checked::Failed {
                error: HealthError { code, message },
                was_called,
            },
            Err(error) => return Err(error.into()),
        }
    };
    let breaker = api.engine.breaker(&record.key);
    Ok(Json(Health::new(&id, checked, &breaker, api.engine.now())).into_response())
}

/// `GET /agents/{agent_id}/circuit-breaker`: its mode, its counts, and its last changes of state with their reasons.
pub(crate) async fn breaker(api: Api, AgentId(id): AgentId, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let agent = registered(&api, &id)?.key;
    Ok(Json(api.engine.breaker(&agent)).into_response())
}

/// `POST /agents/{agent_id}/circuit-breaker/reset`: closes it. In a forced mode nothing happens, as the answer shows.
pub(crate) async fn reset_breaker(
    api: Api,
    AgentId(id): AgentId,
    query: Query,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let Nothing {} = read_or_empty(&text)?;
    let agent = registered(&api, &id)?.key;
    api.engine.reset_breaker(&agent);
    Ok(Json(api.engine.breaker(&agent)).into_response())
}

/// `POST /agents/{agent_id}/circuit-breaker/force-open`: holds it open until it is reset, over restarts too. In a forced
/// mode nothing happens, as the answer shows.
pub(crate) async fn force_breaker_open(
    api: Api,
    AgentId(id): AgentId,
    query: Query,
    Text(text): SmallText,
) -> Result<Response, Problem> {
    query.finish()?;
    let Nothing {} = read_or_empty(&text)?;
    let agent = registered(&api, &id)?.key;
    api.engine.force_breaker_open(&agent);
    Ok(Json(api.engine.breaker(&agent)).into_response())
}
