//! Decimal text to `Usd`, exactly.
//!
//! Owns the grammar and its errors. Text that names a value finer than a nano-dollar is refused, never
//! rounded: a budget or a price that is not what its author wrote would be worse than an error.

use std::str::FromStr;

use super::Usd;

/// Decimal places of a nano-dollar.
const DECIMALS: i64 = 9;

/// The most digits an `i64` can have; also keeps the scaled value far inside an `i128`.
const MAX_DIGITS: i64 = 19;

/// Why a text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseUsdError {
    /// The text is not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// The value needs more than 9 decimals.
    #[error("more than 9 decimals")]
    TooManyDecimals,
    /// The value is beyond about ±9.2 billion USD.
    #[error("outside the range of ±9223372036.854775807 USD")]
    OutOfRange,
}

/// Reads the number grammar of JSON (RFC 8259 section 6), with leading zeros allowed: `1`, `1.50`, `1e-3`,
/// `-0.5`. Zeros at the end do not count as decimals.
///
/// # Errors
/// See [`ParseUsdError`].
impl FromStr for Usd {
    type Err = ParseUsdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Decimal::split(text).ok_or(ParseUsdError::NotANumber)?.to_usd()
    }
}

/// A decimal number taken apart: `±whole.fraction × 10^exponent`, digits only in both texts.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let well_formed = is_digits(whole) && fraction.is_none_or(is_digits);
        well_formed.then_some(Self {
            negative,
            whole,
            fraction: fraction.unwrap_or_default(),
            exponent,
        })
    }

    fn to_usd(&self) -> Result<Usd, ParseUsdError> {
        let digits = || self.whole.bytes().chain(self.fraction.bytes());
        let is_zero = |digit: &u8| *digit == b'0';
        let (leading, trailing) = (
            digits().take_while(is_zero).count(),
            digits().rev().take_while(is_zero).count(),
        );
        let all = digits().count();
        if leading == all {
            return Ok(Usd::ZERO);
        }
        let significant = all - leading - trailing;

        // The value is the significant digits times 10^scale nano-dollars.
        let scale = self
            .exponent
            .saturating_add(DECIMALS)
            .saturating_sub(length(self.fraction.len()))
            .saturating_add(length(trailing));
        if scale < 0 {
            return Err(ParseUsdError::TooManyDecimals);
        }
        if scale.saturating_add(length(significant)) > MAX_DIGITS {
            return Err(ParseUsdError::OutOfRange);
        }
        let magnitude = digits()
            .skip(leading)
            .take(significant)
            .map(|digit| i128::from(digit - b'0'))
            .chain((0..scale).map(|_| 0))
            .fold(0, |value, digit| value * 10 + digit);
        let nanos = if self.negative { -magnitude } else { magnitude };
        i64::try_from(nanos)
            .map(Usd::from_nanos)
            .map_err(|_| ParseUsdError::OutOfRange)
    }
}

/// An exponent, cut to ±10^18: beyond any text's length it makes no difference.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !is_digits(digits) {
        return None;
    }
    let value = digits
        .parse::<i64>()
        .unwrap_or(i64::MAX)
        .min(1_000_000_000_000_000_000);
    Some(if negative { -value } else { value })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
