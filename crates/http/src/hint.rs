//! "Did you mean …?" for names that are nearly right.

use strsim::osa_distance;

/// Characters of the longest name that is compared: the comparison takes time in proportion to the lengths.
const MAX_CHARS: usize = 80;

/// Names the candidate that differs from `name` in at most every third character.
pub(crate) fn did_you_mean(name: &str, candidates: &[&str]) -> Option<String> {
    let length = name.chars().take(MAX_CHARS + 1).count();
    if length > MAX_CHARS {
        return None;
    }
    let tolerated = (length / 3).max(1);
    let (_, nearest) = candidates
        .iter()
        .map(|candidate| (osa_distance(&name.to_lowercase(), candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min()?;
    Some(format!("did you mean `{nearest}`?"))
}
