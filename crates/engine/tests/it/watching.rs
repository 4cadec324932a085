//! Following executions: gapless, in order, the terminal event last, and never silently cut short.

use agentchains_engine::{
    Caller, EventStream, Live, Notice,
    machine::{Event, EventType, ExecutionId},
};
use agentchains_testkit::Answer;
use serde_json::json;

use crate::harness::{World, calls, question, seconds, settle};

async fn rest(mut stream: EventStream) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await.unwrap() {
        events.push(event);
    }
    events
}

async fn follow(world: &World, id: ExecutionId, after_seq: u64) -> EventStream {
    world
        .engine
        .follow(&Caller::anonymous(), id, after_seq)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_follower_sees_every_event_once_and_the_terminal_one_last() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a b", "a>b")).await;
    let stream = follow(&world, id, 0).await;
    let seen = tokio::spawn(rest(stream));
    settle().await;
    world.agents.release_reply("a", json!(1));
    let seen = seen.await.unwrap();
    let numbers: Vec<u64> = seen.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=seen.len() as u64).collect::<Vec<_>>());
    assert_eq!(seen.last().unwrap().kind, EventType::ExecutionCompleted);
    assert_eq!(seen, world.events(id).await);
}

#[tokio::test]
async fn what_watchers_send_on_is_written_once_for_all_of_them() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let mut notices = world.engine.notices("default");
    let id = world.start(&calls("a", "")).await;
    let mut streams = [follow(&world, id, 0).await, follow(&world, id, 0).await];
    settle().await;
    // Each has caught up, so that what follows comes to all of them as it happens.
    let before = world.events(id).await.len();
    for stream in &mut streams {
        for _ in 0..before {
            stream.next().await.unwrap().unwrap();
        }
    }
    world.agents.release_reply("a", json!(1));
    settle().await;
    let mut written = Vec::new();
    for stream in &mut streams {
        while let Some(Live::Event(event)) = stream.next_live().await.unwrap() {
            let text = event.text(|event| format!("{} of the first stream", event.seq));
            written.push(text.clone());
        }
    }
    while let Some(Notice::Event { event, .. }) = notices.next().await.unwrap() {
        if event.seq > before as u64 {
            let text = event.text(|_| "written again".to_owned());
            assert!(written.contains(text), "{text:?}");
        }
        if event.kind == EventType::ExecutionCompleted {
            break;
        }
    }
    let (first, second) = written.split_at(written.len() / 2);
    assert_eq!(first, second);
    assert!(
        first
            .iter()
            .zip(second)
            .all(|(one, other)| one.as_ptr() == other.as_ptr())
    );
}

#[tokio::test]
async fn a_follower_may_begin_anywhere_and_at_any_time() {
    let world = World::new();
    let id = world.start(&calls("a b", "a>b")).await;
    settle().await;
    let all = world.events(id).await;
    for after in 0..=all.len() {
        let seen = rest(follow(&world, id, after as u64).await).await;
        assert_eq!(seen, all[after..], "after {after}");
    }
    assert!(rest(follow(&world, id, u64::MAX).await).await.is_empty());
}

#[tokio::test]
async fn a_follower_that_asks_beyond_the_last_event_gets_what_comes() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    let stream = follow(&world, id, 1_000).await;
    world.agents.wait_for_calls(1).await;
    world.agents.release_reply("a", json!(1));
    let kinds: Vec<_> = rest(stream).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventType::NodeCompleted, EventType::ExecutionCompleted]);
}

#[tokio::test]
async fn a_follower_reads_on_over_many_batches() {
    let world = World::new();
    let names: Vec<String> = (0..300).map(|number| format!("n{number}")).collect();
    let mut document = calls(&names.join(" "), "");
    for node in document["nodes"].as_array_mut().unwrap() {
        node["agent_id"] = json!("a");
    }
    let id = world.start(&document).await;
    let seen = rest(follow(&world, id, 0).await).await;
    assert_eq!(seen.len(), 2 + 2 * 300);
    assert!(seen.iter().zip(1..).all(|(event, seq)| event.seq == seq));
}

