//! The description of the API (OpenAPI 3.1), made of the types that handlers read and write.

mod agents;
mod approvals;
mod described;
mod executions;
mod problems;
mod schemas;
mod server;
mod webhooks;
mod workflows;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use self::{described::Described, schemas::Schemas};
use crate::router::BASE_PATH;

/// The description as an object.
///
/// ```
/// let description = agentchains_http::openapi();
/// assert_eq!(description["openapi"], "3.1.0");
/// assert!(description["paths"]["/api/v3/orchestration/workflows"]["post"].is_object());
/// ```
#[must_use]
pub fn openapi() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for (path, described) in described(&mut schemas) {
        let operations = paths.entry(path).or_insert_with(|| json!({}));
        let method = described.method();
        operations[method] = described.into_json();
    }
    let (mut components, places) = schemas.finish();
    components.insert(problems::NAME.into(), problems::schema());
    let mut description = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "AgentChains Orchestration Engine",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": tags(),
        "security": [{"bearer": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, `ac_<id>_<secret>`. Not needed where the server runs with `--auth off`.",
            }},
            "schemas": components,
        },
    });
    places.settle(&mut description);
    description
}

/// Where the description is served.
pub(crate) const PATH: &str = "/api/v3/orchestration/openapi.json";

/// The description as it is served.
pub(crate) static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());

const INTRODUCTION: &str = "Runs workflows of AI agents. Ids are UUIDv7, times RFC 3339 in UTC with milliseconds, \
    money is a number in USD with at most 9 decimals. Members and query parameters that are not described are refused. \
    Every answer carries `X-Request-Id`, and the trace of a W3C `traceparent` is taken over.";

fn tags() -> Value {
    json!([
        {"name": "workflows", "description": "Documents, their versions, and what may be said of them before they run."},
        {"name": "executions", "description": "Workflows that run or have run."},
        {"name": "approvals", "description": "Questions to people."},
        {"name": "agents", "description": "Who is called, and the circuit breakers in front of them."},
        {"name": "webhooks", "description": "Addresses that are told of events, signed as Standard Webhooks has it and at least once: each delivery is an event as on the WebSocket."},
        {"name": "live", "description": "Events as they happen, over WebSockets."},
        {"name": "server", "description": "The server itself."},
    ])
}

/// All operations with their whole paths.
fn described(schemas: &mut Schemas) -> Vec<(String, Described)> {
    let mut api = workflows::all(schemas);
    api.extend(executions::all(schemas));
    api.extend(approvals::all(schemas));
    api.extend(agents::all(schemas));
    api.extend(webhooks::all(schemas));
    let below = api
        .into_iter()
        .map(|described| (format!("{BASE_PATH}{}", described.path()), described));
    let beside = server::all()
        .into_iter()
        .map(|described| (described.path().to_owned(), described));
    below.chain(beside).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::operations;

    #[test]
    fn every_operation_is_described_and_no_other() {
        let description = openapi();
        let mut found = BTreeSet::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            let Some(below) = path.strip_prefix(BASE_PATH).filter(|_| path != PATH) else {
                continue;
            };
            for method in methods.as_object().unwrap().keys() {
                found.insert(format!("{} {below}", method.to_uppercase()));
            }
        }
        let routed = operations()
            .into_iter()
            .map(|operation| format!("{} {}", operation.method, operation.path));
        assert_eq!(found, routed.collect());
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let description = openapi();
        let text = description.to_string();
        let references = text.split("\"$ref\":\"#").skip(1);
        let mut count = 0;
        for reference in references {
            let pointer = reference.split('"').next().unwrap();
            assert!(description.pointer(pointer).is_some(), "{pointer}");
            count += 1;
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let description = openapi();
        let methods = description["paths"].as_object().unwrap().values();
        let ids: Vec<&str> = methods
            .flat_map(|methods| methods.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }
}
