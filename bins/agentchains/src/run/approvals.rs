//! Approvals on the terminal.

use std::io::{IsTerminal, Write, stderr, stdin};

use agentchains_engine::{
    Caller, Engine, EngineError,
    machine::{ApprovalRow, ApprovalStatus, Decision, Event, Rejected},
};
use serde_json::Value;

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
    let Some(asked) = event.data.read::<ApprovalRow>() else {
        return Ok(());
    };
    let person = stdin().is_terminal() && !yes;
    loop {
        let answer = if yes {
            asked.actions.first().map(|action| Answer::of(action))
        } else if person {
            ask(asked.clone()).await
        } else {
            say("nobody is there to decide; run it at a terminal, or with --yes");
            None
        };
        let Some(answer) = answer else {
            engine.cancel(caller, asked.execution_id).await?;
            return Ok(());
        };
        match decide(engine, caller, &asked, &answer).await {
            Err(EngineError::Rejected(Rejected::FormMismatch { message })) if person => {
                say(&format!("that does not fit the form: {message}"));
            }
            decided => return Ok(decided?),
        }
    }
}

/// Decides for all whose agreement is needed: whoever runs it stands for them.
async fn decide(
    engine: &Engine,
    caller: &Caller,
    asked: &ApprovalRow,
    answer: &Answer,
) -> Result<(), EngineError> {
    for person in 1..=asked.quorum {
        let by = match person {
            1 => caller.name.clone(),
            _ => format!("{}-{person}", caller.name),
        };
        let decided = engine.decide(caller, decision_of(asked, answer, by)).await?;
        if decided.status != ApprovalStatus::Pending {
            break;
        }
    }
    Ok(())
}

/// What a person chose and filled in.
#[derive(Debug, Clone)]
struct Answer {
    action: String,
    data: Option<Value>,
}

impl Answer {
    fn of(action: &str) -> Self {
        Self {
            action: action.to_owned(),
            data: None,
        }
    }
}

fn decision_of(asked: &ApprovalRow, answer: &Answer, by: String) -> Decision {
    Decision {
        approval_id: asked.id,
        decision: answer.action.clone(),
        by,
        roles: Vec::new(),
        comment: None,
        data: answer.data.clone(),
        shown_hash: Some(asked.shown_hash.clone()),
        request_key: None,
    }
}

/// Asks until one of the actions is named, and where there is a form, until it is filled in. `None` when there is no
/// more input.
async fn ask(asked: ApprovalRow) -> Option<Answer> {
    let asking = tokio::task::spawn_blocking(move || {
        say(&format!(
            "\n{}: {}\n{:#}",
            asked.path,
            asked.message,
            asked.shown.to_value()
        ));
        let action = ask_for_action(&asked.actions)?;
        let data = match &asked.form {
            Some(form) if action != "reject" => Some(ask_for_data(form)?),
            _ => None,
        };
        Some(Answer { action, data })
    });
    asking.await.ok().flatten()
}

fn ask_for_action(actions: &[String]) -> Option<String> {
    loop {
        say(&format!("{} ?", actions.join(" / ")));
        let word = line()?;
        let mut named = actions
            .iter()
            .filter(|action| !word.is_empty() && action.starts_with(&word));
        if let (Some(action), None) = (named.next(), named.next()) {
            return Some(action.clone());
        }
    }
}

fn ask_for_data(form: &Value) -> Option<Value> {
    say(&format!("form: {form:#}"));
    loop {
        say("data as JSON, in one line ?");
        match serde_json::from_str(&line()?) {
            Ok(data) => return Some(data),
            Err(error) => say(&format!("that is no JSON: {error}")),
        }
    }
}

fn line() -> Option<String> {
    let mut line = String::new();
    let read = stdin().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim().to_owned())
}

fn say(text: &str) {
    // Nothing can be done when standard error is closed.
    let _ = writeln!(stderr(), "{}", printable(text));
}
