//! A gate that says what the test wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use agentchains_cost::PriceList;
use agentchains_machine::{AgentTerms, Gate, Refusal};
use jiff::Timestamp;
use serde_json::Value;

/// Every agent is registered and may be called, unless the test says otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptedGate {
    terms: BTreeMap<String, AgentTerms>,
    unregistered: BTreeSet<String>,
    refusals: BTreeMap<String, Refusal>,
    /// The agents whose calls were admitted, in order.
    pub(crate) admitted: Vec<String>,
}

impl ScriptedGate {
    pub(crate) fn unregister(&mut self, agent_id: &str) {
        self.unregistered.insert(agent_id.to_owned());
    }

    pub(crate) fn terms_of(&mut self, agent_id: &str) -> &mut AgentTerms {
        self.terms.entry(agent_id.to_owned()).or_default()
    }

    /// Sets what an agent charges, as in the API.
    pub(crate) fn prices(&mut self, agent_id: &str, pricing: Value) {
        let prices: PriceList = serde_json::from_value(pricing).unwrap();
        self.terms_of(agent_id).prices = prices;
    }

    pub(crate) fn busy(&mut self, agent_id: &str) {
        self.refusals.insert(agent_id.to_owned(), Refusal::Busy);
    }

    pub(crate) fn open(&mut self, agent_id: &str, retry_at: Timestamp) {
        self.refusals
            .insert(agent_id.to_owned(), Refusal::Open { retry_at });
    }

    pub(crate) fn well(&mut self, agent_id: &str) {
        self.refusals.remove(agent_id);
    }
}

impl Gate for ScriptedGate {
    fn terms(&self, agent_id: &str) -> Option<Arc<AgentTerms>> {
        if self.unregistered.contains(agent_id) {
            return None;
        }
        Some(Arc::new(self.terms.get(agent_id).cloned().unwrap_or_default()))
    }

    fn admit(&mut self, agent_id: &str, _now: Timestamp) -> Result<(), Refusal> {
        match self.refusals.get(agent_id) {
            Some(refusal) => Err(*refusal),
            None => {
                self.admitted.push(agent_id.to_owned());
                Ok(())
            }
        }
    }
}
