//! What handlers take from a request besides the state: ids, query parameters, bodies, conditions and keys.
//! Each refuses with a problem of its own.

mod body;
mod id;
mod idempotency;
mod if_match;
mod query;

pub(crate) use body::{LargeText, SmallText, Text};
pub(crate) use id::{AgentId, Id, TemplateKey, WebhookId};
pub(crate) use idempotency::IdempotencyKey;
pub(crate) use if_match::{IfMatch, etag};
pub(crate) use query::Query;
