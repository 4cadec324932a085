//! Approvals on the terminal.

use std::io::{IsTerminal, Write, stderr, stdin};

use agentchains_engine::{
    Caller, Engine,
    machine::{ApprovalRow, ApprovalStatus, Decision, Event},
};

use crate::{exit::CommandError, terminal::printable};

/// Answers a question: by the person at the terminal, or with approval when `yes` says so.
///
/// With nobody to ask, the execution is cancelled rather than left waiting for ever.
pub(crate) async fn answer(
    engine: &Engine,
    caller: &Caller,
    event: &Event,
    yes: bool,
) -> Result<(), CommandError> {
    let Ok(asked) = serde_json::from_value::<ApprovalRow>(event.data.clone()) else {
        return Ok(());
    };
    let decision = if yes {
        asked.actions.first().cloned()
    } else if stdin().is_terminal() {
        ask(asked.clone()).await
    } else {
        say("nobody is there to decide; run it at a terminal, or with --yes");
        None
    };
    let Some(decision) = decision else {
        engine.cancel(caller, asked.execution_id).await?;
        return Ok(());
    };
    // Whoever runs it stands for all whose agreement is needed.
    for person in 1..=asked.quorum {
        let by = match person {
            1 => caller.name.clone(),
            _ => format!("{}-{person}", caller.name),
        };
        let decided = engine.decide(caller, decision_of(&asked, &decision, by)).await?;
        if decided.status != ApprovalStatus::Pending {
            break;
        }
    }
    Ok(())
}

fn decision_of(asked: &ApprovalRow, decision: &str, by: String) -> Decision {
    Decision {
        approval_id: asked.id,
        decision: decision.to_owned(),
        by,
        roles: Vec::new(),
        comment: None,
        data: None,
        shown_hash: Some(asked.shown_hash.clone()),
        request_key: None,
    }
}

/// Asks until one of the actions is named. `None` when there is no more input.
async fn ask(asked: ApprovalRow) -> Option<String> {
    let asking = tokio::task::spawn_blocking(move || {
        say(&format!("\n{}\n{:#}", asked.message, asked.shown));
        loop {
            say(&format!("{} ?", asked.actions.join(" / ")));
            let mut line = String::new();
            if stdin().read_line(&mut line).ok()? == 0 {
                return None;
            }
            let word = line.trim();
            let mut named = asked
                .actions
                .iter()
                .filter(|action| !word.is_empty() && action.starts_with(word));
            if let (Some(action), None) = (named.next(), named.next()) {
                return Some(action.clone());
            }
        }
    });
    asking.await.ok().flatten()
}

fn say(text: &str) {
    // Nothing can be done when standard error is closed.
    let _ = writeln!(stderr(), "{}", printable(text));
}
