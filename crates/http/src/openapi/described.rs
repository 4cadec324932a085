//! One operation as it is described.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::problems::{Codes, problem};

/// An operation: what it takes and what it answers.
pub(super) struct Described {
    method: Method,
    path: &'static str,
    tag: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
}

/// Where a parameter stands.
const QUERY: &str = "query";
const HEADER: &str = "header";

impl Described {
    /// An operation with what its path and its method bring along.
    pub(super) fn new(
        tag: &'static str,
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        let mut described = Self {
            method,
            path,
            tag,
            id,
            summary,
            parameters: Vec::new(),
            body: None,
            answers: Map::new(),
        };
        for name in path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        {
            described.parameters.push(json!({
                "name": name,
                "in": "path",
                "required": true,
                "schema": {"type": "string"},
            }));
            described = described.refuses(404, &["not_found"]);
        }
        described
    }

    /// One below the API's own path, which asks who calls and refuses what it does not know.
    pub(super) fn guarded(
        tag: &'static str,
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self::new(tag, method, path, id, summary)
            .refuses(401, &["unauthenticated"])
            .refuses(403, &["forbidden", "origin_not_allowed", "host_not_allowed"])
            .refuses(429, &["rate_limited"])
            .refuses(422, &["invalid_value", "unknown_field"])
            .refuses(
                503,
                &[
                    "store_unavailable",
                    "shutting_down",
                    "overloaded",
                    "taken_over",
                    "issuer_unavailable",
                ],
            )
    }

    pub(super) fn method(&self) -> String {
        self.method.as_str().to_lowercase()
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    fn parameter(mut self, place: &str, name: &str, description: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "name": name,
            "in": place,
            "description": description,
            "schema": schema,
        }));
        self
    }

    /// A parameter of the query.
    pub(super) fn query(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(QUERY, name, description, schema)
    }

    /// Labels, each of which is a parameter of its own.
    pub(super) fn labels(mut self, description: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "name": "labels",
            "in": QUERY,
            "description": description,
            "style": "form",
            "explode": true,
            "schema": schema,
        }));
        self
    }

    /// A header of the request.
    pub(super) fn header(self, name: &str, description: &str, schema: Value) -> Self {
        self.parameter(HEADER, name, description, schema)
    }

    /// Which part of a list is wanted.
    pub(super) fn paged(self) -> Self {
        self.query(
            "limit",
            "How many at the most.",
            json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
        )
        .query(
            "cursor",
            "`next_cursor` of the part before.",
            json!({"type": "string"}),
        )
    }

    /// That the request may be sent again.
    pub(super) fn idempotent(self) -> Self {
        self.parameter(
            HEADER,
            "Idempotency-Key",
            "The client's name for this request: the same key and body get the same answer for 24 hours, and nothing \
             is done twice.",
            json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}),
        )
        .refuses(422, &["idempotency_key_reused", "invalid_idempotency_key"])
    }

    /// That the request may name the version that it changes.
    pub(super) fn if_match(self) -> Self {
        self.parameter(
            HEADER,
            "If-Match",
            "The `ETag` of the version that this request changes.",
            json!({"type": "string"}),
        )
        .refuses(412, &["precondition_failed"])
    }

    /// A body that must be there.
    pub(super) fn body(self, schema: Value) -> Self {
        self.with_body(schema, true)
    }

    /// A body that may be left out.
    pub(super) fn optional_body(self, schema: Value) -> Self {
        self.with_body(schema, false)
    }

    fn with_body(mut self, schema: Value, required: bool) -> Self {
        self.body = Some(json!({
            "required": required,
            "content": {"application/json": {"schema": schema}},
        }));
        self.refuses(400, &["invalid_json"])
            .refuses(408, &["request_timeout"])
            .refuses(413, &["payload_too_large"])
            .refuses(415, &["unsupported_media_type"])
            .refuses(422, &["missing_field", "duplicate_key"])
    }

    /// An answer in JSON.
    pub(super) fn answers(self, status: u16, description: &str, schema: Value) -> Self {
        self.answers_as("application/json", status, description, schema)
    }

    /// A part of a list under its plural name.
    pub(super) fn lists(self, plural: &str, item: Value) -> Self {
        let schema = json!({
            "type": "object",
            "required": [plural, "next_cursor"],
            "properties": {
                plural: {"type": "array", "items": item},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "For the next part; null where there is none.",
                },
            },
        });
        self.answers(200, "A part of the list.", schema)
    }

    /// An answer of another media type.
    pub(super) fn answers_as(
        mut self,
        media_type: &str,
        status: u16,
        description: &str,
        schema: Value,
    ) -> Self {
        let answer = self.answer(status, description);
        answer["content"][media_type] = json!({"schema": schema});
        self
    }

    /// An answer without a body.
    pub(super) fn answers_nothing(mut self, status: u16, description: &str) -> Self {
        self.answer(status, description);
        self
    }

    /// That an answer has a header.
    pub(super) fn with_header(mut self, status: u16, name: &str, description: &str) -> Self {
        let answer = self.answer(status, description);
        answer["headers"][name] = json!({"description": description, "schema": {"type": "string"}});
        self
    }

    /// That a member of an answer is the id with which these operations go on.
    pub(super) fn leads_to(mut self, status: u16, member: &str, operations: &[&str]) -> Self {
        let answer = self.answer(status, "");
        for operation in operations {
            answer["links"][*operation] = json!({
                "operationId": operation,
                "parameters": {"id": format!("$response.body#/{member}")},
            });
        }
        self
    }

    /// A problem, with codes that it may have besides those that it has already.
    pub(super) fn refuses(mut self, status: u16, codes: Codes) -> Self {
        problem(self.answer(status, ""), status, codes);
        self
    }

    fn answer(&mut self, status: u16, description: &str) -> &mut Value {
        self.answers
            .entry(status.to_string())
            .or_insert_with(|| json!({"description": description}))
    }

    pub(super) fn into_json(self) -> Value {
        let mut operation = json!({
            "tags": [self.tag],
            "operationId": self.id,
            "summary": self.summary,
            "responses": self.answers,
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        operation
    }
}
