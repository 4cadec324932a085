//! `flaky`: fails before it answers, in a way that can be foretold.
//!
//! Of the calls about the same thing (same text, config, input and upstream) the first fails and the second is
//! answered, and so on in turn. `config.fail_times` (0 to 1000, default 1) says how many fail before one is
//! answered, `config.fail_with` how: `"unavailable"` (default) is HTTP 503 with `Retry-After: 1`, `"task"` a task
//! that ends as failed.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Skill;
use crate::ask::Ask;

pub(super) const SKILL: Skill = Skill {
    id: "flaky",
    name: "Flaky",
    description: "Fails its first call about anything, then answers: for trying out retries and breakers.",
    cost_usd: 0.002,
    delay_ms: (200, 300),
    flaky: true,
    answer,
};

/// The most that `fail_times` can be.
const MAX_FAILURES: u64 = 1000;

/// The most questions that are remembered; beyond that all are forgotten at once.
const MAX_REMEMBERED: usize = 10_000;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answer,
    /// HTTP 503.
    Refuse,
    /// A task that fails.
    Fail,
}

/// Remembers how often each question has failed since it was last answered.
#[derive(Debug, Default)]
pub(crate) struct Mishaps {
    failed: HashMap<u64, u64>,
}

impl Mishaps {
    /// Decides on a call, and remembers it.
    pub(crate) fn verdict(&mut self, ask: &Ask) -> Verdict {
        let fail_times = ask
            .config
            .get("fail_times")
            .and_then(Value::as_u64)
            .unwrap_or(1)
            .min(MAX_FAILURES);
        if self.failed.len() >= MAX_REMEMBERED {
            self.failed.clear();
        }
        let failed = self.failed.entry(ask.fingerprint()).or_default();
        if *failed >= fail_times {
            *failed = 0;
            return Verdict::Answer;
        }
        *failed += 1;
        match ask.config.get("fail_with").and_then(Value::as_str) {
            Some("task") => Verdict::Fail,
            _ => Verdict::Refuse,
        }
    }
}

fn answer(ask: &Ask) -> Value {
    let query = ask.query();
    json!({"query": query, "answer": format!("At last, something about {query}.")})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(config: &Value) -> Ask {
        Ask::from_parts(&[json!({"data": {"config": config}})])
    }

    #[test]
    fn each_question_fails_as_often_as_it_says_before_it_is_answered() {
        use Verdict::{Answer, Fail, Refuse};
        let mut mishaps = Mishaps::default();
        for (config, expected) in [
            (json!({}), vec![Refuse, Answer, Refuse, Answer]),
            (
                json!({"fail_times": 2, "fail_with": "task"}),
                vec![Fail, Fail, Answer, Fail],
            ),
            (json!({"fail_times": 0}), vec![Answer, Answer]),
            (json!({"fail_times": -1}), vec![Refuse, Answer]),
        ] {
            let ask = ask(&config);
            let verdicts: Vec<Verdict> = expected.iter().map(|_| mishaps.verdict(&ask)).collect();
            assert_eq!(verdicts, expected, "{config}");
        }
    }
}
