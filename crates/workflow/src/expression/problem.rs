//! Why an expression is refused.

use crate::diagnostic::Code;

/// Why an expression is refused, and at which byte of its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(code: Code, at: usize, message: impl Into<String>) -> Self {
        Self {
            code,
            at,
            message: message.into(),
            hint: None,
        }
    }

    /// A problem with how an expression is written.
    pub(super) fn invalid(at: usize, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidExpression, at, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
