//! Table `events`.

use agentchains_machine::Event;
use agentchains_ports::StoreError;

use super::column::{count, from_json, micros, moment, number, text, to_json, word};
use crate::entity;

pub(super) fn event_model(execution_id: &str, event: &Event) -> Result<entity::event::Model, StoreError> {
    Ok(entity::event::Model {
        execution_id: execution_id.to_owned(),
        seq: count("events.seq", event.seq)?,
        kind: text(event.kind),
        at: micros(event.at),
        data: to_json("events.data", &event.data)?,
    })
}

/// An event.
pub(crate) fn event(model: entity::event::Model) -> Result<Event, StoreError> {
    Ok(Event {
        seq: number("events.seq", model.seq)?,
        kind: word("events.type", &model.kind)?,
        at: moment("events.at", model.at)?,
        data: from_json("events.data", &model.data)?,
    })
}
