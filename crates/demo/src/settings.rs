//! How the agents are started.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Settings of all agents together. The default is five agents on free ports with realistic delays.
#[derive(Debug, Clone, Default)]
pub struct DemoSettings {
    /// Where they listen.
    pub ports: Ports,
    /// How long every task takes, instead of each agent's own 200 to 900 ms. At most a day.
    pub delay: Option<Duration>,
    /// The same for single agents, by id; wins over `delay`.
    pub delays: BTreeMap<String, Duration>,
    /// A file to which a line is appended for each request, and synced to disk before the request is acted upon.
    pub request_log: Option<PathBuf>,
}

/// Where the agents listen, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ports {
    /// On ports that the operating system chooses.
    #[default]
    Ephemeral,
    /// On this port and the ones after it, in the order of [`DemoAgents::agents`](crate::DemoAgents::agents).
    From(u16),
}

/// The longest delay, so that moments stay within the clock's range.
const MAX_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

impl DemoSettings {
    /// The delay that is set for an agent.
    pub(crate) fn delay_of(&self, agent_id: &str) -> Option<Duration> {
        self.delays
            .get(agent_id)
            .copied()
            .or(self.delay)
            .map(|delay| delay.min(MAX_DELAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_own_delay_wins_and_none_is_longer_than_a_day() {
        let settings = DemoSettings {
            delay: Some(Duration::MAX),
            delays: BTreeMap::from([("critic".to_owned(), Duration::ZERO)]),
            ..DemoSettings::default()
        };
        assert_eq!(settings.delay_of("critic"), Some(Duration::ZERO));
        assert_eq!(settings.delay_of("flaky"), Some(MAX_DELAY));
        assert_eq!(DemoSettings::default().delay_of("flaky"), None);
    }
}
