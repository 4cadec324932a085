//! How much evaluating may take.
//!
//! Every value that is looked at is a step, and steps are limited: some short expressions would visit a large
//! document once for each of its values.

use crate::limits;

/// Bytes of text that count as one step.
const TEXT_STEP: usize = 64;

/// The steps that evaluating may take are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfSteps;

/// The steps that are left.
#[derive(Debug)]
pub(crate) struct Steps(usize);

impl Steps {
    pub(crate) fn new() -> Self {
        Self(limits::MAX_CONDITION_STEPS)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<(), OutOfSteps> {
        self.0 = self.0.checked_sub(count).ok_or(OutOfSteps)?;
        Ok(())
    }

    /// Takes what reading a text costs.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), OutOfSteps> {
        self.take(text.len() / TEXT_STEP)
    }
}
