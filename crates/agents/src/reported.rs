//! What an agent says that its work cost and used. There is no standard for it; the places and names here are those
//! that agents in the field were seen to use.
//!
//! Owns the rules by which several statements about one task make one: records of single calls of a model are added up,
//! totals are not, and of several totals the last one counts. It refuses to count anything twice, and to take for the
//! whole what is known to be a part.

mod record;
mod tokens;

#[cfg(test)]
mod tests;

use std::time::Duration;

use agentchains_cost::{ReportedCost, Usage};
use serde_json::{Map, Value};

use record::{Figures, Span, read_cost, records};

pub(crate) type Metadata = Map<String, Value>;

/// The cost of an answer in one piece: `_cost` in its output, else what its metadata say, the most telling first.
pub(crate) fn cost(output: Option<&Value>, places: &[&Metadata]) -> ReportedCost {
    let mut reported = in_one_piece(places);
    if let Some(output) = output {
        reported.output(output);
    }
    reported.cost()
}

/// What the metadata of an answer in one piece say that it used, the most telling first.
pub(crate) fn usage(places: &[&Metadata]) -> Option<Usage> {
    in_one_piece(places).usage()
}

fn in_one_piece(places: &[&Metadata]) -> Reported {
    let mut reported = Reported::default();
    for place in places.iter().rev() {
        reported.result(place);
    }
    reported
}

/// What was said about one task so far, fed in the order in which it arrives.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// The cost that stands in the output.
    in_output: ReportedCost,
    /// The last total.
    total: Figures,
    /// The sum of the calls that were told one by one.
    calls: Figures,
    /// One call of a model, the last of an unknown number.
    last_call: Figures,
    compute_time: Option<Duration>,
    model: Option<String>,
}

impl Reported {
    /// Takes in a status update: its own metadata, and those of the message in it.
    ///
    /// A call of a model is told in an update of its own, in the one place or in both, and is counted once. What a
    /// message says of itself, or in its `usage`, is about the call that wrote it, while the same in the update is about
    /// the task. An update about an answer that is still being written tells nothing yet.
    pub(crate) fn status_update(&mut self, update: &Metadata, message: Option<&Metadata>) {
        if is_partial(update) || message.is_some_and(is_partial) {
            return;
        }
        let in_message = message.map(|message| Stated::read(message, Span::Call));
        let in_update = Stated::read(update, Span::Task);
        let call = in_message
            .as_ref()
            .map(|stated| &stated.call)
            .into_iter()
            .chain([&in_update.call])
            .rfind(|call| !call.is_empty());
        if let Some(call) = call {
            self.calls.add(call);
        }
        for stated in in_message.into_iter().chain([in_update]) {
            self.total.replace_by(stated.total);
            self.describe(stated.compute_time, stated.model);
        }
    }

    /// Takes in the metadata of a result: an artifact, a message that is the whole answer, or the task at its end.
    ///
    /// Where calls are told one by one, a result repeats the last one. A task repeats the message of its last status
    /// update, which is not fed twice. What is about an answer that is still being written tells nothing here either.
    pub(crate) fn result(&mut self, metadata: &Metadata) {
        if is_partial(metadata) {
            return;
        }
        let stated = Stated::read(metadata, Span::Task);
        self.total.replace_by(stated.total);
        self.last_call.replace_by(stated.call);
        self.describe(stated.compute_time, stated.model);
    }

    /// Takes in the output, whose `_cost` comes before all that metadata say.
    pub(crate) fn output(&mut self, output: &Value) {
        self.in_output = output.get("_cost").map_or(ReportedCost::Absent, read_cost);
    }

    fn describe(&mut self, compute_time: Option<Duration>, model: Option<String>) {
        self.compute_time = compute_time.or(self.compute_time);
        self.model = model.or_else(|| self.model.take());
    }

    /// The cost.
    pub(crate) fn cost(&self) -> ReportedCost {
        [
            self.in_output,
            self.total.cost,
            self.calls.cost,
            self.last_call.cost,
        ]
        .into_iter()
        .find(|cost| *cost != ReportedCost::Absent)
        .unwrap_or_default()
    }

    /// The usage; `None` when nothing is known of it.
    pub(crate) fn usage(self) -> Option<Usage> {
        let whole = self.total.tokens.or(self.calls.tokens);
        let tokens = whole.or(self.last_call.tokens);
        let usage = Usage {
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cached_tokens: tokens.cached,
            reasoning_tokens: tokens.reasoning,
            compute_time: self.compute_time,
            model: self.model,
            cost_invalid: tokens.invalid,
            lower_bound: tokens.any() && !whole.any(),
        };
        (usage != Usage::default()).then_some(usage)
    }
}

/// What one object of metadata says.
#[derive(Default)]
struct Stated {
    total: Figures,
    call: Figures,
    compute_time: Option<Duration>,
    model: Option<String>,
}

impl Stated {
    /// Of several records in one object that say the same, the first counts. `own` is what the object itself is about.
    fn read(metadata: &Metadata, own: Span) -> Self {
        let mut stated = Self::default();
        for record in records(metadata, own) {
            let figures = match record.span {
                Span::Task => &mut stated.total,
                Span::Call => &mut stated.call,
            };
            figures.complete_by(record.figures());
            stated.compute_time = stated.compute_time.or_else(|| record.compute_time());
            stated.model = stated.model.or_else(|| record.model());
        }
        stated
    }
}

/// Whether metadata say that what they belong to is a piece of an answer that is still being written.
fn is_partial(metadata: &Metadata) -> bool {
    let mut members = metadata.iter();
    members.any(|(name, value)| name.ends_with("_partial") && *value == Value::Bool(true))
}
