//! Which places of the server registered agents may have their secrets from.
//!
//! Whoever registers an agent has its secrets sent to an address of their own. Where tenants share a server, its
//! environment and its files are the operator's, who says what of them may be named. Stored secrets are the tenant's own.

use std::{
    path::{Component, Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use agentchains_ports::SecretRef;
use thiserror::Error;

/// What definitions of registered agents may name besides stored secrets. Agents that the settings declare may name
/// anything.
///
/// ```
/// use agentchains_agents::SecretPolicy;
/// use agentchains_ports::SecretRef;
///
/// let policy: SecretPolicy = "env:AGENT_*,file:/run/secrets".parse()?;
/// assert!(policy.allows(&SecretRef::Env("AGENT_TOKEN".into())));
/// assert!(!policy.allows(&SecretRef::Env("PATH".into())));
/// assert!(policy.allows(&SecretRef::File("/run/secrets/token".into())));
/// assert!(!policy.allows(&SecretRef::File("/run/secrets/../passwd".into())));
/// assert!(policy.allows(&SecretRef::Stored("token".into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPolicy {
    /// `None` where everything is allowed.
    allowed: Option<Arc<[Place]>>,
}

/// Where secrets may be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A variable of the environment.
    Variable(String),
    /// All whose names begin so.
    VariablesWith(String),
    /// Everything below a folder.
    Folder(PathBuf),
}

/// A text that is no list of places.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no place of secrets: use any, none, env:NAME, env:PREFIX*, or file:/FOLDER with an absolute path"
)]
pub struct InvalidPlace(String);

impl SecretPolicy {
    /// Allows every variable and every file.
    #[must_use]
    pub fn any() -> Self {
        Self { allowed: None }
    }

    /// Whether a definition may name this place. Files are judged by their path here, and by where it leads when they
    /// are read.
    #[must_use]
    pub fn allows(&self, place: &SecretRef) -> bool {
        let Some(allowed) = &self.allowed else {
            return true;
        };
        match place {
            SecretRef::Env(name) => allowed.iter().any(|place| match place {
                Place::Variable(variable) => name == variable,
                Place::VariablesWith(prefix) => name.starts_with(prefix),
                Place::Folder(_) => false,
            }),
            SecretRef::File(path) => {
                let path = Path::new(path);
                let leads_up = path.components().any(|part| part == Component::ParentDir);
                !leads_up && folders(allowed).any(|folder| path.starts_with(folder))
            }
            SecretRef::Stored(_) => true,
        }
    }

    /// Where a path leads, all links followed; `None` where that is out of the allowed folders.
    pub(super) fn resolve(&self, path: &Path) -> std::io::Result<Option<PathBuf>> {
        let Some(allowed) = &self.allowed else {
            return Ok(Some(path.to_owned()));
        };
        let target = path.canonicalize()?;
        let is_inside = |folder: &Path| {
            folder
                .canonicalize()
                .is_ok_and(|folder| target.starts_with(folder))
        };
        Ok(folders(allowed).any(is_inside).then_some(target))
    }
}

/// Completes a sentence about a place that is not allowed.
pub(super) fn not_allowed() -> String {
    "may not be named by agents that are registered; store the secret with `agentchains secrets set` and name it as \
     {\"stored\": …}, or have the operator allow the place with --allow-agent-secrets"
        .to_owned()
}

fn folders(places: &[Place]) -> impl Iterator<Item = &Path> {
    places.iter().filter_map(|place| match place {
        Place::Folder(folder) => Some(folder.as_path()),
        _ => None,
    })
}

/// Reads a list such as `env:AGENT_*,file:/run/secrets`. `none` and the empty text allow nothing, `any` everything.
impl FromStr for SecretPolicy {
    type Err = InvalidPlace;

    fn from_str(list: &str) -> Result<Self, InvalidPlace> {
        let entries = list.split(',').map(str::trim);
        let entries: Vec<&str> = entries.filter(|entry| !matches!(*entry, "" | "none")).collect();
        if entries == ["any"] {
            return Ok(Self::any());
        }
        let allowed = entries.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self {
            allowed: Some(allowed),
        })
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(entry: &str) -> Result<Self, InvalidPlace> {
        let invalid = || InvalidPlace(entry.to_owned());
        match entry.split_once(':').ok_or_else(invalid)? {
            ("env", name) => match name.strip_suffix('*') {
                Some(prefix) => Ok(Self::VariablesWith(prefix.to_owned())),
                None if name.is_empty() => Err(invalid()),
                None => Ok(Self::Variable(name.to_owned())),
            },
            ("file", folder) if Path::new(folder).is_absolute() => Ok(Self::Folder(folder.into())),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(list: &str) -> SecretPolicy {
        list.parse().unwrap()
    }

    #[test]
    fn a_variable_is_allowed_by_its_name_or_by_how_it_begins() {
        let allows = |list: &str, name: &str| policy(list).allows(&SecretRef::Env(name.to_owned()));
        for (list, name, allowed) in [
            ("any", "PATH", true),
            ("none", "PATH", false),
            ("", "PATH", false),
            ("env:PATH", "PATH", true),
            ("env:PATH", "PATHS", false),
            ("env:AGENT_*", "AGENT_", true),
            ("env:AGENT_*", "MY_AGENT_", false),
            ("file:/", "PATH", false),
            ("none, env:A , env:B", "B", true),
            ("env:*", "PATH", true),
        ] {
            assert_eq!(allows(list, name), allowed, "{list:?} {name}");
        }
    }

    #[test]
    fn a_file_is_allowed_below_a_folder_however_it_is_named() {
        let allows = |list: &str, path: &str| policy(list).allows(&SecretRef::File(path.to_owned()));
        for (list, path, allowed) in [
            ("file:/run/secrets", "/run/secrets/a/b", true),
            ("file:/run/secrets/", "/run/secrets/a", true),
            ("file:/run/secrets", "/run/secrets-of-others/a", false),
            ("file:/run/secrets", "/run/secrets/../../etc/passwd", false),
            ("file:/run/secrets", "secrets/a", false),
            ("file:/", "/etc/passwd", true),
            ("env:*", "/run/secrets/a", false),
            ("any", "../a", true),
        ] {
            assert_eq!(allows(list, path), allowed, "{list:?} {path}");
        }
    }

    #[test]
    fn a_link_out_of_the_folder_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        for file in [folder.path().join("outside"), inside.join("token")] {
            std::fs::write(file, "x").unwrap();
        }
        std::os::unix::fs::symlink("../outside", inside.join("out")).unwrap();
        std::os::unix::fs::symlink("token", inside.join("in")).unwrap();
        let policy = policy(&format!("file:{}", inside.display()));
        let leads_in = |name: &str| policy.resolve(&inside.join(name)).unwrap().is_some();
        assert_eq!(
            (leads_in("token"), leads_in("in"), leads_in("out")),
            (true, true, false)
        );
        assert!(policy.resolve(&inside.join("absent")).is_err());
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for bad in [
            "env:",
            "env",
            "file:secrets",
            "file:",
            "PATH",
            "any,env:A",
            "stored:a",
        ] {
            assert!(bad.parse::<SecretPolicy>().is_err(), "{bad}");
        }
    }
}