#[tokio::test]
async fn a_follower_s_future_may_be_dropped_at_any_await() {
    let world = World::new();
    world.agents.script("a", [Answer::held()]);
    let id = world.start(&calls("a", "")).await;
    let mut stream = follow(&world, id, 0).await;
    let mut seen = Vec::new();
    for round in 0.. {
        if round == 10 {
            world.agents.release_reply("a", json!(1));
        }
        tokio::select! {
            biased;
            event = stream.next() => match event.unwrap() {
                Some(event) => seen.push(event.seq),
                None => break,
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(seen, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_follower_ends_when_the_engine_stops() {
    let world = World::new();
    let id = world.start(&question(json!({}))).await;
    let stream = follow(&world, id, 0).await;
    let seen = tokio::spawn(rest(stream));
    settle().await;
    world.engine.shutdown(seconds(1)).await;
    assert_eq!(
        seen.await.unwrap().last().unwrap().kind,
        EventType::ExecutionPaused
    );
}

#[tokio::test]
async fn a_watcher_of_everything_sees_its_tenant_s_events_in_order() {
    let world = World::new();
    let mut notices = world.engine.notices("default");
    let mut elsewhere = world.engine.notices("elsewhere");
    let first = world.start(&calls("a", "")).await;
    let second = world.start(&calls("b", "")).await;
    settle().await;
    world.engine.shutdown(seconds(1)).await;
    let mut seen = Vec::new();
    while let Some(notice) = notices.next().await.unwrap() {
        if let Notice::Event { execution_id, event } = notice {
            seen.push((execution_id, event.seq));
        }
    }
    for id in [first, second] {
        let numbers: Vec<u64> = seen
            .iter()
            .filter(|(of, _)| *of == id)
            .map(|(_, seq)| *seq)
            .collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
    }
    assert!(elsewhere.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_watcher_that_is_too_slow_is_told_where_it_lost_track() {
    let world = World::new();
    let mut notices = world.engine.notices("default");
    // Six events each, so that the queue is full in the middle of an execution.
    let workflow = world.workflow(&calls("a b", "a>b")).await;
    for _ in 0..200 {
        world.start_again(workflow).await;
        settle().await;
    }
    let mut last = None;
    let missed = loop {
        match notices.next().await {
            Ok(Some(Notice::Event { execution_id, event })) => last = Some((execution_id, event.seq)),
            Ok(other) => panic!("{other:?}"),
            Err(missed) => break missed,
        }
    };
    assert_eq!(last, Some((missed.execution_id, missed.after_seq)));
    assert_eq!(notices.next().await.unwrap_err(), missed);
    // Reading on from there, nothing is missing.
    let events = rest(follow(&world, missed.execution_id, missed.after_seq).await).await;
    assert_eq!(events.first().map(|event| event.seq), Some(missed.after_seq + 1));
}

#[tokio::test]
async fn what_an_agent_says_while_it_works_is_heard_and_kept_nowhere() {
    let world = World::new();
    let mut notices = world.engine.notices("default");
    world.agents.script(
        "a",
        [Answer::held().saying("once upon").saying(&"ä".repeat(4096))],
    );
    world.agents.script("b", [Answer::held()]);
    let id = world.start(&calls("b a", "b>a")).await;
    settle().await;
    let mut live = follow(&world, id, 0).await;
    while world.agents.called().len() < 2 {
        live.next_live().await.unwrap();
        world.agents.release_reply("b", json!(1));
        settle().await;
    }
    world.agents.release_reply("a", json!(2));
    let mut heard = Vec::new();
    while let Some(next) = live.next_live().await.unwrap() {
        if let Live::Said(said) = next {
            heard.push((said.path.to_string(), said.text.clone()));
        }
    }
    let expected = [
        ("a".to_owned(), "once upon".to_owned()),
        ("a".to_owned(), "ä".repeat(2048)),
    ];
    assert_eq!(heard, expected);
    let mut noticed = 0;
    while noticed < 2 {
        if let Some(Notice::Said(_)) = notices.next().await.unwrap() {
            noticed += 1;
        }
    }
    let all = rest(follow(&world, id, 0).await).await;
    assert_eq!(
        all.iter().map(|event| event.seq).collect::<Vec<_>>(),
        (1..=all.len() as u64).collect::<Vec<_>>()
    );
}
