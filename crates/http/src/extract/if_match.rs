//! Entity tags and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1).
//!
//! The tag of a workflow or an agent is the number of its version or revision in quotes. Tags are compared
//! strongly, so a weak one matches nothing.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
};

use crate::problem::Problem;

/// The tag of a version.
pub(crate) fn etag(version: u32) -> HeaderValue {
    // Digits in quotes are always a header value.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Which versions a change may start from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Any: the header is absent or `*`.
    Any,
    /// One of these.
    OneOf(Vec<u32>),
}

impl IfMatch {
    fn parse<'h>(values: impl Iterator<Item = &'h HeaderValue>) -> Self {
        let mut any = true;
        let mut versions = Vec::new();
        for value in values {
            // What is no list of tags matches nothing.
            for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
                if tag == "*" {
                    return Self::Any;
                }
                any = false;
                let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                versions.extend(number.and_then(|number| number.parse::<u32>().ok()));
            }
        }
        if any { Self::Any } else { Self::OneOf(versions) }
    }

    /// The version that the change must find, given the present one; `None` where it does not matter.
    ///
    /// # Errors
    /// 412 where the present one is not among those that the client names.
    pub(crate) fn seen(&self, present: u32) -> Result<Option<u32>, Problem> {
        match self {
            Self::Any => Ok(None),
            Self::OneOf(versions) if versions.contains(&present) => Ok(Some(present)),
            Self::OneOf(_) => Err(agentchains_engine::EngineError::Stale.into()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.headers.get_all(header::IF_MATCH).iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_strongly_and_rubbish_matches_nothing() {
        for (headers, expected) in [
            (&[][..], IfMatch::Any),
            (&["*"][..], IfMatch::Any),
            (&["\"3\""][..], IfMatch::OneOf(vec![3])),
            (&["\"1\", \"2\"", "\"3\""][..], IfMatch::OneOf(vec![1, 2, 3])),
            (&["W/\"3\""][..], IfMatch::OneOf(vec![])),
            (&["3"][..], IfMatch::OneOf(vec![])),
            (&[""][..], IfMatch::OneOf(vec![])),
            (&["\"99999999999\""][..], IfMatch::OneOf(vec![])),
        ] {
            let values: Vec<_> = headers
                .iter()
                .map(|text| HeaderValue::from_static(text))
                .collect();
            assert_eq!(IfMatch::parse(values.iter()), expected, "{headers:?}");
        }
    }
}
