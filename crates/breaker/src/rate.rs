//! A part of a whole, kept exactly.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

const MILLION: u32 = 1_000_000;

/// A part of a whole above 0 and at most 1, exact to a millionth; in JSON a number.
///
/// ```
/// use agentchains_breaker::Rate;
///
/// assert_eq!(Rate::new(0.5)?.as_f64(), 0.5);
/// assert!(Rate::new(0.0).is_err());
/// assert!(Rate::new(50.0).is_err());
/// # Ok::<(), agentchains_breaker::InvalidRate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(u32);

/// A number that is no [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a rate is a number from 0.000001 to 1, not {0}: write 50 % as 0.5")]
pub struct InvalidRate(f64);

impl Rate {
    /// The rate nearest to `value`.
    ///
    /// # Errors
    /// [`InvalidRate`] unless `value` is, to the nearest millionth, above 0 and at most 1.
    pub fn new(value: f64) -> Result<Self, InvalidRate> {
        let millionths = (value * f64::from(MILLION)).round();
        if (1.0..=f64::from(MILLION)).contains(&millionths) {
            // In range, and whole.
            Ok(Self(millionths as u32))
        } else {
            Err(InvalidRate(value))
        }
    }

    /// The rate as a number.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }

    pub(crate) fn millionths(self) -> u32 {
        self.0
    }

    /// Whether `part` of `whole` is at least this rate.
    pub(crate) fn is_reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(MILLION) >= u128::from(self.0) * u128::from(whole)
    }
}

impl TryFrom<f64> for Rate {
    type Error = InvalidRate;

    fn try_from(value: f64) -> Result<Self, InvalidRate> {
        Self::new(value)
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        rate.as_f64()
    }
}

impl JsonSchema for Rate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "exclusiveMinimum": 0, "maximum": 1})
    }
}
