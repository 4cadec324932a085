//! What agents say that a task has used and cost, in the words of several kits.

use agentchains_cost::{ReportedCost, Usage};
use serde_json::{Value, json};

use crate::{
    support::reply,
    way::{Seen, Shared},
};

/// A convention: what it is called after, where its metadata stands, and what it says.
struct Convention {
    name: &'static str,
    config: Value,
    tokens: (u64, u64),
    /// In USD, as text.
    cost: Option<&'static str>,
    /// Whether only the stream shows all of it.
    is_per_call: bool,
}

fn conventions() -> Vec<Convention> {
    let total = |name, config, cost| Convention {
        name,
        config,
        tokens: (1200, 34),
        cost,
        is_per_call: false,
    };
    let tokens = json!({"input_tokens": 1200, "output_tokens": 34});
    let with_cost = json!({"input_tokens": 1200, "output_tokens": 34, "total_tokens": 1234, "cost": 0.0125});
    let of_call = |input, output| json!({"promptTokenCount": input, "candidatesTokenCount": output, "totalTokenCount": input + output});
    vec![
        total(
            "inference-gateway",
            json!({"completed": {"usage": {"prompt_tokens": 1200, "completion_tokens": 34, "total_tokens": 1234}}}),
            None,
        ),
        total(
            "opencode",
            json!({"completed": {"shared": {"usage": with_cost}}}),
            Some("0.0125"),
        ),
        total(
            "protoLabs",
            json!({"artifact": {"https://proto-labs.ai/a2a/ext/cost-v1": {"usage": tokens, "costUsd": 0.0125}}}),
            Some("0.0125"),
        ),
        total(
            "Mastra",
            json!({"completed": {"execution": {"usage": {"inputTokens": 1200, "outputTokens": 34, "totalTokens": 1234}}}}),
            None,
        ),
        Convention {
            name: "kagent",
            config: json!({"working": [
                {"kagent_usage_metadata": of_call(1000, 10)}, {"kagent_usage_metadata": of_call(2000, 20)},
            ]}),
            tokens: (3000, 30),
            cost: None,
            is_per_call: true,
        },
    ]
}

pub(crate) async fn what_agents_say_that_they_used_is_understood(way: Shared) {
    for mut convention in conventions() {
        let name = convention.name;
        convention.config["do"] = "usage".into();
        let replied = reply(
            way.call(&way.ask(name, convention.config), &Seen::default())
                .await,
        );
        if convention.is_per_call && !way.streams() {
            assert_ne!(
                replied.usage.map(|usage| usage.lower_bound),
                Some(false),
                "{name}"
            );
            continue;
        }
        let usage = replied.usage.unwrap_or_default();
        let Usage {
            input_tokens,
            output_tokens,
            lower_bound,
            ..
        } = usage;
        let (input, output) = convention.tokens;
        assert_eq!(
            (input_tokens, output_tokens, lower_bound),
            (Some(input), Some(output), false),
            "{name}"
        );
        let cost = convention.cost.map_or(ReportedCost::Absent, |cost| {
            ReportedCost::Usd(cost.parse().unwrap())
        });
        assert_eq!(replied.cost, cost, "{name}");
    }
}
