//! Agent cards (section 4.4 of A2A, and section 5.5 of version 0.3), and how they are cached.
//!
//! Who asks in version 1.0 gets a card of that version; others get one that has the fields of both.

use agentchains_engine::machine::hash_of;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{agent::Profile, wire::Version};

/// Under what the totals of cost and usage stand in the metadata of tasks.
pub(crate) const USAGE_EXTENSION: &str = "https://github.com/agentchains/orchestration-engine/a2a/usage/v1";

/// Under what the card tells the JSON Schema of the data that the agent takes.
const INPUT_EXTENSION: &str = "https://github.com/agentchains/orchestration-engine/a2a/input-schema/v1";

/// How the one security scheme is named in cards.
const API_KEY: &str = "api_key";

const OUTPUT_MODES: [&str; 2] = ["application/json", "text/plain"];

/// The version that a card of 0.3 names.
const V0_3: &str = "0.3.0";

/// How long a card may be used without asking again.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// What a card depends on besides its address.
const VARY: HeaderValue = HeaderValue::from_static("a2a-version, host");

/// The answer to a request for a card.
pub(crate) fn answer(
    profile: &Profile,
    url: &str,
    needs_key: bool,
    version: Version,
    headers: &HeaderMap,
) -> Response {
    let card = card(profile, url, needs_key, version);
    let text = card.to_string();
    let etag = format!("\"{}\"", hash_of(&card.into()));
    let asked = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = asked
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"));
    let is_known = known.any(|tag| tag == etag || tag == "*");
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        ([media_type], text).into_response()
    };
    let caching = [
        (header::ETAG, HeaderValue::try_from(etag)),
        (
            header::LAST_MODIFIED,
            HeaderValue::try_from(http_date(profile.modified)),
        ),
        (header::CACHE_CONTROL, Ok(CACHE_CONTROL)),
        (header::VARY, Ok(VARY)),
    ];
    let caching = caching
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.ok()?)));
    response.headers_mut().extend(caching);
    response
}

/// A moment as HTTP writes it (RFC 9110, section 5.6.7).
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn card(profile: &Profile, url: &str, needs_key: bool, version: Version) -> Value {
    let interface = |binding: &str, version: &str| json!({"url": url, "protocolBinding": binding, "protocolVersion": version});
    let mut card = json!({
        "name": profile.name,
        "description": profile.description,
        "version": profile.version,
        "supportedInterfaces": [
            interface("JSONRPC", "1.0"),
            interface("HTTP+JSON", "1.0"),
            interface("JSONRPC", "0.3"),
            interface("HTTP+JSON", "0.3"),
        ],
        "capabilities": {
            "streaming": true,
            "pushNotifications": false,
            "extendedAgentCard": false,
            "extensions": extensions(profile),
        },
        "defaultInputModes": profile.input_modes,
        "defaultOutputModes": OUTPUT_MODES,
        "skills": [{
            "id": profile.skill_id,
            "name": profile.name,
            "description": profile.description,
            "tags": ["workflow"],
            "inputModes": profile.input_modes,
            "outputModes": OUTPUT_MODES,
        }],
    });
    if needs_key {
        card["securitySchemes"] = json!({ API_KEY: {"httpAuthSecurityScheme": {"scheme": "Bearer"}} });
        card["securityRequirements"] = json!([{"schemes": { API_KEY: {"list": []} }}]);
    }
    if version == Version::V0_3 && profile.has_old_card {
        add_fields_of_0_3(&mut card, url, needs_key);
    }
    card
}

fn extensions(profile: &Profile) -> Vec<Value> {
    let usage = json!({
        "uri": USAGE_EXTENSION,
        "description": "Metadata of tasks tell input_tokens, output_tokens, total_tokens, cost_usd and cost_known",
        "required": false,
    });
    let input = profile.input_schema.as_ref().map(|schema| {
        json!({
            "uri": INPUT_EXTENSION,
            "description": "The JSON Schema of the data that a message to this agent carries",
            "required": false,
            "params": {"inputSchema": schema},
        })
    });
    [usage].into_iter().chain(input).collect()
}

fn add_fields_of_0_3(card: &mut Value, url: &str, needs_key: bool) {
    card["protocolVersion"] = V0_3.into();
    card["url"] = url.into();
    card["preferredTransport"] = "JSONRPC".into();
    card["additionalInterfaces"] = json!([
        {"url": url, "transport": "JSONRPC"},
        {"url": url, "transport": "HTTP+JSON"},
    ]);
    card["supportsAuthenticatedExtendedCard"] = false.into();
    if needs_key {
        card["securitySchemes"][API_KEY]["type"] = "http".into();
        card["securitySchemes"][API_KEY]["scheme"] = "bearer".into();
        card["security"] = json!([{ API_KEY: [] }]);
    }
}
