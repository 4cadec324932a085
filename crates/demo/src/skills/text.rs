//! Small work on text that several skills need.

/// The text with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// The text as a part of an address: lower case letters and digits, words joined by hyphens.
pub(super) fn slug(text: &str) -> String {
    let words = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.take(8).map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The text with at most `limit` characters, cut after a word where it is longer.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    let end = kept.rfind(' ').unwrap_or(kept.len());
    format!("{}…", kept[..end].trim_end_matches([' ', ',', '.', ';']))
}

/// One of the choices, by a number.
pub(super) fn pick<'a>(choices: &[&'a str], seed: u64) -> &'a str {
    let length = u64::try_from(choices.len()).unwrap_or(u64::MAX);
    let index = seed
        .checked_rem(length)
        .and_then(|index| usize::try_from(index).ok());
    index
        .and_then(|index| choices.get(index))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_after_a_word_within_the_limit() {
        for (text, limit, expected) in [
            ("one two", 7, "one two"),
            ("one two, three", 10, "one two…"),
            ("unbreakable", 5, "unbr…"),
            ("äöü äöü", 5, "äöü…"),
        ] {
            assert_eq!(shortened(text, limit), expected);
            assert!(shortened(text, limit).chars().count() <= limit);
        }
    }
}
