//! `agentchains config`: which settings hold, and where each of them comes from.

use std::{io::Write as _, path::Path, process::ExitCode, time::Duration};

use clap::{ArgMatches, Args, Command, CommandFactory as _, Subcommand, parser::ValueSource};
use serde_json::{Value, json};

use crate::{
    cli::{Cli, OutputFormat, ServeArgs},
    exit::{CommandError, INVALID},
    settings::{self, Settings},
    terminal::{printable, table},
    wiring::wire,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Prints each setting with its value and where that comes from; no secret is shown
    #[command(after_help = "Example:\n  agentchains config show --config agentchains.toml")]
    Show(ShowArgs),
    /// Says whether the server would start with these settings, and what is wrong with them
    #[command(
        after_help = "Example:\n  agentchains config check --config agentchains.toml\n\nExit codes: 0 valid, 2 errors"
    )]
    Check {
        #[command(flatten)]
        server: ServeArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    server: ServeArgs,
    /// How they are printed
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

/// Shows or checks the settings that `serve` would run with.
pub(crate) async fn config(command: ConfigCommand) -> Result<ExitCode, CommandError> {
    match command {
        ConfigCommand::Show(args) => show(args),
        ConfigCommand::Check { server } => check(server).await,
    }
}

async fn check(server: ServeArgs) -> Result<ExitCode, CommandError> {
    match try_out(server).await {
        Ok(()) => {
            writeln!(std::io::stdout(), "the settings are valid")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            crate::report(&error);
            Ok(INVALID.into())
        }
    }
}

/// Wires everything together as `serve` does, but on a database of its own that is gone at once.
async fn try_out(server: ServeArgs) -> Result<(), CommandError> {
    let settings = Settings {
        database: "sqlite::memory:".to_owned(),
        ..Settings::load(server)?
    };
    settings.tls()?;
    settings.oidc.rules()?;
    let wired = wire(&settings, Vec::new()).await?;
    wired.engine.shutdown(Duration::ZERO).await;
    wired.store.close().await;
    Ok(())
}

fn show(args: ShowArgs) -> Result<ExitCode, CommandError> {
    let file = settings::file_path(args.server.config.as_deref());
    let in_file = settings::file_table(args.server.config.as_deref())?;
    let shown = Settings::load(args.server)?.shown();
    let command = Cli::command();
    let matches = command.clone().get_matches_from(Cli::words());
    let given = Given {
        matches: matches
            .subcommand_matches("config")
            .and_then(|of| of.subcommand_matches("show")),
        command: command.find_subcommand("serve"),
        file: &file,
        in_file: &in_file,
    };
    let rows = shown.into_iter().map(|(name, value)| {
        let source = given.source(&name);
        (name, value, source)
    });
    let mut out = std::io::stdout().lock();
    match args.output {
        OutputFormat::Json => {
            let settings: Vec<Value> = rows
                .map(|(name, value, source)| json!({"name": name, "value": value, "source": source}))
                .collect();
            writeln!(out, "{}", json!({ "settings": settings }))?;
        }
        OutputFormat::Table => {
            let mut table = table();
            table.set_header(["setting", "value", "from"]);
            for (name, value, source) in rows {
                let value = match value {
                    Value::Null => String::new(),
                    Value::String(text) => printable(&text),
                    other => printable(&other.to_string()),
                };
                table.add_row([name, value, source]);
            }
            writeln!(out, "{table}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where settings were given.
struct Given<'a> {
    matches: Option<&'a ArgMatches>,
    command: Option<&'a Command>,
    file: &'a Path,
    in_file: &'a toml::Table,
}

impl Given<'_> {
    /// Where the value of a setting comes from, as [`Settings::load`] looks for it.
    fn source(&self, name: &str) -> String {
        let (group, member) = match name.split_once('.') {
            Some((group, member)) => (group, Some(member)),
            None => (name, None),
        };
        // What may be repeated has a name in the singular on the command line.
        let (id, assigned) = match (group, member) {
            ("limits", member) => ("limit".to_owned(), member),
            ("caps", member) => ("cap".to_owned(), member),
            (group, Some(member)) => (format!("{group}_{member}"), None),
            (group, None) => (group.to_owned(), None),
        };
        let argument = self.command.and_then(|command| {
            command
                .get_arguments()
                .find(|argument| argument.get_id() == id.as_str())
        });
        if let Some(argument) = argument {
            match self.on_command_line(&id, assigned) {
                Some(ValueSource::CommandLine) => return format!("--{}", argument.get_long().unwrap_or(&id)),
                Some(ValueSource::EnvVariable) => {
                    let variable = argument.get_env().unwrap_or_default();
                    return variable.to_string_lossy().into_owned();
                }
                _ => {}
            }
        }
        let found = self.in_file.get(group);
        let is_in_file = match member {
            Some(member) => found.and_then(|table| table.get(member)).is_some(),
            None => found.is_some(),
        };
        if is_in_file {
            self.file.display().to_string()
        } else {
            "default".to_owned()
        }
    }

    fn on_command_line(&self, id: &str, member: Option<&str>) -> Option<ValueSource> {
        let matches = self.matches?;
        let Some(member) = member else {
            return matches.value_source(id);
        };
        let names_it = |assignment: &String| assignment.split('=').next() == Some(member);
        let is_given = matches
            .get_many::<String>(id)
            .is_some_and(|mut all| all.any(names_it));
        is_given.then(|| matches.value_source(id)).flatten()
    }
}
