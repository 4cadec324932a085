//! The command line, as clap reads it.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::{Deserialize, Serialize};

use crate::{
    config::ConfigCommand,
    keys::KeysArgs,
    oidc::OidcSettings,
    remote::{AgentsCommand, ApprovalsCommand, ExecutionsCommand, RemoteArgs, WorkflowsCommand},
};

/// Runs workflows of AI agents. Without a command it shows the demo.
#[derive(Debug, Parser)]
#[command(name = "agentchains", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// The command line of this process. Without a word on it, it is that of the demo.
    pub(crate) fn of_process() -> Self {
        Self::parse_from(Self::words())
    }

    pub(crate) fn words() -> Vec<OsString> {
        let mut words: Vec<OsString> = std::env::args_os().collect();
        if words.len() <= 1 {
            words.push("demo".into());
        }
        words
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts five small agents and the server, with nothing else installed
    #[command(after_help = "Example:\n  agentchains demo --listen 127.0.0.1:7420")]
    Demo(DemoArgs),
    /// Runs the server
    #[command(after_help = "Example:\n  agentchains serve --database sqlite:agentchains.db")]
    Serve(ServeArgs),
    /// Validates and runs one workflow in this process
    #[command(
        after_help = "Example:\n  agentchains run research.json --input '{\"topic\": \"quantum computing\"}' \\\n    --agent web-search=http://127.0.0.1:9001 --max-budget 1.00\n\nExit codes: 0 completed, 1 failed, 2 invalid document, 3 cancelled, 4 budget"
    )]
    Run(RunArgs),
    /// Says what is wrong with workflow documents, and where
    #[command(after_help = "Example:\n  agentchains validate research.json\n\nExit codes: 0 valid, 2 errors")]
    Validate(ValidateArgs),
    /// Prints the picture of a workflow document
    #[command(
        after_help = "Example:\n  agentchains graph research.json --format svg > research.svg\n\nExit codes: 0 drawn, 2 invalid document"
    )]
    Graph(GraphArgs),
    /// Says what one workflow may cost and take at the most
    #[command(
        after_help = "Example:\n  agentchains estimate research.json --agent web-search=http://127.0.0.1:9001 --max-budget 1.00\n\nExit codes: 0 estimated, 2 invalid document"
    )]
    Estimate(EstimateArgs),
    /// Lists, shows, creates, changes and starts the workflows of a server
    #[command(after_help = "Example:\n  agentchains workflows list --server http://127.0.0.1:7420")]
    Workflows(RemoteArgs<WorkflowsCommand>),
    /// Lists, shows, watches and steers the executions of a server
    #[command(after_help = "Example:\n  agentchains executions list --status running --status paused")]
    Executions(RemoteArgs<ExecutionsCommand>),
    /// Lists, shows and answers the questions that a server asks people
    #[command(after_help = "Example:\n  agentchains approvals list --status pending")]
    Approvals(RemoteArgs<ApprovalsCommand>),
    /// Lists, shows, registers and checks the agents of a server
    #[command(after_help = "Example:\n  agentchains agents health web-search")]
    Agents(RemoteArgs<AgentsCommand>),
    /// Serves the MCP tools on standard input and output, over the database of the working folder or a server
    #[command(
        after_help = "Example, in a client's settings:\n  {\"command\": \"agentchains\", \"args\": [\"mcp\", \"--database\", \"sqlite:agentchains.db\"]}\n  {\"command\": \"agentchains\", \"args\": [\"mcp\", \"--server\", \"http://127.0.0.1:7420\"]}"
    )]
    Mcp(McpArgs),
    /// Makes, lists and revokes the API keys of a server that needs them
    #[command(after_help = "Example:\n  agentchains keys create --role runner --name nightly-build")]
    Keys(KeysArgs),
    /// Keeps the secrets that agents are called with, encrypted in the database
    #[command(
        after_help = "Example:\n  agentchains secrets set SEARCH_TOKEN --secrets-key-file secrets.key < token.txt\n\nA key is made with: head -c 32 /dev/urandom | base64 > secrets.key"
    )]
    Secrets(SecretsArgs),
    /// Shows and checks the settings of the server
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prints what a shell needs to complete this program's words
    #[command(after_help = "Example:\n  agentchains completions bash > /etc/bash_completion.d/agentchains")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Rewrites an older document (graph_json) in today's form
    #[command(
        after_help = "Example:\n  agentchains import old.json > workflow.json\n\nExit codes: 0 converted, 2 what cannot be converted"
    )]
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the database is kept; a temporary folder unless given
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// A server whose tools are served; without it, those of an engine in this process
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The API key for that server, where it needs one
    #[arg(long, env = "AGENTCHAINS_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) settings: ServeArgs,
}

