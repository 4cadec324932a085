//! `agentchains secrets`: the encrypted store, in the database itself, whether a server has it open or not.

use std::{
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
    sync::Arc,
};

use agentchains_agents::Vault;
use agentchains_engine::{SystemClock, ports::Clock};
use agentchains_store::{Store, StoreOptions};
use serde_json::json;

use crate::{
    cli::{OutputFormat, SecretsCommand, SecretsPlace},
    exit::{CommandError, FAILED},
    settings::secrets_place,
    terminal::table,
};

/// The most that is read of standard input, in bytes: more than any secret may have.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// Stores, lists or removes secrets.
pub(crate) async fn secrets(command: SecretsCommand) -> Result<ExitCode, CommandError> {
    match command {
        SecretsCommand::Set { name, place } => {
            let secret = read_secret()?;
            let (store, vault) = open(place).await?;
            let stored = vault.set(&name, secret.into(), SystemClock::new().now()).await;
            store.close().await;
            stored?;
            Ok(ExitCode::SUCCESS)
        }
        SecretsCommand::List { place, output } => {
            let (store, vault) = open(place).await?;
            let listed = vault.list().await;
            store.close().await;
            let names = listed?.into_iter().map(|secret| {
                [
                    secret.name,
                    secret.created_at.to_string(),
                    secret.updated_at.to_string(),
                ]
            });
            print(names, output)?;
            Ok(ExitCode::SUCCESS)
        }
        SecretsCommand::Delete { name, place } => {
            let (store, vault) = open(place).await?;
            let deleted = vault.delete(&name).await;
            store.close().await;
            Ok(if deleted? {
                ExitCode::SUCCESS
            } else {
                none_of(&name)
            })
        }
    }
}

async fn open(place: SecretsPlace) -> Result<(Store, Vault), CommandError> {
    let tenant = place.tenant.clone();
    let (database, key) = secrets_place(place)?;
    let store = Store::open_beside(StoreOptions::new(&database)).await?;
    let vault = Vault::new(Arc::new(store.clone()), &tenant, key);
    Ok((store, vault))
}

/// The secret comes on standard input, because arguments are seen by everybody who lists processes.
#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
fn read_secret() -> Result<String, CommandError> {
    let input = io::stdin().lock();
    if input.is_terminal() {
        eprintln!("Type the secret, then Ctrl-D on a line of its own.");
    }
    let mut secret = String::new();
    input
        .take(MAX_INPUT_BYTES)
        .read_to_string(&mut secret)
        .map_err(|error| {
            CommandError::Usage(format!("the secret on standard input cannot be read: {error}"))
        })?;
    Ok(secret)
}

#[expect(clippy::print_stderr, reason = "this is where the command line speaks")]
fn none_of(name: &str) -> ExitCode {
    eprintln!("error: no secret {name:?} is stored; see `agentchains secrets list`");
    FAILED.into()
}

fn print(secrets: impl Iterator<Item = [String; 3]>, format: OutputFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Json => {
            let secrets: Vec<_> = secrets
                .map(|[name, created_at, updated_at]| {
                    json!({"name": name, "created_at": created_at, "updated_at": updated_at})
                })
                .collect();
            writeln!(out, "{}", json!({ "secrets": secrets }))
        }
        OutputFormat::Table => {
            let mut table = table();
            table.set_header(["name", "created", "updated"]).add_rows(secrets);
            writeln!(out, "{table}")
        }
    }
}
