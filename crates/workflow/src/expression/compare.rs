//! Comparisons of JSON values (RFC 9535, section 2.3.5.2.2).
//!
//! Numbers are compared by what they are, however they are written: integers of 64 bits exactly, and with doubles
//! too. Nothing is converted between types.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::expression::steps::{OutOfSteps, Steps};

/// Whether two values are equal; containers are by their members.
pub(crate) fn equal(left: &Value, right: &Value, steps: &mut Steps) -> Result<bool, OutOfSteps> {
    steps.take(1)?;
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(order(left, right) == Some(Ordering::Equal)),
        (Value::String(left), Value::String(right)) => {
            steps.read(left)?;
            Ok(left == right)
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (left, right) in left.iter().zip(right) {
                if !equal(left, right, steps)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
            for (key, left) in left {
                let Some(right) = right.get(key) else {
                    return Ok(false);
                };
                if !equal(left, right, steps)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Null, Value::Null) => Ok(true),
        _ => Ok(false),
    }
}

/// Whether a value comes before another: only numbers and texts are ordered, each among themselves.
pub(crate) fn less(left: &Value, right: &Value, steps: &mut Steps) -> Result<bool, OutOfSteps> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(order(left, right) == Some(Ordering::Less)),
        (Value::String(left), Value::String(right)) => {
            steps.read(left)?;
            Ok(left < right)
        }
        _ => Ok(false),
    }
}

fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(left), None) => order_with_double(left, right.as_f64()?),
        (None, Some(right)) => order_with_double(right, left.as_f64()?).map(Ordering::reverse),
        (None, None) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

fn order_with_double(whole: i128, double: f64) -> Option<Ordering> {
    // A cast saturates: doubles that are far beyond 64 bits stay beyond.
    let truncated = double.trunc() as i128;
    let by_fraction = || 0.0_f64.partial_cmp(&double.fract());
    match whole.cmp(&truncated) {
        Ordering::Equal => by_fraction(),
        unequal => Some(unequal),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_ordered_by_what_they_are() {
        let cases = [
            (json!(1), json!(1.0), Ordering::Equal),
            (json!(0), json!(-0.0), Ordering::Equal),
            (json!(1), json!(1.5), Ordering::Less),
            (json!(-1), json!(-1.5), Ordering::Greater),
            (
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
                Ordering::Greater,
            ),
            (
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992.0),
                Ordering::Greater,
            ),
            (json!(u64::MAX), json!(-1), Ordering::Greater),
            (json!(u64::MAX), json!(1e300), Ordering::Less),
            (json!(i64::MIN), json!(-1e300), Ordering::Greater),
            (
                json!(i64::MIN),
                json!(-9_223_372_036_854_775_808.0),
                Ordering::Equal,
            ),
            (json!(0.1), json!(0.2), Ordering::Less),
        ];
        for (left, right, expected) in cases {
            let (Value::Number(a), Value::Number(b)) = (&left, &right) else {
                unreachable!("the table holds numbers")
            };
            assert_eq!(order(a, b), Some(expected), "{left} and {right}");
            assert_eq!(order(b, a), Some(expected.reverse()), "{right} and {left}");
        }
    }
}
