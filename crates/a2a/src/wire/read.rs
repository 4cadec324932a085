//! Reading requests in the form of version 1.0 (sections 3.2 and 4.1 of A2A).

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Dialect,
    fields::{Faults, Fields},
};
use crate::{
    error::A2aError,
    model::{Content, Message, Part, Role, TaskState},
    request::{GetRequest, ListRequest, SendRequest},
};

/// Tasks in one part of a list where nothing is said.
const DEFAULT_PAGE_SIZE: u32 = 50;

/// The most that may be asked for at once.
const MAX_PAGE_SIZE: u32 = 100;

/// Doubles beyond this do not hold every whole number.
const MAX_EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;

/// The largest number of messages that may be asked for: that of an `int32`.
const MAX_HISTORY: u32 = i32::MAX.unsigned_abs();

pub(super) fn send(params: &Map<String, Value>, dialect: Dialect) -> Result<SendRequest, A2aError> {
    let mut faults = Faults::default();
    let fields = Fields::new(params, "");
    let message = match fields.object("message", &mut faults) {
        Some(message) => self::message(Fields::new(message, "message"), &mut faults),
        None => {
            faults.add("message", "is required");
            None
        }
    };
    let nothing = Map::new();
    let configuration = fields.object("configuration", &mut faults).unwrap_or(&nothing);
    let configuration = Fields::new(configuration, "configuration");
    let history_length = history_length(configuration, &mut faults);
    let waits = match dialect {
        Dialect::V1_0 => !configuration
            .truth("returnImmediately", &mut faults)
            .unwrap_or(false),
        // SDKs of that version wait unless they are told otherwise.
        Dialect::JsonRpc0_3 => configuration.truth("blocking", &mut faults).unwrap_or(true),
        // JSON of protocol buffers leaves out what is false.
        Dialect::Rest0_3 => configuration.truth("blocking", &mut faults).unwrap_or(false),
    };
    let push = [
        "taskPushNotificationConfig",
        "pushNotificationConfig",
        "pushNotification",
    ];
    let wants_push = push.iter().any(|name| configuration.get(name).is_some());
    let message = faults.none(message)?;
    Ok(SendRequest {
        message,
        waits,
        history_length,
        wants_push,
    })
}

pub(crate) fn get(params: &Map<String, Value>) -> Result<GetRequest, A2aError> {
    let mut faults = Faults::default();
    let fields = Fields::new(params, "");
    let history_length = history_length(fields, &mut faults);
    let id = required_id(fields, &mut faults);
    let id = faults.none(id)?;
    Ok(GetRequest { id, history_length })
}

/// The id of the task that an operation is about.
pub(crate) fn task_id(params: &Map<String, Value>) -> Result<String, A2aError> {
    let mut faults = Faults::default();
    let id = required_id(Fields::new(params, ""), &mut faults);
    faults.none(id)
}

pub(super) fn list(params: &Map<String, Value>) -> Result<ListRequest, A2aError> {
    let mut faults = Faults::default();
    let fields = Fields::new(params, "");
    let page_size = match fields.get("pageSize") {
        Some(_) => fields.number("pageSize", 1, MAX_PAGE_SIZE, &mut faults),
        None => Some(DEFAULT_PAGE_SIZE),
    };
    let request = ListRequest {
        context_id: fields.id("contextId", &mut faults),
        state: state(fields, &mut faults),
        status_since: moment(fields, "statusTimestampAfter", &mut faults),
        page_size: page_size.unwrap_or(DEFAULT_PAGE_SIZE),
        page_token: fields.text("pageToken", &mut faults).map(str::to_owned),
        history_length: history_length(fields, &mut faults),
        include_artifacts: fields.truth("includeArtifacts", &mut faults).unwrap_or(false),
    };
    faults.none(Some(request))
}

fn required_id(fields: Fields<'_>, faults: &mut Faults) -> Option<String> {
    let id = fields.text("id", faults).map(str::to_owned);
    if fields.get("id").is_none() {
        faults.add("id", "is required");
    }
    id
}

fn history_length(fields: Fields<'_>, faults: &mut Faults) -> Option<usize> {
    let length = fields.number("historyLength", 0, MAX_HISTORY, faults)?;
    usize::try_from(length).ok()
}

fn state(fields: Fields<'_>, faults: &mut Faults) -> Option<TaskState> {
    let named = fields.text("status", faults)?;
    let known = TaskState::ALL.into_iter().find(|state| state.as_str() == named);
    if known.is_none() && named != "TASK_STATE_UNSPECIFIED" {
        faults.add("status", "is not the name of a state, such as TASK_STATE_WORKING");
    }
    known
}

fn moment(fields: Fields<'_>, field: &str, faults: &mut Faults) -> Option<Timestamp> {
    let moment = fields.text(field, faults)?.parse();
    if moment.is_err() {
        faults.add(
            field,
            "must be a moment of RFC 3339, such as 2026-01-31T12:00:00Z",
        );
    }
    moment.ok()
}

fn message(fields: Fields<'_>, faults: &mut Faults) -> Option<Message> {
    let id = fields.id("messageId", faults);
    if fields.get("messageId").is_none() {
        faults.add(fields.name("messageId"), "is required");
    }
    match fields.get("role").map(Value::as_str) {
        Some(Some("ROLE_USER")) => {}
        Some(_) => faults.add(
            fields.name("role"),
            "must be ROLE_USER: who sends a message is the user",
        ),
        None => faults.add(fields.name("role"), "is required"),
    }
    let nothing = Map::new();
    Some(Message {
        context_id: fields.id("contextId", faults),
        task_id: fields.text("taskId", faults).map(str::to_owned),
        role: Role::User,
        parts: parts(fields, faults),
        metadata: fields.object("metadata", faults).unwrap_or(&nothing).clone(),
        message_id: id?,
    })
}

fn parts(fields: Fields<'_>, faults: &mut Faults) -> Vec<Part> {
    let parts = match fields.get("parts") {
        Some(Value::Array(parts)) if !parts.is_empty() => parts,
        _ => {
            faults.add(fields.name("parts"), "must be an array of at least one part");
            return Vec::new();
        }
    };
    let read = parts.iter().enumerate().map(|(index, value)| {
        let place = fields.name(&format!("parts[{index}]"));
        let part = value
            .as_object()
            .and_then(|object| part(Fields::new(object, &place), object, faults));
        if part.is_none() {
            faults.add(place, "must have exactly one of text, raw, url and data");
        }
        part
    });
    read.flatten().collect()
}

fn part(fields: Fields<'_>, object: &Map<String, Value>, faults: &mut Faults) -> Option<Part> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut contents = [
        text("text").map(Content::Text),
        text("raw").map(Content::Raw),
        text("url").map(Content::Url),
        object.get("data").cloned().map(whole).map(Content::Data),
    ]
    .into_iter()
    .flatten();
    let content = contents.next()?;
    if contents.next().is_some() {
        return None;
    }
    Some(Part {
        content,
        filename: fields.text("filename", faults).map(str::to_owned),
        media_type: fields.text("mediaType", faults).map(str::to_owned),
    })
}

/// The value with whole numbers where it has doubles of no fraction: clients that know data as protocol buffers send
/// every number as a double.
fn whole(mut value: Value) -> Value {
    make_whole(&mut value);
    value
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the double is whole and within the range of an i64"
)]
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let double = number.as_f64();
            let double = double.filter(|double| double.fract() == 0.0 && double.abs() <= MAX_EXACT_DOUBLE);
            if let Some(double) = double {
                *number = (double as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(object) => object.values_mut().for_each(make_whole),
        _ => {}
    }
}
