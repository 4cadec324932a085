//! `agentchains keys`: API keys, in the database itself, whether a server has it open or not: so that a first one can be
//! made.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use agentchains_engine::{
    Caller, SystemClock,
    ports::{ApiKey, ApiKeyStore as _, Clock as _, Role},
};
use agentchains_http::{NewApiKey, new_api_key};
use agentchains_store::{Store, StoreOptions};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::OutputFormat,
    exit::{CommandError, FAILED},
    settings::database,
    terminal::table,
};

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Makes a key and prints it, once
    #[command(after_help = "Example:\n  agentchains keys create --role runner --name nightly-build")]
    Create {
        /// What may be done with it: viewer, runner, approver, editor or admin
        #[arg(long)]
        role: Role,
        /// Who or what has it; records name them so
        #[arg(long)]
        name: String,
        /// Whose workflows, executions and approvals it gives access to
        #[arg(long, default_value_t = Caller::anonymous().tenant)]
        tenant: String,
        #[command(flatten)]
        place: KeysPlace,
    },
    /// Lists the keys, without their secrets
    #[command(after_help = "Example:\n  agentchains keys list --output json")]
    List {
        #[command(flatten)]
        place: KeysPlace,
    },
    /// Makes a key useless, within seconds
    #[command(after_help = "Example:\n  agentchains keys revoke 5f2c81a09b3d4e67")]
    Revoke {
        /// The part of the key between the underscores
        id: String,
        #[command(flatten)]
        place: KeysPlace,
    },
}

/// Where keys are kept, and how they are printed.
#[derive(Debug, Args)]
struct KeysPlace {
    /// The database, which a server may have open [default: sqlite:agentchains.db]
    #[arg(
        long,
        value_name = "URL",
        env = "AGENTCHAINS_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// The settings file [default: agentchains.toml in the working folder, where there is one]
    #[arg(long, value_name = "FILE", env = "AGENTCHAINS_CONFIG")]
    config: Option<PathBuf>,
    /// How they are printed
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

/// The most characters of a name or a tenant.
const MAX_NAME_CHARS: usize = 200;

/// Makes, lists or revokes keys.
pub(crate) async fn keys(args: KeysArgs) -> Result<ExitCode, CommandError> {
    match args.command {
        KeysCommand::Create {
            role,
            name,
            tenant,
            place,
        } => {
            check("name", &name)?;
            check("tenant", &tenant)?;
            let new = new_api_key(&tenant, role, &name, SystemClock::new().now())
                .map_err(CommandError::Randomness)?;
            let store = open(&place).await?;
            let added = store.add_api_key(&new.record).await;
            store.close().await;
            added?;
            print_new(&new, place.output)?;
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::List { place } => {
            let store = open(&place).await?;
            let keys = store.api_keys().await;
            store.close().await;
            print(&keys?, place.output)?;
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Revoke { id, place } => {
            let store = open(&place).await?;
            let revoked = store.revoke_api_key(&id, SystemClock::new().now()).await;
            store.close().await;
            Ok(if revoked? { ExitCode::SUCCESS } else { none_of(&id) })
        }
    }
}

fn check(what: &str, text: &str) -> Result<(), CommandError> {
    let is_plain = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if is_plain && text.chars().count() <= MAX_NAME_CHARS {
        return Ok(());
    }
    let wanted = format!("--{what} has 1 to {MAX_NAME_CHARS} characters, on one line");
    Err(CommandError::Usage(wanted))
}

async fn open(place: &KeysPlace) -> Result<Store, CommandError> {
    let database = database(place.database.clone(), place.config.as_deref())?;
    Ok(Store::open_beside(StoreOptions::new(&database)).await?)
}

#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
fn none_of(id: &str) -> ExitCode {
    eprintln!("error: there is no key {id:?}; see `agentchains keys list`");
    FAILED.into()
}

fn print_new(new: &NewApiKey, format: OutputFormat) -> io::Result<()> {
    let NewApiKey { record, key } = new;
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Json => {
            let (id, tenant, name) = (&record.id, &record.tenant, &record.name);
            let shown =
                json!({"id": id, "key": key, "tenant": tenant, "role": record.role.as_str(), "name": name});
            writeln!(out, "{shown}")
        }
        OutputFormat::Table => writeln!(
            out,
            "{key}\n\nThis is the key of {:?}, {} of the tenant {:?}. It is not shown again.",
            record.name, record.role, record.tenant
        ),
    }
}

fn print(keys: &[ApiKey], format: OutputFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Json => {
            let keys: Vec<Value> = keys.iter().map(shown).collect();
            writeln!(out, "{}", json!({ "keys": keys }))
        }
        OutputFormat::Table => {
            let row = |key: &ApiKey| {
                let revoked_at = key.revoked_at.map(|at| at.to_string());
                [
                    key.id.clone(),
                    key.tenant.clone(),
                    key.role.to_string(),
                    key.name.clone(),
                    key.created_at.to_string(),
                    revoked_at.unwrap_or_default(),
                ]
            };
            let mut table = table();
            table
                .set_header(["id", "tenant", "role", "name", "created", "revoked"])
                .add_rows(keys.iter().map(row));
            writeln!(out, "{table}")
        }
    }
}

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "tenant": key.tenant,
        "role": key.role.as_str(),
        "name": key.name,
        "created_at": key.created_at.to_string(),
        "revoked_at": key.revoked_at.map(|at| at.to_string()),
    })
}
