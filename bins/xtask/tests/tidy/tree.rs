//! The files of the work tree that are tracked or would be, as git sees them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file.
pub(crate) struct File {
    /// Relative to the root, with `/` between names.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the file is part of a crate or program, not of its tests.
    pub(crate) fn is_source(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        self.is_rust() && matches!(parts[..], ["crates" | "bins", _, "src", ..])
    }

    pub(crate) fn line_count(&self) -> usize {
        self.text.lines().count()
    }
}

/// The root of the workspace, two levels above this package.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All text files; what is not UTF-8 is no text.
pub(crate) fn files() -> Vec<File> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(
        listing.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listing.stderr)
    );
    let paths = String::from_utf8(listing.stdout).expect("paths are UTF-8");
    let read = |path: &str| {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(File {
            path: path.to_owned(),
            text,
        })
    };
    let files: Vec<File> = paths.split_terminator('\0').filter_map(read).collect();
    assert!(files.iter().any(File::is_source), "no sources found");
    files
}

/// Fails with all violations, one per line.
pub(crate) fn assert_none(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{} violations:\n{}",
        violations.len(),
        violations.join("\n")
    );
}
