//! How a store is to be opened.

/// Which database, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// `sqlite:agentchains.db` is a file, made when absent; `sqlite::memory:` is gone when the store is closed.
    pub url: String,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Connections that read beside the one that writes; at least one is made. A database in memory has one
    /// connection for everything.
    pub readers: u32,
}

/// What an acknowledged write survives (SQLite's `synchronous`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of the process and of the power.
    #[default]
    Full,
    /// The end of the process; after a loss of power the last writes may be missing. Faster on slow disks.
    Normal,
}

impl StoreOptions {
    /// The defaults for a database: full durability and four readers.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            durability: Durability::default(),
            readers: 4,
        }
    }
}
