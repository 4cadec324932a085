//! How an agent is shown who calls it. Secrets are named, never held: a definition can be stored, returned and logged.

use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

/// The credential of an agent, as in the API.
///
/// ```
/// use agentchains_ports::{Auth, SecretRef};
///
/// let auth: Auth = serde_json::from_str(r#"{"type": "bearer", "token": {"env": "SEARCH_TOKEN"}}"#)?;
/// assert_eq!(auth, Auth::Bearer { token: SecretRef::Env("SEARCH_TOKEN".to_owned()) });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer {
        /// What follows the word.
        token: SecretRef,
    },
    /// A key in a header, in the query or in a cookie.
    ApiKey {
        /// Of the header, of the member of the query, or of the cookie.
        #[schemars(default = "api_key_header")]
        name: String,
        /// Where it is sent.
        #[serde(rename = "in")]
        #[schemars(default)]
        place: ApiKeyPlace,
        /// The key.
        key: SecretRef,
    },
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user, who is no secret.
        username: String,
        /// The user's password.
        password: SecretRef,
    },
    /// A bearer token that an authorisation server gives for the client's own credentials (RFC 6749, section 4.4).
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials {
        /// Where tokens are given. Vetted as every address is.
        token_url: String,
        /// Who asks.
        client_id: String,
        /// That it is who it says.
        client_secret: SecretRef,
        /// What the token is to be good for.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schemars(default)]
        scopes: Vec<String>,
        /// The API that the token is meant for, where the server asks for that.
        #[serde(skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
    },
    /// A certificate of the client in the TLS handshake (RFC 8446, section 4.4.2).
    Mtls {
        /// The chain, in PEM, the client's own certificate first.
        certificate: SecretRef,
        /// Its key, in PEM.
        private_key: SecretRef,
        /// Who signs the agent's certificate, in PEM; absent are those that browsers and the operating
        /// system trust.
        #[serde(skip_serializing_if = "Option::is_none")]
        authority: Option<SecretRef>,
    },
}

/// The header of an API key that names none.
const API_KEY_HEADER: &str = "X-API-Key";

fn api_key_header() -> String {
    API_KEY_HEADER.to_owned()
}

/// Where an API key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    /// In a header of its own.
    #[default]
    Header,
    /// In the query.
    Query,
    /// In a cookie.
    Cookie,
}

/// Where a secret is. It is read at each use, so that a changed one is taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// In the environment of the server, under this name.
    Env(String),
    /// In a file that the server can read, as a whole but for a line break at its end.
    File(String),
    /// In the encrypted store, under this name.
    Stored(String),
}

impl fmt::Display for SecretRef {
    /// Names the place, which is no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name:?}"),
            Self::File(path) => write!(f, "the file {path:?}"),
            Self::Stored(name) => write!(f, "the stored secret {name:?}"),
        }
    }
}

/// Where a secret is, member by member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    env: Option<String>,
    file: Option<String>,
    stored: Option<String>,
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor)
    }
}

struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of {\"env\": NAME}, {\"file\": PATH} and {\"stored\": NAME}, and no secret itself")
    }

    /// Text is probably the secret, and is not repeated.
    fn visit_str<E: Error>(self, _: &str) -> Result<SecretRef, E> {
        Err(E::invalid_type(Unexpected::Other("text"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<SecretRef, A::Error> {
        match Place::deserialize(MapAccessDeserializer::new(members))? {
            Place {
                env: Some(name),
                file: None,
                stored: None,
            } => Ok(SecretRef::Env(name)),
            Place {
                env: None,
                file: Some(path),
                stored: None,
            } => Ok(SecretRef::File(path)),
            Place {
                env: None,
                file: None,
                stored: Some(name),
            } => Ok(SecretRef::Stored(name)),
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

/// The type of a credential.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Bearer,
    ApiKey,
    Basic,
    #[serde(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials,
    Mtls,
}

impl Kind {
    /// The members that it may have besides its type.
    const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Bearer => &["token"],
            Self::ApiKey => &["name", "in", "key"],
            Self::Basic => &["username", "password"],
            Self::OAuth2ClientCredentials => {
                &["token_url", "client_id", "client_secret", "scopes", "audience"]
            }
            Self::Mtls => &["certificate", "private_key", "authority"],
        }
    }
}

/// The members of all credentials. Read at once and not by type, so that what is wrong is found at its member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    #[serde(rename = "type")]
    kind: Kind,
    token: Option<SecretRef>,
    name: Option<String>,
    #[serde(rename = "in")]
    place: Option<ApiKeyPlace>,
    key: Option<SecretRef>,
    username: Option<String>,
    password: Option<SecretRef>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretRef>,
    scopes: Option<Vec<String>>,
    audience: Option<String>,
    certificate: Option<SecretRef>,
    private_key: Option<SecretRef>,
    authority: Option<SecretRef>,
}

impl Members {
    /// The first member that the type does not have.
    fn stray(&self) -> Option<&'static str> {
        let given = [
            ("token", self.token.is_some()),
            ("name", self.name.is_some()),
            ("in", self.place.is_some()),
            ("key", self.key.is_some()),
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("token_url", self.token_url.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("scopes", self.scopes.is_some()),
            ("audience", self.audience.is_some()),
            ("certificate", self.certificate.is_some()),
            ("private_key", self.private_key.is_some()),
            ("authority", self.authority.is_some()),
        ];
        let of_type = self.kind.members();
        given
            .into_iter()
            .find_map(|(name, is_given)| (is_given && !of_type.contains(&name)).then_some(name))
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Members::deserialize(deserializer)?;
        if let Some(stray) = given.stray() {
            let expected = format!("no other members than type, {}", given.kind.members().join(", "));
            return Err(D::Error::invalid_value(
                Unexpected::Other(stray),
                &expected.as_str(),
            ));
        }
        Ok(match given.kind {
            Kind::Bearer => Self::Bearer {
                token: required(given.token, "token")?,
            },
            Kind::ApiKey => Self::ApiKey {
                name: given.name.unwrap_or_else(api_key_header),
                place: given.place.unwrap_or_default(),
                key: required(given.key, "key")?,
            },
            Kind::Basic => Self::Basic {
                username: required(given.username, "username")?,
                password: required(given.password, "password")?,
            },
            Kind::OAuth2ClientCredentials => Self::OAuth2ClientCredentials {
                token_url: required(given.token_url, "token_url")?,
                client_id: required(given.client_id, "client_id")?,
                client_secret: required(given.client_secret, "client_secret")?,
                scopes: given.scopes.unwrap_or_default(),
                audience: given.audience,
            },
            Kind::Mtls => Self::Mtls {
                certificate: required(given.certificate, "certificate")?,
                private_key: required(given.private_key, "private_key")?,
                authority: given.authority,
            },
        })
    }
}

fn required<T, E: Error>(member: Option<T>, name: &'static str) -> Result<T, E> {
    member.ok_or_else(|| E::missing_field(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Auth, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn every_credential_is_written_as_it_is_read() {
        let secret = json!({"file": "/run/secrets/a"});
        for auth in [
            json!({"type": "bearer", "token": {"env": "A"}}),
            json!({"type": "api_key", "name": "key", "in": "query", "key": {"stored": "a"}}),
            json!({"type": "basic", "username": "ada", "password": secret}),
            json!({"type": "oauth2_client_credentials", "token_url": "https://a.example/token", "client_id": "a",
                   "client_secret": secret, "scopes": ["read"], "audience": "b"}),
            json!({"type": "mtls", "certificate": secret, "private_key": secret, "authority": secret}),
        ] {
            assert_eq!(json!(read(auth.clone()).unwrap()), auth);
        }
        let key = read(json!({"type": "api_key", "key": {"env": "A"}})).unwrap();
        assert_eq!(
            json!(key),
            json!({"type": "api_key", "name": API_KEY_HEADER, "in": "header", "key": {"env": "A"}})
        );
    }

    #[test]
    fn what_is_no_credential_is_refused_without_repeating_a_secret() {
        let canary = "canary-c0ffee";
        for (auth, said) in [
            (json!({"type": "bearer"}), "missing field `token`"),
            (json!({"token": {"env": "A"}}), "missing field `type`"),
            (json!({"type": "bearer", "token": {}}), "expected one of"),
            (json!({"type": "bearer", "token": canary}), "expected one of"),
            (
                json!({"type": "bearer", "token": {"env": "A", "file": "b"}}),
                "expected one of",
            ),
            (
                json!({"type": "basic", "username": "a", "password": {"env": "A"}, "token": {"env": "A"}}),
                "no other members than type, username, password",
            ),
            (
                json!({"type": "bearer", "token": {"value": canary}}),
                "unknown field `value`",
            ),
        ] {
            let error = read(auth).unwrap_err();
            assert!(error.contains(said) && !error.contains(canary), "{error}");
        }
    }
}
