//! What a definition must keep to that has a credential.

use agentchains_ports::{AgentDefinition, ApiKeyPlace, Auth, DirectoryError, SecretRef};

use super::{
    headers::{HeaderTemplate, header_name},
    home::is_private,
    policy::{SecretPolicy, not_allowed},
    source::OWN_VARIABLES,
    vault::is_secret_name,
};
use crate::{
    definition::{checked_endpoint, invalid},
    net::{AddressPolicy, Endpoint},
};

/// Checks the credential and the headers of an agent at `endpoint`. What is refused here would fail each call.
pub(crate) fn check_credentials(
    definition: &AgentDefinition,
    endpoint: &Endpoint,
    policy: &AddressPolicy,
) -> Result<(), DirectoryError> {
    let mut has_secret = false;
    for (name, value) in &definition.headers {
        let header = HeaderTemplate::parse(name, value).map_err(|message| invalid("/headers", message))?;
        has_secret |= header.has_secret();
    }
    if has_secret && !is_private(&endpoint.uri()) {
        return Err(invalid("/headers", in_the_clear()));
    }
    let Some(auth) = &definition.auth else {
        return Ok(());
    };
    if !is_private(&endpoint.uri()) {
        return Err(invalid("/auth", in_the_clear()));
    }
    check_auth(auth, endpoint, policy)
}

/// Checks that an agent which is registered names secrets of allowed places only.
pub(crate) fn check_places(
    definition: &AgentDefinition,
    allowed: &SecretPolicy,
) -> Result<(), DirectoryError> {
    let Some(auth) = &definition.auth else {
        return Ok(());
    };
    for (pointer, place) in places(auth) {
        if !allowed.allows(place) {
            return Err(DirectoryError::Invalid {
                pointer,
                code: "secret_not_allowed",
                message: format!("{place} {}", not_allowed()),
            });
        }
    }
    Ok(())
}

/// The secrets of a credential, with where they stand in the definition.
fn places(auth: &Auth) -> Vec<(&'static str, &SecretRef)> {
    match auth {
        Auth::Bearer { token } => vec![("/auth/token", token)],
        Auth::ApiKey { key, .. } => vec![("/auth/key", key)],
        Auth::Basic { password, .. } => vec![("/auth/password", password)],
        Auth::OAuth2ClientCredentials { client_secret, .. } => vec![("/auth/client_secret", client_secret)],
        Auth::Mtls {
            certificate,
            private_key,
            authority,
        } => {
            let own = [
                ("/auth/certificate", certificate),
                ("/auth/private_key", private_key),
            ];
            let authority = authority.iter().map(|authority| ("/auth/authority", authority));
            own.into_iter().chain(authority).collect()
        }
    }
}

fn in_the_clear() -> String {
    "a secret is sent to addresses that begin with https://, or are on this machine; change the address"
        .to_owned()
}

fn check_auth(auth: &Auth, endpoint: &Endpoint, policy: &AddressPolicy) -> Result<(), DirectoryError> {
    match auth {
        Auth::ApiKey { name, place, .. } => {
            check_key_name(name, *place).map_err(|message| invalid("/auth/name", message))?;
        }
        Auth::Basic { username, .. }
            if username.contains(|character: char| character == ':' || character.is_control()) =>
        {
            let message = "a user's name has no colon and no control characters (RFC 7617)";
            return Err(invalid("/auth/username", message));
        }
        Auth::OAuth2ClientCredentials {
            token_url, scopes, ..
        } => {
            check_token_url(token_url, policy)?;
            if scopes.iter().any(|scope| !is_scope(scope)) {
                let message = "a scope has printable ASCII characters without spaces and quotes (RFC 6749)";
                return Err(invalid("/auth/scopes", message));
            }
        }
        Auth::Mtls { .. } if !endpoint.is_https() => {
            let message = "a client certificate needs an address that begins with https://";
            return Err(invalid("/auth", message));
        }
        Auth::Bearer { .. } | Auth::Basic { .. } | Auth::Mtls { .. } => {}
    }
    places(auth)
        .into_iter()
        .try_for_each(|(pointer, place)| check_secret(pointer, place))
}

fn check_key_name(name: &str, place: ApiKeyPlace) -> Result<(), String> {
    match place {
        ApiKeyPlace::Header => header_name(name).map(drop),
        ApiKeyPlace::Query if name.is_empty() => Err("a member of a query has a name".to_owned()),
        ApiKeyPlace::Query => Ok(()),
        // What names a cookie is what names a header: a token (RFC 6265, section 4.1.1).
        ApiKeyPlace::Cookie => name
            .parse::<http::HeaderName>()
            .map(drop)
            .map_err(|_| format!("no cookie can be named {name:?}")),
    }
}

fn check_token_url(url: &str, policy: &AddressPolicy) -> Result<(), DirectoryError> {
    let pointer = "/auth/token_url";
    if is_private(&checked_endpoint(pointer, url, policy)?.uri()) {
        Ok(())
    } else {
        Err(invalid(pointer, in_the_clear()))
    }
}

/// RFC 6749, section 3.3.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
}

fn check_secret(pointer: &'static str, secret: &SecretRef) -> Result<(), DirectoryError> {
    let message = match secret {
        SecretRef::Env(name) if name.starts_with(OWN_VARIABLES) => {
            format!("variables that begin with {OWN_VARIABLES} are the server's own; name another one")
        }
        SecretRef::Env(name) if name.is_empty() || name.contains(['=', '\0']) => {
            "no environment variable can have that name".to_owned()
        }
        SecretRef::File(path) if path.is_empty() || path.contains('\0') => {
            "no file can have that path".to_owned()
        }
        SecretRef::Stored(name) if !is_secret_name(name) => {
            "a stored secret's name has 1 to 200 letters, digits, `-`, `_` and `.`".to_owned()
        }
        _ => return Ok(()),
    };
    Err(invalid(pointer, message))
}
