//! What the agent does with a message, by the beginning of its id.

use std::time::Duration;

use serde_json::json;

use crate::model::{Content, Part, TaskState};

/// How long the long task works: twice as long as the test kit listens.
const LONG: Duration = Duration::from_secs(4);

/// What becomes of a message.
pub(super) enum Script {
    /// It is answered with this text, and there is no task.
    Says(&'static str),
    /// It is refused.
    Refuses(&'static str),
    /// There is a task, to which this happens.
    Does(Vec<Step>),
}

/// Something that happens to a task.
pub(super) enum Step {
    Waits(Duration),
    ComesTo(TaskState, Option<String>),
    /// An artifact, whole.
    Gives(Part),
    /// A piece of an artifact, which may be the last one.
    GivesChunk(Part, bool),
}

/// What is done with a message of that id.
pub(super) fn script(message_id: &str) -> Script {
    use Step::{ComesTo, Gives, GivesChunk, Waits};
    let completes = |text: Option<String>| ComesTo(TaskState::Completed, text);
    let gives = |part: Part| vec![Gives(part), completes(None)];
    let streams = |part: Part| vec![works(), Gives(part), completes(None)];
    let is = |prefix: &str| message_id.starts_with(prefix);
    let steps = match () {
        () if is("tck-message-response") => return Script::Says("Direct message response"),
        () if is("tck-reject-task") => return Script::Refuses("rejected"),
        () if is("tck-complete-task") => vec![completes(Some("Hello from TCK".to_owned()))],
        () if is("tck-input-required") => vec![ComesTo(TaskState::InputRequired, None)],
        () if is("tck-artifact-text") => gives(Part::text("Generated text content")),
        () if is("tck-artifact-file-url") => {
            gives(file(Content::Url("https://example.com/output.txt".to_owned())))
        }
        () if is("tck-artifact-file") => gives(file(bytes())),
        () if is("tck-artifact-data") => gives(Part::data(json!({"key": "value", "count": 42}))),
        () if is("tck-stream-001") => streams(Part::text("Stream hello from TCK")),
        () if is("tck-stream-002") => vec![completes(None)],
        () if is("tck-stream-003") => streams(Part::text("Stream task lifecycle")),
        () if is("tck-stream-ordering-001") => streams(Part::text("Ordered output")),
        () if is("tck-stream-artifact-text") => streams(Part::text("Streamed text content")),
        () if is("tck-stream-artifact-file") => streams(file(bytes())),
        () if is("tck-stream-artifact-chunked") => vec![
            works(),
            GivesChunk(Part::text("chunk-1 "), false),
            GivesChunk(Part::text("chunk-2"), true),
            completes(None),
        ],
        () if is("test-resubscribe-message-id") => vec![works(), Waits(LONG), completes(None)],
        () => vec![completes(Some(format!("There is no behaviour for {message_id}")))],
    };
    Script::Does(steps)
}

const fn works() -> Step {
    Step::ComesTo(TaskState::Working, None)
}

/// The base64 of `tck`.
fn bytes() -> Content {
    Content::Raw("dGNr".to_owned())
}

fn file(content: Content) -> Part {
    Part {
        content,
        filename: Some("output.txt".to_owned()),
        media_type: Some("text/plain".to_owned()),
    }
}
