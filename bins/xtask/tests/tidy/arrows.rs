//! The direction of dependencies: what `cargo metadata` says against the tables.
//!
//! Cargo already refuses rings; this keeps each arrow from turning round while no ring has formed, and the
//! pure core from reaching the world through somebody else's crate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, NodeDep, Package, PackageId};

use crate::tables::{ARROWS, PURE, TESTKIT, Table, UNREACHABLE};
use crate::tree::{assert_none, root};

#[test]
fn packages_of_the_workspace_depend_on_each_other_only_along_the_arrows() {
    let metadata = metadata();
    let members = member_names(&metadata);
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = row(ARROWS, &package.name) else {
            violations.push(format!(
                "{}: has no row in ARROWS: add what it may depend on",
                manifest(package)
            ));
            continue;
        };
        for name in dependencies(package).filter(|name| members.contains(name) && !allowed.contains(name)) {
            let advice = if name == TESTKIT {
                "make it a dev-dependency"
            } else {
                "this arrow does not exist"
            };
            violations.push(format!("{}: depends on {name}: {advice}", manifest(package)));
        }
    }
    assert_none(&violations);
}

#[test]
fn pure_crates_use_only_what_is_listed() {
    let metadata = metadata();
    let members = member_names(&metadata);
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = row(PURE, &package.name) else {
            continue;
        };
        for name in dependencies(package).filter(|name| !members.contains(name) && !allowed.contains(name)) {
            let advice = "a pure crate: do without it, or list it in PURE with a reason to be there";
            violations.push(format!("{}: depends on {name}: {advice}", manifest(package)));
        }
    }
    assert_none(&violations);
}

#[test]
fn no_package_reaches_what_it_must_not_know() {
    let metadata = metadata();
    let graph = normal_edges(&metadata);
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(forbidden) = row(UNREACHABLE, &package.name) else {
            continue;
        };
        for name in forbidden {
            if let Some(path) = path_to(&metadata, &graph, &package.id, name) {
                violations.push(format!(
                    "{}: reaches {name}: {}",
                    manifest(package),
                    path.join(" -> ")
                ));
            }
        }
    }
    assert_none(&violations);
}

#[test]
fn the_tables_name_packages_that_exist() {
    let metadata = metadata();
    let members = member_names(&metadata);
    let rows = [ARROWS, PURE, UNREACHABLE]
        .into_iter()
        .flatten()
        .map(|(name, _)| *name);
    let gone: Vec<_> = rows
        .filter(|name| !members.contains(name))
        .map(|name| format!("{name}: remove its row"))
        .collect();
    assert_none(&gone);
}

#[test]
fn the_search_follows_indirect_dependencies_and_leaves_out_those_of_tests() {
    let metadata = metadata();
    let graph = normal_edges(&metadata);
    let breaker = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name == "agentchains-breaker");
    let way = |target| path_to(&metadata, &graph, &breaker.expect("the breaker").id, target);
    assert_eq!(
        way("serde_derive"),
        Some(
            ["agentchains-breaker", "serde", "serde_derive"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    assert_eq!(way("proptest"), None);
}

type Edges<'a> = BTreeMap<&'a PackageId, Vec<&'a PackageId>>;

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .expect("cargo metadata")
}

fn member_names(metadata: &Metadata) -> BTreeSet<&str> {
    metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.as_str())
        .collect()
}

fn row(table: Table, package: &str) -> Option<&'static [&'static str]> {
    table
        .iter()
        .find(|(name, _)| *name == package)
        .map(|(_, allowed)| *allowed)
}

/// The names of a package's direct dependencies, those of its tests left out.
fn dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let kept = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development);
    kept.map(|dependency| dependency.name.as_str())
}

fn manifest(package: &Package) -> String {
    let path = package.manifest_path.as_std_path();
    let root = root().canonicalize().expect("the root exists");
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Who depends on whom, build scripts and tests left out.
fn normal_edges<'a>(metadata: &'a Metadata) -> Edges<'a> {
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let is_linked = |dependency: &&NodeDep| {
        dependency
            .dep_kinds
            .iter()
            .any(|info| info.kind == DependencyKind::Normal)
    };
    let linked = |node: &'a Node| {
        node.deps
            .iter()
            .filter(is_linked)
            .map(|dependency| &dependency.pkg)
            .collect()
    };
    resolve
        .nodes
        .iter()
        .map(|node| (&node.id, linked(node)))
        .collect()
}

/// The names on one of the shortest ways from a package to one named `target`.
fn path_to(metadata: &Metadata, graph: &Edges<'_>, from: &PackageId, target: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&PackageId, Option<&PackageId>> = BTreeMap::new();
    let mut frontier = VecDeque::from([(from, None)]);
    while let Some((package, parent)) = frontier.pop_front() {
        if came_from.contains_key(package) {
            continue;
        }
        came_from.insert(package, parent);
        if metadata[package].name.as_str() == target {
            let way = std::iter::successors(Some(package), |step| came_from.get(step).copied().flatten());
            let mut names: Vec<String> = way.map(|step| metadata[step].name.to_string()).collect();
            names.reverse();
            return Some(names);
        }
        frontier.extend(
            graph
                .get(package)
                .into_iter()
                .flatten()
                .map(|next| (*next, Some(package))),
        );
    }
    None
}