/// What `serve` and `demo` take. Absent flags are looked up in the settings file.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen [default: 127.0.0.1:7420]
    #[arg(long, value_name = "ADDR:PORT", env = "AGENTCHAINS_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// The database: sqlite:FILE or postgres://USER@HOST/NAME [default: sqlite:agentchains.db]
    // Its value may hold a password.
    #[arg(
        long,
        value_name = "URL",
        env = "AGENTCHAINS_DATABASE",
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// The settings file [default: agentchains.toml in the working folder, where there is one]
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Whether callers must show an API key; required beyond loopback [default: off on loopback]
    #[arg(long, value_enum, env = "AGENTCHAINS_AUTH")]
    pub(crate) auth: Option<Auth>,
    #[command(flatten)]
    pub(crate) oidc: OidcSettings,
    /// Address ranges that agents may have besides public ones: CIDRs, loopback, private, none [default: loopback with
    /// --auth off, else none]
    #[arg(long, value_name = "LIST", env = "AGENTCHAINS_ALLOW_AGENT_ADDRESSES")]
    pub(crate) allow_agent_addresses: Option<String>,
    /// Whether nodes may name an agent's address, `config.endpoint`, in the place of a registered agent [default: true with --auth
    /// off, else false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "AGENTCHAINS_ALLOW_INLINE_ENDPOINTS",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub(crate) allow_inline_endpoints: Option<bool>,
    /// Secrets of the server that agents may name which are registered over the API, besides stored ones: env:NAME,
    /// env:PREFIX*, file:/FOLDER, any, none; agents of the settings file may name all [default: any with --auth off, else
    /// none]
    #[arg(long, value_name = "LIST", env = "AGENTCHAINS_ALLOW_AGENT_SECRETS")]
    pub(crate) allow_agent_secrets: Option<String>,
    /// The key that stored secrets are opened with, 32 bytes in base64; AGENTCHAINS_SECRETS_KEY may hold the key itself
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_SECRETS_KEY_FILE")]
    pub(crate) secrets_key_file: Option<PathBuf>,
    /// The certificates that the server shows, in PEM, its own first: then it speaks HTTPS
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_TLS_CERTIFICATE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Origins of web pages that may use the API besides the server's own
    #[arg(
        long,
        value_name = "LIST",
        env = "AGENTCHAINS_ALLOWED_ORIGINS",
        value_delimiter = ','
    )]
    pub(crate) allowed_origins: Option<Vec<String>>,
    /// Which workflows are A2A agents besides those that are published [default: none]
    #[arg(long, value_enum, env = "AGENTCHAINS_A2A_PUBLISH")]
    pub(crate) a2a_publish: Option<A2aPublish>,
    /// Whether an agent for the A2A protocol's test kit is served, at /a2a/tck [default: false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "AGENTCHAINS_A2A_TCK",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub(crate) a2a_tck: Option<bool>,
    /// Whether MCP clients may answer questions to people, for whoever is behind them [default: false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "AGENTCHAINS_MCP_APPROVALS",
        num_args = 0..=1,
        default_missing_value = "true"
    )]
    pub(crate) mcp_approvals: Option<bool>,
    /// What a commit waits for: full survives a power cut, normal a crash [default: full]
    #[arg(long, value_enum, env = "AGENTCHAINS_DURABILITY")]
    pub(crate) durability: Option<Durability>,
    /// How long calls in flight may take to end after SIGTERM [default: 30s]
    #[arg(long, value_name = "DURATION", env = "AGENTCHAINS_DRAIN")]
    pub(crate) drain: Option<String>,
    /// How long executions are kept after their end, such as 30d [default: for ever]
    #[arg(long, value_name = "DURATION", env = "AGENTCHAINS_RETENTION")]
    pub(crate) retention: Option<String>,
    /// A limit of the language, such as max_nodes=500; may be repeated
    #[arg(
        long,
        value_name = "NAME=NUMBER",
        env = "AGENTCHAINS_LIMITS",
        value_delimiter = ','
    )]
    pub(crate) limit: Vec<String>,
    /// What all executions together may spend in a day or a month (UTC), such as daily=10.00; may be repeated
    #[arg(
        long,
        value_name = "NAME=USD",
        env = "AGENTCHAINS_CAPS",
        value_delimiter = ','
    )]
    pub(crate) cap: Vec<String>,
    /// How often each API key may ask: CALLS per second, or CALLS/TIME such as 600/1m [default: as often as it likes]
    #[arg(long, value_name = "CALLS/TIME", env = "AGENTCHAINS_RATE_LIMIT")]
    pub(crate) rate_limit: Option<String>,
    /// How log lines look [default: text on a terminal, else json]
    #[arg(long, value_enum, env = "AGENTCHAINS_LOG")]
    pub(crate) log: Option<LogFormat>,
}

