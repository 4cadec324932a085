//! Whether what templates and expressions refer to exists, is seen from where they stand, comes before, and is there
//! when it is needed (section 2).
//!
//! A node sees the members of its own scope and what the group or loop around it sees; the members of other scopes
//! are seen by nobody else.

mod certainty;
mod order;

use crate::{
    composite::ScopeIndex,
    decode::{Provided, Repetition},
    diagnostic::Code,
    graph::NodeIndex,
    layout::Layout,
    report::{Report, quoted},
    template::{LoopField, ReferenceKind, Target, Use},
};

pub(crate) use order::check_order;

/// From where something is referred to.
#[derive(Debug, Clone, Copy)]
struct Site {
    /// The nodes of this scope, and of those around it, may be referred to.
    scope: ScopeIndex,
    provided: Provided,
    /// The node that what is referred to must come before; `None` for the workflow's output.
    user: Option<NodeIndex>,
}

/// A reference to a node that exists and is seen from where it is referred to.
#[derive(Debug)]
pub(crate) struct Reference<'u> {
    target: NodeIndex,
    site: Site,
    found: &'u Use,
}

/// What templates and expressions refer to. What does not exist where they stand is reported.
pub(crate) fn resolve<'u>(layout: &Layout<'u>, output: &'u [Use], report: &mut Report) -> Vec<Reference<'u>> {
    let mut references = Vec::new();
    for (site, found) in sites(layout, output) {
        match &found.target {
            Target::Node(id) => {
                let target = layout.find(id);
                match target.filter(|target| layout.is_seen_from(site.scope, *target)) {
                    Some(target) => references.push(Reference { target, site, found }),
                    None => unknown(layout, site, found, id, report),
                }
            }
            Target::Item if site.provided.item => {}
            Target::Item => {
                let message = "`item` exists only inside of a body that runs for items";
                report.add(Code::UnknownReference, found.spot.clone(), message);
            }
            Target::Loop(field) => check_loop(site, *field, found, report),
        }
    }
    references
}

/// Everything that is referred to, and from where.
fn sites<'u>(layout: &Layout<'u>, output: &'u [Use]) -> Vec<(Site, &'u Use)> {
    let outermost = Site {
        scope: ScopeIndex::TOP,
        provided: Provided::default(),
        user: None,
    };
    let mut sites: Vec<_> = output.iter().map(|found| (outermost, found)).collect();
    for (position, node) in layout.graph.nodes.iter().enumerate() {
        let user = NodeIndex::new(position);
        let scope = layout.scope_of(user);
        let site = Site {
            scope,
            provided: layout.provided(scope),
            user: Some(user),
        };
        sites.extend(node.uses.iter().map(|found| (site, found)));
    }
    for (position, scope) in layout.graph.scopes.iter().enumerate() {
        let body = ScopeIndex::new(position);
        if let (Some(owner), Some(asked)) = (scope.owner, &scope.asked) {
            let site = Site {
                scope: if asked.sees_members {
                    body
                } else {
                    layout.scope_of(owner)
                },
                provided: layout.provided(body),
                user: Some(owner),
            };
            sites.extend(asked.uses.iter().map(|found| (site, found)));
        }
    }
    sites
}

fn unknown(layout: &Layout<'_>, site: Site, found: &Use, id: &str, report: &mut Report) {
    let (message, hint) = match layout.find(id) {
        None => (
            format!("there is neither a node nor a value {}", quoted(id)),
            hint(id, site, layout, report),
        ),
        Some(member) => {
            let outer = layout.seen_instead(site.scope, member);
            let hint = outer.map(|outer| match site.user {
                Some(user) if user == outer => "the iteration before is `loop.last`".to_owned(),
                _ => format!(
                    "only what {} yields is seen from here",
                    quoted(layout.node(outer).name())
                ),
            });
            (
                format!(
                    "node {} is not seen from here: it is a member of a group or loop",
                    quoted(id)
                ),
                hint,
            )
        }
    };
    report.add_with_hint(Code::UnknownReference, found.spot.clone(), message, hint);
}

fn hint(name: &str, site: Site, layout: &Layout<'_>, report: &mut Report) -> Option<String> {
    let user = site.user.map_or("", |user| layout.node(user).name());
    let is_cut_off = |id: &&str| id.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    if let Some(id) = layout.ids().filter(is_cut_off).min() {
        return Some(format!(
            "`-` is a minus in expressions: write nodes[\"{id}\"].output"
        ));
    }
    let roots = ["input", "nodes", "execution", "item", "loop"];
    report.did_you_mean(name, roots.into_iter().chain(layout.ids_but(user)))
}

fn check_loop(site: Site, field: Option<LoopField>, found: &Use, report: &mut Report) {
    let message = match (site.provided.repetition, field) {
        (None, _) => "`loop` exists only inside of the body of a loop, or of a group that runs for items",
        (Some(Repetition::Concurrent), Some(LoopField::Last | LoopField::Results)) => {
            "what runs for the items of a group has `loop.index` only: nothing comes before"
        }
        (Some(Repetition::Sequential), Some(LoopField::Last)) if found.kind == ReferenceKind::Required => {
            let message = "the first iteration has no `loop.last`";
            let hint = Some("add `| default(…)`");
            report.add_with_hint(Code::ReferenceMayBeSkipped, found.spot.clone(), message, hint);
            return;
        }
        _ => return,
    };
    report.add(Code::UnknownReference, found.spot.clone(), message);
}
