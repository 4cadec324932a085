//! What a definition of an agent must keep to before it is registered.

use agentchains_machine::FailureCode;
use agentchains_ports::{AgentDefinition, DirectoryError, Protocol};

use crate::{
    credentials::{CredentialError, check_credentials},
    net::{AddressPolicy, Endpoint},
};

/// The longest id and the longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 200;

/// No agent may be called like the operation beside the agents: `POST /agents/discover`.
const RESERVED_ID: &str = "discover";

/// Checks a definition against the rules and its address against the policy.
pub(crate) fn validated(
    definition: AgentDefinition,
    policy: &AddressPolicy,
) -> Result<(AgentDefinition, Endpoint), DirectoryError> {
    if !is_id(&definition.agent_id) {
        return Err(invalid(
            "/agent_id",
            "an id has 1 to 200 letters, digits, `-`, `_`, `.`, `:` and `@`, and begins with a letter or a digit",
        ));
    }
    if definition.name.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(invalid(
            "/name",
            "a name has 1 to 200 printable characters and no spaces around them",
        ));
    }
    if definition.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        return Err(invalid("/timeout", "a timeout is longer than nothing"));
    }
    if definition.max_cost.is_some_and(|max_cost| max_cost.is_negative()) {
        return Err(invalid("/max_cost", "a cost is not negative"));
    }
    match &definition.fallback_agent_id {
        Some(id) if *id == definition.agent_id => {
            return Err(invalid(
                "/fallback_agent_id",
                "an agent cannot take its own place; name another one",
            ));
        }
        Some(id) if !is_id(id) => return Err(invalid("/fallback_agent_id", "no agent can have that id")),
        _ => {}
    }
    check_protocol(&definition)?;
    let endpoint = checked_endpoint("/url", &definition.url, policy)?;
    check_credentials(&definition, &endpoint, policy)?;
    Ok((definition, endpoint))
}

/// Settings of a protocol that is not the agent's would be without effect.
fn check_protocol(definition: &AgentDefinition) -> Result<(), DirectoryError> {
    let own = definition.protocol;
    for (protocol, pointer, is_given) in [
        (Protocol::Http, "/http", definition.http.is_some()),
        (Protocol::OpenAi, "/openai", definition.openai.is_some()),
        (Protocol::Mcp, "/mcp", definition.mcp.is_some()),
    ] {
        if is_given && own != protocol {
            let message = "these are settings of another protocol than the agent's; change `protocol`, or leave them out";
            return Err(invalid(pointer, message));
        }
    }
    let temperature = definition.openai.as_ref().and_then(|openai| openai.temperature);
    if temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return Err(invalid("/openai/temperature", "a temperature is from 0 to 2"));
    }
    Ok(())
}

/// Reads the address that `pointer` leads to, and judges it when it is given in numbers.
pub(crate) fn checked_endpoint(
    pointer: &'static str,
    url: &str,
    policy: &AddressPolicy,
) -> Result<Endpoint, DirectoryError> {
    let endpoint = Endpoint::parse(url).map_err(|error| invalid(pointer, error.to_string()))?;
    endpoint.vet(policy).map_err(|refused| DirectoryError::Invalid {
        pointer,
        code: FailureCode::AgentAddressRefused.as_str(),
        message: refused.to_string(),
    })?;
    Ok(endpoint)
}

/// Ids are parts of paths, so they consist of what a path takes as it is (RFC 3986, section 3.3).
fn is_id(id: &str) -> bool {
    id.len() <= MAX_NAME_CHARACTERS
        && id != RESERVED_ID
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_NAME_CHARACTERS
        && !name.contains(|character: char| character.is_control())
}

/// What only shows when the credential of an agent is put together.
pub(crate) fn unusable(error: &CredentialError) -> DirectoryError {
    invalid("/auth", error.to_string())
}

/// What is wrong with the value that `pointer` leads to, as one sentence.
pub(crate) fn invalid(pointer: &'static str, message: impl Into<String>) -> DirectoryError {
    DirectoryError::Invalid {
        pointer,
        code: "invalid_value",
        message: message.into(),
    }
}
