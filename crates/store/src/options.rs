//! How a store is to be opened.

/// Which database, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// `sqlite:agentchains.db` is a file, made when absent; `sqlite::memory:` is gone when the store is closed.
    /// `postgres://user@host/name` is a database of a PostgreSQL server, version 14 or later, that is there already
    /// and is reached directly or through a pooler that gives each connection a session of its own.
    pub url: String,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Connections that read beside the one that writes; at least one is made. A database in memory has one
    /// connection for everything.
    pub readers: u32,
}

/// What an acknowledged write survives (`synchronous` of SQLite, `synchronous_commit` of PostgreSQL).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of the process and of the power; on PostgreSQL whatever the server is set to.
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
    /// The address as it may be shown: without a password, and without parameters, which may hold one.
    ///
    /// ```
    /// # use agentchains_store::StoreOptions;
    /// let options = StoreOptions::new("postgres://ada:secret@db.example/agentchains?sslmode=require");
    /// assert_eq!(options.shown_url(), "postgres://ada@db.example/agentchains");
    /// assert_eq!(StoreOptions::new("sqlite:agentchains.db").shown_url(), "sqlite:agentchains.db");
    /// ```
    #[must_use]
    pub fn shown_url(&self) -> String {
        let url = self.url.split_once('?').map_or(self.url.as_str(), |(url, _)| url);
        // Whatever a password holds, the last of these signs ends it.
        let parts = url.split_once("://").and_then(|(scheme, rest)| {
            let (user, place) = rest.rsplit_once('@')?;
            Some((scheme, user, place))
        });
        let Some((scheme, user, place)) = parts else {
            return url.to_owned();
        };
        let name = user.split_once(':').map_or(user, |(name, _)| name);
        format!("{scheme}://{name}@{place}")
    }
}
