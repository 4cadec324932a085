//! Approvals on the terminal.

use std::io::{IsTerminal, Write, stderr, stdin};

use agentchains_engine::{
    Caller, Engine, EngineError,
    machine::{ApprovalKind, ApprovalRow, ApprovalStatus, Decision, Event, Rejected},
};
use serde_json::Value;

use crate::{exit::CommandError, terminal::printable};

/// Answers a question: by the person at the terminal, or with approval when `yes` says so. What an agent asks is for
/// the person even then, because there is no answer that agrees to everything.
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
    let yes = yes && asked.kind == ApprovalKind::Approval;
    let person = stdin().is_terminal() && !yes;
    loop {
        let answer = if yes {
            asked.actions.first().map(|action| Answer::of(action))
        } else if person {
            ask(asked.clone()).await
        } else {
            say(&nobody_decides(&asked));
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

fn nobody_decides(asked: &ApprovalRow) -> String {
    match asked.kind {
        ApprovalKind::Approval => "nobody is there to decide; run it at a terminal, or with --yes".to_owned(),
        ApprovalKind::AgentInput => {
            let ApprovalRow { path, message, .. } = asked;
            format!("{path}: {message}\nnobody is there to answer the agent; run it at a terminal")
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

/// What a person chose, said and filled in.
#[derive(Debug, Clone)]
struct Answer {
    action: String,
    comment: Option<String>,
    data: Option<Value>,
}

impl Answer {
    fn of(action: &str) -> Self {
        Self {
            action: action.to_owned(),
            comment: None,
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
        comment: answer.comment.clone(),
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
        let comment = match asked.kind {
            ApprovalKind::AgentInput => ask_for_comment()?,
            ApprovalKind::Approval => None,
        };
        let data = match &asked.form {
            Some(form) if action != "reject" => Some(ask_for_data(form)?),
            _ => None,
        };
        Some(Answer {
            action,
            comment,
            data,
        })
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

/// What the person has to say, which may be nothing. `None` when there is no more input.
fn ask_for_comment() -> Option<Option<String>> {
    say("what do you say to it, in one line ?");
    line().map(|text| (!text.is_empty()).then_some(text))
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
