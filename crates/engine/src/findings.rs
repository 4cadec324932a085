//! Findings about documents that only the engine can make, because it knows the agents and the other workflows.

use agentchains_cost::Usd;
use agentchains_machine::DEFAULT_ATTEMPT_TIMEOUT;
use agentchains_workflow::{Code, Compiled, Diagnostic, Node, NodeKind};

use crate::{
    Engine, EngineError, UnknownAgent, agents::TenantAgents, references::UnknownWorkflow, rings::Home,
};

impl Engine {
    /// What refuses a document that is valid by itself, and what may surprise in it.
    pub(crate) async fn findings(
        &self,
        tenant: &str,
        home: Home<'_>,
        workflow: &Compiled,
    ) -> Result<(Vec<Diagnostic>, Vec<Diagnostic>), EngineError> {
        let references = self.references(tenant, home, workflow).await?;
        let rings = references.rings.into_iter().map(|(pointer, way)| {
            let message = format!("the references to workflows form a ring: {way}");
            Diagnostic::new(Code::SubworkflowRecursion, pointer, message)
        });
        let mut warnings = self.warnings_about_agents(tenant, workflow);
        warnings.extend(references.unknown.iter().map(UnknownWorkflow::warning));
        warnings.extend(self.warnings_about_costs(tenant, workflow));
        Ok((rings.collect(), warnings))
    }

    /// The agents that nodes call and that cannot be called.
    pub(crate) fn unknown_agents(&self, tenant: &str, workflow: &Compiled) -> Vec<UnknownAgent> {
        let agents = self.shared.agents_of(tenant);
        workflow
            .agents()
            .filter(|(_, call)| agents.profile(&call.agent_id).is_none())
            .map(|(pointer, call)| UnknownAgent {
                agent_id: call.agent_id.clone(),
                inline: call.inline,
                pointer,
            })
            .collect()
    }

    pub(crate) fn warnings_about_agents(&self, tenant: &str, workflow: &Compiled) -> Vec<Diagnostic> {
        let unknown = self.unknown_agents(tenant, workflow);
        unknown
            .iter()
            .map(|agent| Diagnostic::new(Code::UnknownAgent, &*agent.pointer, agent.to_string()))
            .collect()
    }

    /// A budget cannot hold what nobody knows beforehand.
    fn warnings_about_costs(&self, tenant: &str, workflow: &Compiled) -> Vec<Diagnostic> {
        if workflow.settings().max_budget.is_none() {
            return Vec::new();
        }
        let agents = self.shared.agents_of(tenant);
        workflow
            .nodes()
            .filter(|node| agents.worst_case(node).is_none())
            .map(|node| {
                let message = format!(
                    "nobody knows what node {:?} may cost at the most; give it max_cost, or its agent a price",
                    node.id
                );
                Diagnostic::new(Code::UnboundedCost, &*node.pointer, message)
            })
            .collect()
    }
}

impl TenantAgents {
    /// The most that one attempt of a node may cost, as far as that is declared.
    pub(crate) fn worst_case(&self, node: &Node) -> Option<Usd> {
        let NodeKind::AgentCall(call) = &node.kind else {
            return Some(Usd::ZERO);
        };
        let profile = self.profile(&call.agent_id);
        let terms = profile.as_ref().map(|profile| &profile.terms);
        node.max_cost.or_else(|| terms?.max_cost).or_else(|| {
            let terms = terms?;
            terms
                .prices
                .worst_case(node.timeout.or(terms.timeout).unwrap_or(DEFAULT_ATTEMPT_TIMEOUT))
        })
    }
}

impl UnknownWorkflow {
    pub(crate) fn warning(&self) -> Diagnostic {
        let message = format!("{self}; store it before an execution starts");
        Diagnostic::new(Code::UnknownWorkflow, &*self.pointer, message)
    }
}
