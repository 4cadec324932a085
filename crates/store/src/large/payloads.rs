//! Which columns hold values that may be large.

use crate::entity::{approval, event, execution, execution_input, node, seed};

/// A row with JSON texts that may be large.
pub(crate) trait Payloads {
    /// Those that it has, each with its table and column.
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)>;
}

impl Payloads for execution::Model {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        self.output
            .as_mut()
            .map(|text| ("executions.output", text))
            .into_iter()
    }
}

impl Payloads for execution_input::Model {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        [("execution_inputs.input", &mut self.input)].into_iter()
    }
}

/// An execution with its input.
impl Payloads for (execution::Model, Option<execution_input::Model>) {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        let (execution, input) = self;
        execution
            .payloads()
            .chain(input.iter_mut().flat_map(Payloads::payloads))
    }
}

impl Payloads for node::Model {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        let request = self.request.as_mut().map(|text| ("nodes.request", text));
        [("nodes.state", &mut self.state)].into_iter().chain(request)
    }
}

impl Payloads for seed::Model {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        [("seeds.output", &mut self.output)].into_iter()
    }
}

impl Payloads for event::Model {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        [("events.data", &mut self.data)].into_iter()
    }
}

impl Payloads for approval::Model {
    fn payloads(&mut self) -> impl Iterator<Item = (&'static str, &mut String)> {
        let form = self.form.as_mut().map(|text| ("approvals.form", text));
        [
            ("approvals.shown", &mut self.shown),
            ("approvals.decisions", &mut self.decisions),
        ]
        .into_iter()
        .chain(form)
    }
}
