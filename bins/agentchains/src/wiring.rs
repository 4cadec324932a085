//! Wiring: the one place where store, agents, engine and surfaces meet.

use std::{str::FromStr, sync::Arc};

use agentchains_a2a::A2aServer;
use agentchains_agents::{AddressPolicy, AgentRunner, Outbound, Registry, SecretPolicy, Vault, Webhooks};
use agentchains_engine::{
    Caller, Engine, SystemClock,
    ports::{AgentDefinition, Clock, EventSink},
};
use agentchains_http::{Access, App, ServerOptions, ServerTls};
use agentchains_mcp::McpServer;
use agentchains_store::{Durability, Store, StoreOptions};
use tokio_util::sync::CancellationToken;

use crate::{
    cli,
    exit::CommandError,
    settings::{Settings, secrets_key},
    telemetry::Metrics,
};

/// An engine with everything that it stands on.
pub(crate) struct Wired {
    pub(crate) engine: Engine,
    pub(crate) agents: Arc<Registry>,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) store: Store,
}

/// Opens the store, registers the agents, and starts the engine on both.
///
/// The agents come first: what an earlier process left unfinished is taken over as soon as the engine starts.
pub(crate) async fn wire(settings: &Settings, agents: Vec<AgentDefinition>) -> Result<Wired, CommandError> {
    let policy = AddressPolicy::from_str(&settings.allow_agent_addresses)?;
    let secrets = SecretPolicy::from_str(&settings.allow_agent_secrets)?;
    let mut options = StoreOptions::new(&settings.database);
    options.durability = match settings.durability {
        cli::Durability::Full => Durability::Full,
        cli::Durability::Normal => Durability::Normal,
    };
    let store = Store::open(options).await?;
    let clock = Arc::new(SystemClock::new());
    let outbound = Outbound::new(policy, Arc::clone(&clock) as Arc<dyn Clock>)?;
    let key = secrets_key(settings.secrets_key_file.as_deref())?;
    let vault = Vault::new(Arc::new(store.clone()), &Caller::anonymous().tenant, key);
    let webhooks = Webhooks::load(
        Arc::new(store.clone()),
        outbound.clone(),
        vault.clone(),
        agentchains_http::event_text,
        Arc::clone(&clock) as Arc<dyn Clock>,
    );
    let webhooks = webhooks.await?;
    webhooks.declare(settings.webhooks.clone(), clock.now()).await?;
    let registry = Registry::load_with_vault(Arc::new(store.clone()), outbound, vault, secrets).await?;
    for definition in settings.agents.clone() {
        let agent_id = definition.agent_id.clone();
        let declared = registry.declare(definition, clock.now()).await;
        declared.map_err(|source| CommandError::Agent { agent_id, source })?;
    }
    for definition in agents {
        let agent_id = definition.agent_id.clone();
        registry
            .upsert(&Caller::anonymous().tenant, definition, clock.now())
            .await
            .map_err(|source| CommandError::Agent { agent_id, source })?;
    }
    let mut runner = AgentRunner::new(Arc::clone(&registry));
    if settings.allow_inline_endpoints {
        runner = runner.with_inline_endpoints();
    }
    let engine = Engine::builder(Arc::new(store.clone()), Arc::new(runner))
        .clock(clock)
        .limits(settings.limits)
        .caps(settings.caps)
        .retention(settings.retention)
        .sink(Arc::clone(&webhooks) as Arc<dyn EventSink>)
        .start();
    Ok(Wired {
        engine,
        agents: registry,
        webhooks,
        store,
    })
}

impl Wired {
    /// `stop` ends the connections that would not end by themselves.
    pub(crate) fn app(
        &self,
        settings: &Settings,
        metrics: &Metrics,
        tls: Option<ServerTls>,
        stop: &CancellationToken,
    ) -> Result<App, CommandError> {
        let mut options = ServerOptions::default();
        options.allowed_origins.clone_from(&settings.allowed_origins);
        options.rate_limit = settings.rate_limit;
        let keys = || Arc::new(self.store.clone());
        Ok(App {
            engine: self.engine.clone(),
            agents: Arc::clone(&self.agents) as _,
            webhooks: Some(Arc::clone(&self.webhooks) as _),
            metrics: Some(metrics.renderer()),
            doors: vec![
                agentchains_mcp::router(McpServer {
                    engine: self.engine.clone(),
                    approvals: settings.mcp_approvals,
                    stop: stop.clone(),
                }),
                agentchains_a2a::router(A2aServer {
                    engine: self.engine.clone(),
                    publish_all: settings.a2a_publish == cli::A2aPublish::All,
                    tck: settings.a2a_tck,
                    origins: settings.allowed_origins.clone(),
                    has_tls: tls.is_some(),
                    needs_key: settings.auth == cli::Auth::Required,
                    stop: stop.clone(),
                }),
            ],
            access: match settings.auth {
                cli::Auth::Off => Access::Open,
                cli::Auth::Required => match settings.oidc.rules()? {
                    None => Access::Keys(keys()),
                    Some(rules) => Access::KeysAndTokens(keys(), rules),
                },
            },
            tls,
            options,
        })
    }
}
