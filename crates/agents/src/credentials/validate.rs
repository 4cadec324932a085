//! What a definition must keep to that has a credential.

use agentchains_ports::{AgentDefinition, ApiKeyPlace, Auth, DirectoryError, SecretRef};

use super::{
    headers::{HeaderTemplate, header_name},
    home::is_private,
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

fn in_the_clear() -> String {
    "a secret is sent to addresses that begin with https://, or are on this machine; change the address"
        .to_owned()
}

fn check_auth(auth: &Auth, endpoint: &Endpoint, policy: &AddressPolicy) -> Result<(), DirectoryError> {
    match auth {
        Auth::Bearer { token } => check_secret("/auth/token", token),
        Auth::ApiKey { name, place, key } => {
            check_key_name(name, *place).map_err(|message| invalid("/auth/name", message))?;
            check_secret("/auth/key", key)
        }
        Auth::Basic { username, password } => {
            if username.contains(|character: char| character == ':' || character.is_control()) {
                let message = "a user's name has no colon and no control characters (RFC 7617)";
                return Err(invalid("/auth/username", message));
            }
            check_secret("/auth/password", password)
        }
        Auth::OAuth2ClientCredentials {
            token_url,
            client_secret,
            scopes,
            ..
        } => {
            check_token_url(token_url, policy)?;
            if scopes.iter().any(|scope| !is_scope(scope)) {
                let message = "a scope has printable ASCII characters without spaces and quotes (RFC 6749)";
                return Err(invalid("/auth/scopes", message));
            }
            check_secret("/auth/client_secret", client_secret)
        }
        Auth::Mtls {
            certificate,
            private_key,
            authority,
        } => {
            if !endpoint.is_https() {
                let message = "a client certificate needs an address that begins with https://";
                return Err(invalid("/auth", message));
            }
            check_secret("/auth/certificate", certificate)?;
            check_secret("/auth/private_key", private_key)?;
            let authority = authority.as_ref();
            authority.map_or(Ok(()), |authority| check_secret("/auth/authority", authority))
        }
    }
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
