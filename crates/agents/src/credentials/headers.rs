//! The definition's own headers, in whose values `{{secrets.NAME}}` stands for a stored secret.

use http::HeaderName;

use super::vault::is_secret_name;

/// Headers that say how a message is framed or where it goes (RFC 9110, section 7.6.1), or that the protocols set.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Headers whose value is a secret, and must be named as one.
const SECRET: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// A header with what its value is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderTemplate {
    pub(crate) name: HeaderName,
    pub(crate) parts: Vec<Part>,
}

/// A part of a header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Sent as it is.
    Text(String),
    /// The stored secret of this name.
    Secret(String),
}

impl HeaderTemplate {
    /// Reads a header of a definition. The error is a sentence that does not repeat the value.
    pub(crate) fn parse(name: &str, value: &str) -> Result<Self, String> {
        let read = header_name(name)?;
        let parts = parts(value).ok_or_else(|| {
            format!("the value of {name:?} has a template that is not {{{{secrets.NAME}}}}")
        })?;
        let template = Self { name: read, parts };
        if SECRET.contains(&template.name.as_str()) && !template.has_secret() {
            return Err(format!(
                "the value of {name:?} is a secret; use auth, or store it and write {{{{secrets.NAME}}}}"
            ));
        }
        let is_sendable = |part: &Part| match part {
            Part::Text(text) => http::HeaderValue::from_str(text).is_ok(),
            Part::Secret(_) => true,
        };
        if !template.parts.iter().all(is_sendable) {
            return Err(format!(
                "the value of {name:?} has characters that no header can have"
            ));
        }
        Ok(template)
    }

    /// Whether somebody who reads the header learns a secret.
    pub(crate) fn has_secret(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Secret(_)))
    }
}

/// The name of a header that a definition may set.
pub(crate) fn header_name(name: &str) -> Result<HeaderName, String> {
    let read: HeaderName = name
        .parse()
        .map_err(|_| format!("no header can be named {name:?}"))?;
    if RESERVED.contains(&read.as_str()) {
        return Err(format!("the header {name:?} is set by the protocol"));
    }
    Ok(read)
}

/// The parts of a value; `None` where a template is not one of a secret.
fn parts(value: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = value;
    while let Some((text, template)) = rest.split_once("{{") {
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        let (inner, after) = template.split_once("}}")?;
        let name = inner.trim().strip_prefix("secrets.")?;
        if !is_secret_name(name) {
            return None;
        }
        parts.push(Part::Secret(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_text_and_named_secrets() {
        let text = |text: &str| Part::Text(text.to_owned());
        let secret = |name: &str| Part::Secret(name.to_owned());
        for (value, parts) in [
            ("plain", vec![text("plain")]),
            ("", vec![]),
            ("Key {{secrets.A}}", vec![text("Key "), secret("A")]),
            (
                "{{ secrets.a-b }}:{{secrets.c}}!",
                vec![secret("a-b"), text(":"), secret("c"), text("!")],
            ),
        ] {
            let template = HeaderTemplate::parse("X-Key", value).unwrap();
            assert_eq!((template.name.as_str(), template.parts), ("x-key", parts));
        }
    }

    #[test]
    fn what_no_definition_may_send_is_refused_without_its_value() {
        for (name, value) in [
            ("x y", "canary"),
            ("Host", "canary"),
            ("Content-Length", "canary"),
            ("Authorization", "Bearer canary"),
            ("Cookie", "canary"),
            ("X-Key", "canary\r\nX: y"),
            ("X-Key", "canary {{input.key}}"),
            ("X-Key", "canary {{secrets.}}"),
            ("X-Key", "canary {{secrets.A"),
        ] {
            let error = HeaderTemplate::parse(name, value).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
        assert!(HeaderTemplate::parse("Authorization", "Key {{secrets.A}}").is_ok());
    }
}
