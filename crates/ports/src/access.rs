//! Who may do what: rights, the roles that have them, and the keys by which programs show who they are.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::StoreError;

/// What something that is asked of the server needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// To see.
    Read,
    /// To start, pause, resume and cancel executions.
    Run,
    /// To answer questions to people.
    Decide,
    /// To change workflows and agents.
    Edit,
    /// Everything else, such as to delete what has happened.
    Administer,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Run, Self::Decide, Self::Edit, Self::Administer];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// All of them.
    pub const ALL: Self = Self::NONE
        .with(Right::Read)
        .with(Right::Run)
        .with(Right::Decide)
        .with(Right::Edit)
        .with(Right::Administer);

    /// These and that one.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | right.bit())
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether any of those is among them.
    #[must_use]
    pub const fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Whether that one is among them.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self::NONE.with(right)
    }
}

/// What somebody is to the server. Each role may read; only `admin` has what two others have.
///
/// ```
/// use agentchains_ports::{Right, Role};
///
/// assert!(Role::Runner.rights().has(Right::Run));
/// assert!(!Role::Runner.rights().has(Right::Decide));
/// assert_eq!("approver".parse(), Ok(Role::Approver));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Starts, pauses, resumes and cancels executions.
    Runner,
    /// Answers questions to people.
    Approver,
    /// Changes workflows and agents.
    Editor,
    /// May do everything.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Runner,
        Self::Approver,
        Self::Editor,
        Self::Admin,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Runner => "runner",
            Self::Approver => "approver",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// What it may do.
    #[must_use]
    pub const fn rights(self) -> Rights {
        let reading = Rights::NONE.with(Right::Read);
        match self {
            Self::Viewer => reading,
            Self::Runner => reading.with(Right::Run),
            Self::Approver => reading.with(Right::Decide),
            Self::Editor => reading.with(Right::Edit),
            Self::Admin => Rights::ALL,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no role of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of viewer, runner, approver, editor, admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or(UnknownRole)
    }
}

/// A key, without the secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The part of the key by which it is found.
    pub id: String,
    /// Whose rows it gives access to.
    pub tenant: String,
    /// What may be done with it.
    pub role: Role,
    /// Who or what has it, as records name them.
    pub name: String,
    /// A keyed hash of its secret.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is of no use any more.
    pub revoked_at: Option<Timestamp>,
}

/// Stores keys.
#[async_trait]
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written; also where there is one with that id.
    async fn add_api_key(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// One key, revoked or not.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError>;

    /// All keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read.
    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Makes a key useless; one that is so already stays as it is. False where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was written.
    async fn revoke_api_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError>;
}
