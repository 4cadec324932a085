//! Paths: the way from a root of the document that expressions see to one value in it (section 2).

use serde_json::Value;

use crate::{
    diagnostic::Code,
    report::{listed, quoted},
    template::{
        expression::Problem,
        scope::{LoopField, SettledNode},
    },
};

/// Members of `execution`.
pub(super) const EXECUTION_FIELDS: [&str; 4] = ["id", "workflow_id", "version", "started_at"];

/// Where a path begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Root {
    Input,
    Execution,
    /// The object of a settled node.
    Node(String),
    Item,
    /// A member of `loop`.
    Loop(LoopField),
}

/// A step from a value into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// A member of an object.
    Key(String),
    /// An item of an array; negative ones count from the end.
    Index(i64),
}

/// Whether an expression can do without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It cannot.
    Required,
    /// `default` follows, or the path itself is what `default` falls back to.
    Optional,
}

/// A path of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
    pub(super) need: Need,
    /// As the author wrote it.
    pub(super) written: String,
}

/// The root that `name` stands for, with the steps that it implies; takes the steps that follow it.
///
/// # Errors
///
/// The problem with a name that has no meaning here, or with a member that does not exist.
pub(super) fn resolve(name: &str, mut steps: Vec<Step>) -> Result<(Root, Vec<Step>), Problem> {
    match name {
        "input" => Ok((Root::Input, steps)),
        "execution" => {
            check_field(&steps, "execution", &EXECUTION_FIELDS)?;
            Ok((Root::Execution, steps))
        }
        "nodes" => {
            let Some(Step::Key(id)) = steps.first().cloned() else {
                let hint = "name the node, as in `nodes.search.output`";
                return Err(Problem::new(Code::InvalidTemplate, "`nodes` is no value of its own").hint(hint));
            };
            steps.remove(0);
            check_field(&steps, &format!("nodes.{id}"), &SettledNode::MEMBERS)?;
            Ok((Root::Node(id), steps))
        }
        "item" => Ok((Root::Item, steps)),
        "loop" => {
            check_field(&steps, "loop", &LoopField::ALL.map(LoopField::as_str))?;
            let field = match steps.first() {
                Some(Step::Key(key)) => LoopField::named(key),
                _ => None,
            };
            let Some(field) = field else {
                let hint = "name the member, as in `loop.index`";
                return Err(Problem::new(Code::InvalidTemplate, "`loop` is no value of its own").hint(hint));
            };
            steps.remove(0);
            Ok((Root::Loop(field), steps))
        }
        "secrets" => {
            let message = "secrets are not allowed in data that agents, people or callers see";
            let hint = "put the secret into the agent's credentials or headers";
            Err(Problem::new(Code::SecretNotAllowedHere, message).hint(hint))
        }
        id => {
            steps.insert(0, Step::Key("output".to_owned()));
            Ok((Root::Node(id.to_owned()), steps))
        }
    }
}

fn check_field(steps: &[Step], object: &str, fields: &[&str]) -> Result<(), Problem> {
    let unknown = match steps.first() {
        None => return Ok(()),
        Some(Step::Key(key)) if fields.contains(&key.as_str()) => return Ok(()),
        Some(Step::Key(key)) => quoted(key),
        Some(Step::Index(index)) => format!("[{index}]"),
    };
    let message = format!("{} has no {unknown}", quoted(object));
    let hint = format!("it has {}", listed(fields.iter().copied()));
    Err(Problem::new(Code::UnknownReference, message).hint(hint))
}

/// Follows steps into a value.
pub(super) fn follow<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match (value, step) {
        (Value::Object(members), Step::Key(key)) => members.get(key),
        (Value::Array(items), Step::Index(index)) => {
            let position = match usize::try_from(*index) {
                Ok(from_start) => Some(from_start),
                Err(_) => items
                    .len()
                    .checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
            };
            items.get(position?)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_lead_to_members_and_items_and_nowhere_else() {
        let value = json!({"a": [10, {"b": null}], "": 1});
        let key = |key: &str| Step::Key(key.to_owned());
        let cases = [
            (vec![], Some(value.clone())),
            (vec![key("a"), Step::Index(0)], Some(json!(10))),
            (vec![key("a"), Step::Index(-1), key("b")], Some(json!(null))),
            (vec![key("")], Some(json!(1))),
            (vec![key("a"), Step::Index(2)], None),
            (vec![key("a"), Step::Index(-3)], None),
            (vec![key("a"), Step::Index(i64::MIN)], None),
            (vec![key("a"), key("0")], None),
            (vec![key("a"), Step::Index(-1), key("b"), key("c")], None),
            (vec![Step::Index(0)], None),
        ];
        for (steps, expected) in cases {
            assert_eq!(follow(&value, &steps), expected.as_ref(), "{steps:?}");
        }
    }
}
