//! Starting and stopping the five agents.

use std::{io, net::Ipv4Addr, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Agent,
    log::RequestLog,
    server::serve,
    settings::{DemoSettings, Ports},
    skills::SKILLS,
};

/// One running agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoAgent {
    /// Its id, as workflows name it.
    pub id: &'static str,
    /// Its name, for people.
    pub name: &'static str,
    /// Its base address, without a slash at the end.
    pub url: String,
    /// What it does, in one sentence.
    pub description: &'static str,
}

/// The running agents. Dropping this stops them at once.
#[derive(Debug)]
pub struct DemoAgents {
    agents: Vec<DemoAgent>,
    log: RequestLog,
    stop: CancellationToken,
    servers: JoinSet<()>,
}

/// Starts all agents on 127.0.0.1. When this returns, they answer.
///
/// # Errors
/// When a port or the request log's file cannot be had, or the settings name an agent that is none of the five.
pub async fn start_all(settings: DemoSettings) -> io::Result<DemoAgents> {
    if let Some(unknown) = settings
        .delays
        .keys()
        .find(|id| SKILLS.iter().all(|skill| skill.id != id.as_str()))
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("there is no demo agent {unknown:?}"),
        ));
    }
    let log = RequestLog::open(settings.request_log.as_deref())?;
    let stop = CancellationToken::new();
    let (mut agents, mut servers) = (Vec::new(), JoinSet::new());
    for (position, &skill) in (0_u16..).zip(SKILLS) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.ports.at(position)?)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let agent = Agent::new(skill, url.clone(), settings.delay_of(skill.id), log.clone());
        servers.spawn(serve(listener, Arc::new(agent), stop.clone()));
        agents.push(DemoAgent {
            id: skill.id,
            name: skill.name,
            url,
            description: skill.description,
        });
    }
    Ok(DemoAgents {
        agents,
        log,
        stop,
        servers,
    })
}

impl DemoAgents {
    /// The agents: web-search, academic-search, summarizer, critic and flaky.
    #[must_use]
    pub fn agents(&self) -> &[DemoAgent] {
        &self.agents
    }

    /// The witness of what they were asked.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// Stops accepting, lets requests in flight end for a second, and returns when all is closed.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

impl Ports {
    /// The port of the agent at a position; 0 lets the system choose.
    fn at(self, position: u16) -> io::Result<u16> {
        match self {
            Self::Ephemeral => Ok(0),
            Self::From(first) => first.checked_add(position).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "five ports from this one on are too many",
                )
            }),
        }
    }
}
