//! What goes wrong while measuring: what was being done, and why it failed.

use std::error::Error;

use thiserror::Error;

/// The outcome of a part of a measurement.
pub(crate) type Result<T> = std::result::Result<T, LoadError>;

/// A measurement that could not be made; its text goes on after "failed to".
#[derive(Debug, Error)]
#[error("{doing}")]
pub(crate) struct LoadError {
    doing: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl LoadError {
    /// A failure that has no cause but itself.
    pub(crate) fn new(doing: impl Into<String>) -> Self {
        Self {
            doing: doing.into(),
            source: None,
        }
    }

    /// The failure and its causes in one line.
    pub(crate) fn in_full(&self) -> String {
        let mut text = format!("failed to {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// Says of a failure what was being done.
pub(crate) trait While<T> {
    /// `doing` goes on after "failed to".
    ///
    /// # Errors
    /// The same failure, with what was being done.
    fn during(self, doing: &str) -> Result<T>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> While<T> for std::result::Result<T, E> {
    fn during(self, doing: &str) -> Result<T> {
        self.map_err(|source| LoadError {
            doing: doing.to_owned(),
            source: Some(source.into()),
        })
    }
}