/// Which workflows are A2A agents besides those that are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum A2aPublish {
    #[default]
    None,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Durability {
    Full,
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Json,
    Text,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The workflow document
    pub(crate) file: PathBuf,
    /// The execution's input: JSON, or @FILE
    #[arg(long, value_name = "JSON|@FILE", default_value = "{}")]
    pub(crate) input: String,
    /// The most that may be spent, in USD
    // A negative amount is refused for what it is, and not taken for a flag.
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub(crate) max_budget: Option<String>,
    /// An agent and its address; may be repeated
    #[arg(long, value_name = "ID=URL")]
    pub(crate) agent: Vec<String>,
    /// Approves whatever asks for approval; what an agent asks in the middle of its task is left to the terminal
    #[arg(long)]
    pub(crate) yes: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: OutputFormat,
}

#[derive(Debug, Args)]
pub(crate) struct EstimateArgs {
    /// The workflow document
    pub(crate) file: PathBuf,
    /// The execution's input, which may decide how many items there are: JSON, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) input: Option<String>,
    /// The most that may be spent, in USD
    // A negative amount is refused for what it is, and not taken for a flag.
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub(crate) max_budget: Option<String>,
    /// An agent and its address; may be repeated
    #[arg(long, value_name = "ID=URL")]
    pub(crate) agent: Vec<String>,
    /// The settings file, for its limits [default: agentchains.toml in the working folder, where there is one]
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How the estimate is printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: OutputFormat,
}

#[derive(Debug, Args)]
pub(crate) struct SecretsArgs {
    #[command(subcommand)]
    pub(crate) command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Stores the secret that comes on standard input, in the place of an earlier one of its name
    Set {
        /// What agents name it by: {"stored": NAME}
        name: String,
        #[command(flatten)]
        place: SecretsPlace,
    },
    /// Names the secrets that are stored
    List {
        #[command(flatten)]
        place: SecretsPlace,
        /// How they are printed
        #[arg(long, value_enum, default_value = "table")]
        output: OutputFormat,
    },
    /// Removes a secret
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        place: SecretsPlace,
    },
}

/// Where secrets are stored, and the key to them.
#[derive(Debug, Args)]
pub(crate) struct SecretsPlace {
    /// The database, which a server may have open [default: sqlite:agentchains.db]
    #[arg(
        long,
        value_name = "URL",
        env = "AGENTCHAINS_DATABASE",
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// The settings file [default: agentchains.toml in the working folder, where there is one]
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The key, 32 bytes in base64; AGENTCHAINS_SECRETS_KEY may hold the key itself
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_SECRETS_KEY_FILE")]
    pub(crate) secrets_key_file: Option<PathBuf>,
    /// Whose agents may name the secrets; those that the settings declare name those of the default one
    #[arg(long, default_value_t = agentchains_engine::Caller::anonymous().tenant)]
    pub(crate) tenant: String,
}

/// Whether callers are asked who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auth {
    /// Everybody who reaches the server may do everything
    Off,
    /// Each request needs an API key, and may do what the key's role may
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Json,
    Table,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// The workflow document
    pub(crate) file: PathBuf,
    /// What the picture is written in
    #[arg(long, value_enum, default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// A flowchart for Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture that stands alone
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The older document
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Workflow documents
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ValidateFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValidateFormat {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_two_arguments_of_a_command_have_one_name() {
        Cli::command().debug_assert();
    }
}
