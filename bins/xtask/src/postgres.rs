//! PostgreSQL for the tests, which start servers of their own.

use std::path::PathBuf;
use std::process::Command;

use crate::command::quietly;

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// How it is installed there.
const INSTALL: [&str; 4] = ["install", "--yes", "--no-install-recommends", "postgresql"];

/// Installs it where it is missing.
pub(crate) fn ensure() -> Result<(), String> {
    if is_installed() {
        return Ok(());
    }
    if !directories().any(|directory| directory.join("apt-get").is_file()) {
        return Err("PostgreSQL is not installed, and there is no apt-get to install it with".into());
    }
    println!("    missing, so first: apt-get {}", INSTALL.join(" "));
    // An old list of packages names files that are gone; a new one cannot be had everywhere.
    let updated = quietly(apt_get().arg("update"));
    quietly(apt_get().args(INSTALL)).map_err(|failure| match updated {
        Ok(()) => failure,
        Err(before) => format!("{before}; {failure}"),
    })
}

fn is_installed() -> bool {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let of_debian = versions.map(|version| version.path().join("bin"));
    directories()
        .chain(of_debian)
        .any(|directory| directory.join("initdb").is_file())
}

/// The search path.
fn directories() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// As root, which whoever is not may become where no password is asked.
fn apt_get() -> Command {
    let user = Command::new("id").arg("-u").output();
    let is_root = user.is_ok_and(|user| user.stdout.trim_ascii() == b"0");
    let mut command = if is_root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
