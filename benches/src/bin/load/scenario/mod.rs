//! The scenarios, each in a file of its name, and the measuring that they share.

mod big_database;
mod ceiling;
mod chain;
mod crash;
mod diamonds;
mod fan_out;
mod memory;
mod parked;
mod start_up;
mod starts;
mod throughput;

use clap::ValueEnum;
use tokio::time::Instant;

use crate::{
    connection::Connection,
    error::{LoadError, Result},
    filled::Filled,
    report::{Report, median},
    stage::{Settings, Workflow},
};

/// Something that is played and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// All of those below
    All,
    /// Ten calls one after the other, one execution at a time
    Chain,
    /// 2,000 such chains, 64 at once
    Throughput,
    /// One call, a hundred after it, and one after these
    #[value(name = "fanout-100")]
    FanOut100,
    /// One call, a thousand after it, and one after these
    #[value(name = "fanout-1000")]
    FanOut1000,
    /// 54 calls of 20 ms in four lanes of diamonds
    Diamonds,
    /// 100,000 executions that wait for a person
    Parked,
    /// The server is killed with 200 calls in flight
    Crash,
    /// How long the server takes to be ready
    StartUp,
    /// Resident memory, idle and busy
    Memory,
    /// Starts of a workflow that calls nobody
    Starts,
    /// 1,000,000 executions in the database against 1,000
    BigDatabase,
    /// A bare program that calls and commits, and nothing else
    Ceiling,
}

impl Scenario {
    /// Whether it looks at the database's file, or leaves executions behind that never end.
    const fn needs_own_database(self) -> bool {
        matches!(
            self,
            Self::Parked | Self::StartUp | Self::Memory | Self::BigDatabase
        )
    }
}

/// What the scenarios of one run share.
pub(crate) struct Run {
    pub(crate) settings: Settings,
    pub(crate) report: Report,
    /// A database of a million executions, once one was needed.
    filled: Option<Filled>,
}

impl Run {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            report: Report::default(),
            filled: None,
        }
    }

    /// Plays a scenario as often as is asked for.
    ///
    /// # Errors
    /// When it cannot be played to its end.
    pub(crate) async fn play(&mut self, scenario: Scenario) -> Result<()> {
        match scenario {
            Scenario::All => {
                let is_possible =
                    |one: &&Scenario| self.settings.database.is_none() || !one.needs_own_database();
                let possible = Scenario::value_variants().iter().skip(1).filter(is_possible);
                for one in possible.copied().collect::<Vec<_>>() {
                    Box::pin(self.play(one)).await?;
                }
                Ok(())
            }
            _ if self.settings.database.is_some() && scenario.needs_own_database() => Err(LoadError::new(
                format!("play {scenario:?} on a database that is given"),
            )),
            Scenario::Chain => chain::play(self).await,
            Scenario::Throughput => throughput::play(self).await,
            Scenario::FanOut100 => fan_out::play(self, &fan_out::HUNDRED).await,
            Scenario::FanOut1000 => fan_out::play(self, &fan_out::THOUSAND).await,
            Scenario::Diamonds => diamonds::play(self).await,
            Scenario::Parked => parked::play(self).await,
            Scenario::Crash => crash::play(self).await,
            Scenario::StartUp => start_up::play(self).await,
            Scenario::Memory => memory::play(self).await,
            Scenario::Starts => starts::play(self).await,
            Scenario::BigDatabase => big_database::play(self).await,
            Scenario::Ceiling => ceiling::play(self).await,
        }
    }

    /// The database of a million executions, which takes a while to make.
    async fn filled(&mut self) -> Result<&mut Filled> {
        let filled = match self.filled.take() {
            Some(filled) => filled,
            None => Filled::make(&self.settings).await?,
        };
        Ok(self.filled.insert(filled))
    }
}

/// The median of the milliseconds that `times` executions took, one after the other.
async fn median_ms(workflow: &Workflow, connection: &mut Connection, times: usize) -> Result<f64> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        workflow.run(connection).await?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(took))
}

/// A count as a number that can be divided.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and sizes here are far below 2^53"
)]
fn number(count: u64) -> f64 {
    count as f64
}
