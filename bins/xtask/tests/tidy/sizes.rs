//! Files and functions that stay small enough to be read at once.

use crate::functions::{Function, functions};
use crate::tree::{File, assert_none, files};

const MAX_FILE_LINES: usize = 500;
const MEDIAN_FILE_LINES: usize = 250;
const MAX_LIB_LINES: usize = 120;
const MAX_FUNCTION_LINES: usize = 80;
const P90_FUNCTION_LINES: usize = 40;

/// Functions that may be longer than the rest: file, name, the lines that they may have, and why.
const LONG_FUNCTIONS: &[(&str, &str, usize, &str)] = &[];

#[test]
fn no_file_is_too_long() {
    let limit = |file: &File| match file.path.rsplit('/').next() {
        Some("lib.rs") => (MAX_LIB_LINES, "move code into modules"),
        _ => (MAX_FILE_LINES, "split it by topic"),
    };
    let too_long = files().into_iter().filter(File::is_rust).filter_map(|file| {
        let (lines, (most, advice)) = (file.line_count(), limit(&file));
        (lines > most).then(|| format!("{}:{most}: {lines} lines, at most {most}: {advice}", file.path))
    });
    assert_none(&too_long.collect::<Vec<_>>());
}

#[test]
fn half_of_the_source_files_are_short() {
    let mut sizes: Vec<(usize, String)> = files()
        .into_iter()
        .filter(File::is_source)
        .map(|file| (file.line_count(), file.path))
        .collect();
    sizes.sort();
    let (median, _) = percentile(&sizes, 50);
    let longest: Vec<_> = sizes
        .iter()
        .rev()
        .take(10)
        .map(|(lines, path)| format!("{path}:1: {lines} lines"))
        .collect();
    assert!(
        *median <= MEDIAN_FILE_LINES,
        "the median file has {median} lines, at most {MEDIAN_FILE_LINES}: split the longest\n{}",
        longest.join("\n")
    );
}

#[test]
fn no_function_is_too_long() {
    let all = measured(&files());
    let too_long = all.iter().filter_map(|(file, function)| {
        let Function {
            name,
            line,
            line_count,
            ..
        } = function;
        let most = exception(file, name).map_or(MAX_FUNCTION_LINES, |(_, _, most, _)| *most);
        (*line_count > most).then(|| {
            format!("{file}:{line}: function `{name}` has {line_count} lines, at most {most}: split it")
        })
    });
    assert_none(&too_long.collect::<Vec<_>>());
}

#[test]
fn nine_functions_of_ten_are_short() {
    let mut sizes: Vec<(usize, String)> =
        measured(&files().into_iter().filter(File::is_source).collect::<Vec<_>>())
            .into_iter()
            .filter(|(_, function)| !function.is_test)
            .map(|(file, function)| {
                (
                    function.line_count,
                    format!("{file}:{}: `{}`", function.line, function.name),
                )
            })
            .collect();
    sizes.sort();
    let (p90, _) = percentile(&sizes, 90);
    let longest: Vec<_> = sizes
        .iter()
        .rev()
        .take(20)
        .map(|(lines, name)| format!("{name}, {lines} lines"))
        .collect();
    assert!(
        *p90 <= P90_FUNCTION_LINES,
        "one function of ten has {p90} lines or more, at most {P90_FUNCTION_LINES}: split the longest\n{}",
        longest.join("\n")
    );
}

#[test]
fn every_named_exception_is_needed() {
    let all = measured(&files());
    let stale = LONG_FUNCTIONS.iter().filter(|(file, name, _, _)| {
        let is_long = |(path, function): &(String, Function)| {
            path == file && function.name == *name && function.line_count > MAX_FUNCTION_LINES
        };
        !all.iter().any(is_long)
    });
    let advice = "is short or gone: remove it from LONG_FUNCTIONS";
    assert_none(
        &stale
            .map(|(file, name, _, _)| format!("{file}:1: `{name}` {advice}"))
            .collect::<Vec<_>>(),
    );
}

fn exception(file: &str, name: &str) -> Option<&'static (&'static str, &'static str, usize, &'static str)> {
    LONG_FUNCTIONS
        .iter()
        .find(|(path, function, _, _)| *path == file && *function == name)
}

/// All functions of the Rust files among these, with their file's path.
fn measured(files: &[File]) -> Vec<(String, Function)> {
    let of_file = |file: &File| {
        let found = functions(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        found
            .into_iter()
            .map(|function| (file.path.clone(), function))
            .collect::<Vec<_>>()
    };
    files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(of_file)
        .collect()
}

/// The smallest element that at least `percent` of all are not above (nearest rank), of a sorted list.
fn percentile<T>(sorted: &[T], percent: usize) -> &T {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).expect("at least one element")
}

#[test]
fn percentiles_are_by_nearest_rank() {
    let numbers: Vec<usize> = (1..=10).collect();
    assert_eq!((percentile(&numbers, 50), percentile(&numbers, 90)), (&5, &9));
    assert_eq!(percentile(&[7], 90), &7);
    assert_eq!(percentile(&[1, 2, 3], 50), &2);
}
