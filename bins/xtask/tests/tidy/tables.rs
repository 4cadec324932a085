//! Which package may depend on which, as ARCHITECTURE.md draws it.

/// Rows of a package's name and the names that it may, or must not, depend on.
pub(crate) type Table = &'static [(&'static str, &'static [&'static str])];

/// Which packages of the workspace each may depend on, outside its tests.
pub(crate) const ARROWS: Table = &[
    ("agentchains-cost", &[]),
    ("agentchains-breaker", &[]),
    ("agentchains-workflow", &["agentchains-cost"]),
    (
        "agentchains-machine",
        &["agentchains-cost", "agentchains-workflow"],
    ),
    (
        "agentchains-ports",
        &[
            "agentchains-breaker",
            "agentchains-cost",
            "agentchains-machine",
            "agentchains-workflow",
        ],
    ),
    (
        "agentchains-store",
        &[
            "agentchains-cost",
            "agentchains-machine",
            "agentchains-ports",
            "agentchains-workflow",
        ],
    ),
    (
        "agentchains-engine",
        &[
            "agentchains-breaker",
            "agentchains-cost",
            "agentchains-machine",
            "agentchains-ports",
            "agentchains-workflow",
        ],
    ),
    (
        "agentchains-agents",
        &["agentchains-cost", "agentchains-machine", "agentchains-ports"],
    ),
    ("agentchains-http", &["agentchains-engine"]),
    ("agentchains-mcp", &["agentchains-engine"]),
    ("agentchains-a2a", &["agentchains-engine"]),
    ("agentchains-demo", &[]),
    (
        TESTKIT,
        &[
            "agentchains-cost",
            "agentchains-machine",
            "agentchains-ports",
            "agentchains-workflow",
        ],
    ),
    ("agentchains-conformance", &[]),
    ("agentchains", EVERYTHING),
    ("agentchains-examples", EVERYTHING),
    ("agentchains-benches", EVERYTHING),
    ("xtask", &[]),
];

/// What the outermost packages may depend on: all libraries but the fakes.
const EVERYTHING: &[&str] = &[
    "agentchains-a2a",
    "agentchains-agents",
    "agentchains-breaker",
    "agentchains-cost",
    "agentchains-demo",
    "agentchains-engine",
    "agentchains-http",
    "agentchains-machine",
    "agentchains-mcp",
    "agentchains-ports",
    "agentchains-store",
    "agentchains-workflow",
];

/// The fakes: for tests only.
pub(crate) const TESTKIT: &str = "agentchains-testkit";

/// What the pure crates may use from outside the workspace.
pub(crate) const PURE: Table = &[
    ("agentchains-cost", &["schemars", "serde", "thiserror"]),
    (
        "agentchains-breaker",
        &[
            "foldhash",
            "jiff",
            "pin-project-lite",
            "schemars",
            "serde",
            "thiserror",
            "tower-layer",
            "tower-service",
        ],
    ),
    (
        "agentchains-workflow",
        &[
            "daggy",
            "jsonc-parser",
            "jsonschema",
            "minijinja",
            "regex",
            "schemars",
            "serde",
            "serde_json",
            "serde_json_path",
            "serde_stacker",
            "sha2",
            "stacker",
            "strsim",
            "thiserror",
        ],
    ),
    (
        "agentchains-machine",
        &[
            "jiff",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "uuid",
        ],
    ),
];

/// What a package must not reach, not even through others.
pub(crate) const UNREACHABLE: Table = &[
    ("agentchains-cost", WORLD),
    ("agentchains-breaker", WORLD),
    ("agentchains-workflow", WORLD),
    ("agentchains-machine", WORLD),
    ("agentchains-ports", WORLD),
    ("agentchains-engine", &["hyper", "sea-orm"]),
    ("agentchains-agents", &["sea-orm"]),
    ("agentchains-store", &["hyper"]),
    ("agentchains-http", &["sea-orm"]),
    ("agentchains-demo", &["sea-orm"]),
];

/// A runtime, a database, a network, a log.
const WORLD: &[&str] = &["hyper", "sea-orm", "tokio", "tracing"];
