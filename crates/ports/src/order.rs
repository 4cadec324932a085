//! The order in which nodes and attempts are listed, the same in every store.

use std::cmp::Ordering;

use agentchains_machine::{AttemptRow, NodePath, NodeRow};

/// By position in the document, then by path ([`compare_paths`]).
#[must_use]
pub fn compare_nodes(a: &NodeRow, b: &NodeRow) -> Ordering {
    a.position
        .cmp(&b.position)
        .then_with(|| compare_paths(&a.path, &b.path))
}

/// By path ([`compare_paths`]), then by number.
#[must_use]
pub fn compare_attempts(a: &AttemptRow, b: &AttemptRow) -> Ordering {
    compare_paths(&a.path, &b.path).then_with(|| a.number.cmp(&b.number))
}

/// Step by step from the outside in, iterations and items by their numbers: `a[2]/x` comes before `a[10]/x`, and a
/// node before its members.
#[must_use]
pub fn compare_paths(a: &NodePath, b: &NodePath) -> Ordering {
    steps(a).cmp(steps(b))
}

/// The steps of a path: the id of each node, with the number of the iteration or item where one follows.
fn steps(path: &NodePath) -> impl Iterator<Item = (&str, Option<u32>)> {
    let steps = path.as_str().split('/');
    steps.map(|step| numbered(step).unwrap_or((step, None)))
}

fn numbered(step: &str) -> Option<(&str, Option<u32>)> {
    let (node_id, ordinal) = step.strip_suffix(']')?.rsplit_once('[')?;
    Some((node_id, Some(ordinal.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_the_order_of_their_numbers_and_a_node_comes_before_its_members() {
        let sorted = [
            "a",
            "a/b",
            "a/b[9]/c",
            "a/b[10]/c",
            "a[0]/x",
            "a[2]/x",
            "a[2]/x/y",
            "a[2]/z[1]/b",
            "a[10]/x",
            "a-b",
            "a1",
            "b[1]/x",
            "b[4294967296]/x",
            "b[x]",
        ];
        let path = |text: &str| NodePath::from(text.to_owned());
        let mut paths: Vec<NodePath> = sorted.iter().rev().map(|text| path(text)).collect();
        paths.sort_by(compare_paths);
        assert_eq!(paths, sorted.map(path));
    }
}
