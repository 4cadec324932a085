//! Headers, and what must not be in any file: reminders and paths of somebody's machine.

use crate::tree::{assert_none, files};

/// Words that mark unfinished work; written in two halves so that this file passes its own check.
const REMINDERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Top directories under which people and machines keep their own files.
const OWN_DIRECTORIES: [&str; 6] = ["home", "root", "tmp", "work", "workspace", "Users"];

#[test]
fn every_module_says_in_its_header_what_it_is_for() {
    let without = files()
        .into_iter()
        .filter(|file| file.is_rust() && !starts_with_header(&file.text));
    let advice = "starts without a `//!` header: say what the module owns";
    assert_none(
        &without
            .map(|file| format!("{}:1: {advice}", file.path))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_source_holds_a_reminder() {
    let advice = "do it, or open an issue";
    let rust = files().into_iter().filter(|file| file.is_rust());
    let found = rust.flat_map(|file| matching_lines(&file.path, &file.text, advice, reminder));
    assert_none(&found.collect::<Vec<_>>());
}

#[test]
fn no_file_names_a_path_of_a_machine() {
    let advice = "use a path relative to the repository or a temporary directory";
    let found = files().into_iter();
    let found = found.flat_map(|file| matching_lines(&file.path, &file.text, advice, machine_path));
    assert_none(&found.collect::<Vec<_>>());
}

fn starts_with_header(text: &str) -> bool {
    text.trim_start().starts_with("//!")
}

/// A message for each line in which `find` finds something.
fn matching_lines(path: &str, text: &str, advice: &str, find: fn(&str) -> Option<String>) -> Vec<String> {
    let found = (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| Some((number, find(line)?)));
    found
        .map(|(number, what)| format!("{path}:{number}: `{what}`: {advice}"))
        .collect()
}

fn reminder(line: &str) -> Option<String> {
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.find(|word| REMINDERS.contains(word)).map(str::to_owned)
}

/// An absolute path below a directory of [`OWN_DIRECTORIES`], on Unix or Windows.
fn machine_path(line: &str) -> Option<String> {
    let own = |directory: &str| [format!("/{directory}/"), format!(":\\{directory}\\")];
    OWN_DIRECTORIES
        .iter()
        .flat_map(|directory| own(directory))
        .find(|path| {
            line.match_indices(path.as_str())
                .any(|(start, _)| path.starts_with(':') || is_path_start(&line[..start]))
        })
}

/// Whether a `/` after this text begins a path: it does not in `a/b`, `../b`, `~/b` or `{root}/b`.
fn is_path_start(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || "_-.~}$)".contains(c))
}

#[test]
fn a_header_comes_before_everything_else() {
    assert!(starts_with_header("//! What it is for.\nuse std::fmt;\n"));
    for text in [
        "",
        "// Not a header.\n",
        "use std::fmt;\n//! Too late.\n",
        "/// Of an item.\nfn f() {}\n",
    ] {
        assert!(!starts_with_header(text), "{text:?}");
    }
}

#[test]
fn reminders_are_found_as_whole_words() {
    let [first, second, _] = REMINDERS;
    assert_eq!(
        reminder(&format!("let x = 1; // {first}: more")).as_deref(),
        Some(first)
    );
    assert_eq!(reminder(&format!("{second}(someone)")).as_deref(), Some(second));
    assert_eq!(reminder(&format!("a {first}LIST and {first}_LIST")), None);
}

#[test]
fn machine_paths_are_found_and_routes_are_not() {
    for directory in OWN_DIRECTORIES {
        for line in [
            format!("\"/{directory}/me\""),
            format!("file:///{directory}/x"),
            format!("C:\\{directory}\\x"),
        ] {
            assert!(machine_path(&line).is_some(), "{line}");
        }
        for line in [
            format!("../{directory}/x"),
            format!("https://example.com/{directory}/x"),
            format!("/{directory}"),
        ] {
            assert_eq!(machine_path(&line), None, "{line}");
        }
    }
}
