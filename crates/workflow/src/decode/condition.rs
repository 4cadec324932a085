//! The type `condition` (section 7).

use std::collections::HashSet;

use serde_json::json;

use crate::{
    condition::{Case, Comparison, Condition, DEFAULT, Operator, Test},
    decode::{
        Branch, DraftNode, Fields, Named, list,
        scalar::{choice, invalid, text, wrong_type},
    },
    diagnostic::Code,
    expression::Expression,
    limits,
    report::{Report, quoted},
    template::{Template, Use},
    tree::At,
};

const EXPRESSION_FIELDS: [&str; 3] = ["expression", "then", "else"];
const CASES_FIELDS: [&str; 2] = ["cases", "default"];
const CASE_FIELDS: [&str; 3] = ["when", "to", "label"];
const COMPARISON_FIELDS: [&str; 5] = ["path", "operator", "value", "then", "else"];
const OPERATORS: [(&str, Operator); 10] = [
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
    ("contains", Operator::Contains),
    ("exists", Operator::Exists),
];
/// The labels of a condition that has one test.
const YES: &str = "true";
const NO: &str = "false";

/// Decodes the `config` of a `condition`, and leaves its branches and labels in the draft.
pub(super) fn decode(node: &Fields<'_>, draft: &mut DraftNode, report: &mut Report) -> Option<Condition> {
    draft.branches = Some(Vec::new());
    let config = node.require("config", report)?;
    let fields = Fields::open(&config, report)?;
    let has = |names: &[&str]| names.iter().any(|name| fields.get(name).is_some());
    if has(&["cases"]) {
        return cases(&fields, draft, report);
    }
    let (known, form): (&[&str], _) = if has(&COMPARISON_FIELDS[..3]) && !has(&["expression"]) {
        (&COMPARISON_FIELDS, "with `path`")
    } else {
        (&EXPRESSION_FIELDS, "with `expression`")
    };
    fields.refuse_others(known, &format!("a condition {form}"), report);
    draft.labels = Some(vec![YES.to_owned(), NO.to_owned()]);
    branches(&fields, "then", YES, draft, report);
    branches(&fields, "else", NO, draft, report);
    let test = if known.len() == EXPRESSION_FIELDS.len() {
        let at = fields.require_one_of("expression", "`expression`, `cases` or `path`", report)?;
        Test::Expression(Expression::compile(&at, &mut draft.uses, report)?)
    } else {
        Test::Comparison(comparison(&fields, &mut draft.uses, report)?)
    };
    let label = YES.to_owned();
    let max_bytes = report.limits().max_value_bytes;
    Some(Condition::new(vec![Case { label, test }], Some(NO), max_bytes))
}

/// The nodes that a field names, each the target of a branch with that label.
fn branches(fields: &Fields<'_>, field: &str, label: &str, draft: &mut DraftNode, report: &mut Report) {
    let Some(at) = fields.get(field) else { return };
    let targets = if at.value.as_string_lit().is_some() {
        Named::decode(&at, report).into_iter().collect()
    } else if at.value.as_array().is_some() {
        list(&at, report, Named::decode).unwrap_or_default()
    } else {
        wrong_type(&at, "a node's id or an array of them", report);
        return;
    };
    let branches = targets.into_iter().map(|target| Branch {
        label: label.to_owned(),
        target,
    });
    draft.branches.get_or_insert_default().extend(branches);
}

fn cases(fields: &Fields<'_>, draft: &mut DraftNode, report: &mut Report) -> Option<Condition> {
    fields.refuse_others(&CASES_FIELDS, "a condition with `cases`", report);
    let at = fields.require("cases", report)?;
    let Some(array) = at.value.as_array() else {
        wrong_type(&at, "an array", report);
        return None;
    };
    if array.elements.is_empty() {
        invalid(&at, "a condition needs at least one case", report);
    }
    if array.elements.len() > limits::MAX_CASES {
        let message = format!("a condition has at most {} cases", limits::MAX_CASES);
        report.add(Code::ValueTooLong, at.spot(), message);
        return None;
    }
    let mut labels = HashSet::new();
    let mut cases = Vec::new();
    for (position, at) in at.items().enumerate() {
        let Some(fields) = Fields::open(&at, report) else {
            cases.push(None);
            continue;
        };
        fields.refuse_others(&CASE_FIELDS, "a case", report);
        let label = case_label(&fields, position, &mut labels, report);
        branches(&fields, "to", &label, draft, report);
        let when = fields.require("when", report);
        let test = when.and_then(|at| Expression::compile(&at, &mut draft.uses, report));
        let test = test.map(Test::Expression);
        draft.labels.get_or_insert_default().push(label.clone());
        cases.push(test.map(|test| Case { label, test }));
    }
    draft.labels.get_or_insert_default().push(DEFAULT.to_owned());
    branches(fields, DEFAULT, DEFAULT, draft, report);
    let otherwise = fields.get(DEFAULT).map(|_| DEFAULT);
    let cases = cases.into_iter().collect::<Option<_>>()?;
    Some(Condition::new(cases, otherwise, report.limits().max_value_bytes))
}

/// The label of a case; its number where it has none of its own.
fn case_label(
    fields: &Fields<'_>,
    position: usize,
    labels: &mut HashSet<String>,
    report: &mut Report,
) -> String {
    let at = fields.get("label");
    let own = at.and_then(|at| text(&at, 1..=limits::MAX_LABEL_CHARS, report));
    let label = own.unwrap_or_else(|| position.to_string());
    let at = at.as_ref().unwrap_or(fields.at);
    if label == DEFAULT {
        invalid(at, "`default` is what is chosen when no case holds", report);
    } else if !labels.insert(label.clone()) {
        let message = format!("an earlier case has the label {} already", quoted(&label));
        invalid(at, message, report);
    }
    label
}

fn comparison(fields: &Fields<'_>, uses: &mut Vec<Use>, report: &mut Report) -> Option<Comparison> {
    let path = fields.require("path", report);
    let path = path.and_then(|at| Expression::compile_path(&at, uses, report));
    let operator = fields.require("operator", report);
    let operator = operator.and_then(|at| choice(&at, &OPERATORS, report));
    let value = match (fields.get("value"), operator) {
        (None, Some(Operator::Exists)) => Some(Template::constant(json!(true))),
        (None, _) => {
            fields.require("value", report);
            None
        }
        (Some(at), operator) => {
            check_value(&at, operator, report);
            Template::compile(&at, uses, report)
        }
    };
    Some(Comparison {
        path: path?,
        operator: operator?,
        value: value?,
    })
}

/// Refuses a value that the operator can do nothing with. One that is a template is known only later.
fn check_value(at: &At<'_>, operator: Option<Operator>, report: &mut Report) {
    if at
        .value
        .as_string_lit()
        .is_some_and(|lit| lit.value.contains("{{"))
    {
        return;
    }
    let is_text = at.value.as_string_lit().is_some();
    match operator {
        Some(Operator::Exists) if at.value.as_boolean_lit().is_none() => {
            wrong_type(at, "true or false", report);
        }
        Some(Operator::In | Operator::NotIn) if at.value.as_array().is_none() => {
            wrong_type(at, "an array", report);
        }
        Some(Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte)
            if !is_text && at.value.as_number_lit().is_none() =>
        {
            wrong_type(at, "a number or a string", report);
        }
        _ => {}
    }
}
