//! Collects findings while a document is checked, and puts them in order with their lines and columns at the end.

use strsim::osa_distance;

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    limits::Limits,
    places::Positions,
    tree::Spot,
};

/// Pairs of characters that one check may compare in search of similar names, a name that is too long or too short
/// counted as one: hints must not make it quadratic.
const COMPARISONS: usize = 10_000_000;
/// Characters of the document that a message repeats.
const QUOTED_CHARS: usize = 80;

/// The findings so far.
#[derive(Debug)]
pub(crate) struct Report {
    found: Vec<(usize, Diagnostic)>,
    counted: Diagnostics,
    comparisons_left: usize,
    limits: Limits,
}

impl Report {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            found: Vec::new(),
            counted: Diagnostics::default(),
            comparisons_left: COMPARISONS,
        }
    }

    /// The limits that the document is held to.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Adds a finding.
    pub(crate) fn add(&mut self, code: Code, spot: Spot, message: impl Into<String>) {
        self.add_with_hint(code, spot, message, None::<String>);
    }

    /// Adds a finding that may come with advice.
    pub(crate) fn add_with_hint(
        &mut self,
        code: Code,
        spot: Spot,
        message: impl Into<String>,
        hint: Option<impl Into<String>>,
    ) {
        if self.counted.count(code.severity()) {
            let mut found = Diagnostic::new(code, spot.pointer, message);
            found.hint = hint.map(Into::into);
            self.found.push((spot.offset, found));
        }
    }

    /// How many findings are kept so far.
    pub(crate) fn mark(&self) -> usize {
        self.found.len()
    }

    /// Gives every finding since `mark` another place, computed from its pointer.
    pub(crate) fn relocate(&mut self, mark: usize, place: impl Fn(&str) -> Spot) {
        for (offset, found) in self.found.iter_mut().skip(mark) {
            let spot = place(&found.pointer);
            (*offset, found.pointer) = (spot.offset, spot.pointer);
        }
    }

    /// Whether the document is refused.
    pub(crate) fn has_errors(&self) -> bool {
        self.counted.has_errors()
    }

    /// The candidate that `name` is most likely a misspelling of; of equally likely ones the first in the alphabet.
    pub(crate) fn similar<'c>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        nearest(name, candidates, &mut self.comparisons_left)
    }

    /// "did you mean `…`?" with the candidate that `name` is most likely a misspelling of.
    pub(crate) fn did_you_mean<'c>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<String> {
        self.similar(name, candidates)
            .map(|candidate| format!("did you mean `{candidate}`?"))
    }

    /// The findings in the order of the document, with lines and columns of the text.
    pub(crate) fn finish(mut self, text: &str) -> Diagnostics {
        self.found.sort_by_key(|(offset, _)| *offset);
        let positions = Positions::of(text);
        for (offset, mut found) in self.found {
            let (line, column) = positions.at(offset);
            (found.line, found.column) = (Some(line), Some(column));
            self.counted.keep(found);
        }
        self.counted
    }
}

/// The candidate that `name` is most likely a misspelling of; `None` too when the comparisons are used up.
pub(crate) fn nearest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    comparisons_left: &mut usize,
) -> Option<&'c str> {
    let length = name.chars().take(QUOTED_CHARS).count();
    if length == QUOTED_CHARS {
        return None;
    }
    let name = name.to_lowercase();
    let tolerated = (length / 3).max(1);
    let mut best = None;
    for candidate in candidates {
        let candidate_length = candidate.chars().count();
        let is_near = candidate_length.abs_diff(length) <= tolerated;
        let work = if is_near { length * candidate_length } else { 1 };
        *comparisons_left = comparisons_left.checked_sub(work)?;
        if !is_near {
            continue;
        }
        let distance = osa_distance(&name, &candidate.to_lowercase());
        if distance <= tolerated && best.is_none_or(|known| (distance, candidate) < known) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A name from the document as messages show it: quoted, without control characters, cut where it is long.
pub(crate) fn quoted(name: &str) -> String {
    let mut shown: String = name
        .chars()
        .take(QUOTED_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().nth(QUOTED_CHARS).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Names of the language as messages show them.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "ä\nöü!";
        let mut report = Report::new(Limits::default());
        for offset in [text.find('!').unwrap(), 0] {
            report.add(
                Code::InvalidValue,
                Spot {
                    offset,
                    pointer: String::new(),
                },
                "",
            );
        }
        let places: Vec<_> = report
            .finish(text)
            .iter()
            .map(|found| (found.line, found.column))
            .collect();
        assert_eq!(places, [(Some(1), Some(1)), (Some(2), Some(3))]);
    }

    #[test]
    fn findings_beyond_the_limit_are_counted_and_still_refuse() {
        let mut report = Report::new(Limits::default());
        for _ in 0..crate::limits::MAX_ERRORS + 5 {
            report.add(
                Code::UnknownAgent,
                Spot {
                    offset: 0,
                    pointer: String::new(),
                },
                "",
            );
        }
        report.add(
            Code::InvalidValue,
            Spot {
                offset: 0,
                pointer: String::new(),
            },
            "",
        );
        let found = report.finish("");
        assert_eq!(
            (found.omitted(), found.has_errors(), found.errors().count()),
            (5, true, 1)
        );
    }

    #[test]
    fn similar_names_ignore_case_and_allow_a_slip_in_three_characters() {
        let mut report = Report::new(Limits::default());
        let candidates = ["agent_call", "human_approval"];
        let mut similar = |name| report.similar(name, candidates);
        assert_eq!(similar("AGENT-CALL"), Some("agent_call"));
        assert_eq!(similar("human_aproval"), Some("human_approval"));
        assert_eq!(similar("shell"), None);
    }

    #[test]
    fn quoted_names_are_cut_and_free_of_control_characters() {
        assert_eq!(quoted("a\n\0b"), "`a\\n\\0b`");
        assert_eq!(quoted(&"x".repeat(1_000)).chars().count(), QUOTED_CHARS + 3);
    }
}
