//! What a client may say on a socket: decide an approval.

use agentchains_engine::ports::Right;
use serde_json::Value;

use super::frame;
use crate::{
    access::demand,
    app::Api,
    json,
    problem::{Finding, Problem},
    wire::decision::Decision,
};

/// The type of the frame by which a client decides.
const DECIDE: &str = "approval.decide";

/// Does what a frame says, and gives the frame to answer with.
pub(super) async fn answer(api: &Api, text: &str) -> String {
    decide(api, text)
        .await
        .unwrap_or_else(|problem| frame::error(&problem))
}

async fn decide(api: &Api, text: &str) -> Result<String, Problem> {
    let mut body = json::parse(text)?;
    let mut take = |name| body.as_object_mut().and_then(|fields| fields.remove(name));
    if take("type").as_ref().and_then(Value::as_str) != Some(DECIDE) {
        return Err(refused(
            "/type",
            "the one frame that is understood has the type approval.decide",
        ));
    }
    let id = take("approval_id");
    let id = id.as_ref().and_then(Value::as_str).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| refused("/approval_id", "`approval_id` must be the id of an approval"))?;
    let decision: Decision = json::decode(body)?;
    demand(api.caller(), Right::Decide)?;
    let row = api.engine.decide(api.caller(), decision.on(id, api)?).await?;
    Ok(frame::approval_result(&row))
}

/// A frame that breaks a rule.
pub(super) fn refused(pointer: &str, message: &str) -> Problem {
    Problem::invalid(vec![Finding::new("invalid_value", pointer, message)])
}
