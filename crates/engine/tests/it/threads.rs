//! Many executions on real threads: no wake-up is lost, and limits hold whatever runs when.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use agentchains_engine::{AgentRequest, Caller, Engine, LocalAgents, StartRequest, ports::AgentProfile};
use agentchains_testkit::MemoryStore;
use serde_json::json;

use crate::harness::calls;

const EXECUTIONS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn executions_that_compete_for_an_agent_all_end() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let limited = AgentProfile {
        max_concurrency: NonZeroU32::new(2),
        ..AgentProfile::default()
    };
    let agents = LocalAgents::new()
        .with("a", async |_| Ok(json!(1).into()))
        .with_profile("b", limited, {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            move |_: AgentRequest| {
                let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(json!(2).into())
                }
            }
        });
    let engine = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(agents)).start();
    let caller = Caller::anonymous();
    let document = calls("a b", "a>b").to_string();
    let workflow = engine.create_workflow(&caller, &document, None).await.unwrap();
    let agentchains_engine::ports::Creation::Created(workflow) = workflow else {
        panic!("replayed");
    };
    let ends: Vec<_> = (0..EXECUTIONS)
        .map(|_| {
            let (engine, id) = (engine.clone(), workflow.record.id);
            tokio::spawn(async move {
                let caller = Caller::anonymous();
                let id = engine
                    .start(&caller, id, StartRequest::default())
                    .await
                    .unwrap()
                    .id;
                let mut events = engine.follow(&caller, id, 0).await.unwrap();
                let mut count = 0;
                while events.next().await.unwrap().is_some() {
                    count += 1;
                }
                count
            })
        })
        .collect();
    for end in ends {
        assert_eq!(end.await.unwrap(), 6);
    }
    assert!(most.load(Ordering::SeqCst) <= 2);
}
