//! Workflows and their versions.

use std::error::Error;

use agentchains_machine::WorkflowId;
use agentchains_ports::{
    Change, Creation, Idempotency, NewVersion, VersionRecord, WorkflowFilter, WorkflowRecord,
};
use futures_util::future::try_join_all;

use super::{Ports, TestResult, first_page, read_all};
use crate::samples::{TENANT, at, workflow_id};

fn version(name: &str, ordinal: u32) -> NewVersion {
    NewVersion {
        name: name.to_owned(),
        description: (ordinal % 2 == 1).then(|| format!("the {ordinal}.")),
        document: format!(r#"{{ "b": {ordinal},  "a": 0.10 }}"#),
        hash: format!("hash-{ordinal}"),
        created_by: "ada".to_owned(),
        now: at(ordinal),
    }
}

fn record(id: WorkflowId, number: u32, latest: &NewVersion, first: &NewVersion) -> WorkflowRecord {
    WorkflowRecord {
        id,
        tenant: TENANT.to_owned(),
        name: latest.name.clone(),
        description: latest.description.clone(),
        version: number,
        archived: false,
        published: false,
        created_at: first.now,
        updated_at: latest.now,
    }
}

fn stored(id: WorkflowId, number: u32, version: NewVersion) -> VersionRecord {
    VersionRecord {
        workflow_id: id,
        version: number,
        document: version.document,
        hash: version.hash,
        created_by: version.created_by,
        created_at: version.now,
    }
}

async fn create<S: Ports>(store: &S, ordinal: u32, name: &str) -> TestResult {
    match store
        .create_workflow(TENANT, workflow_id(ordinal), version(name, ordinal), None)
        .await?
    {
        Creation::Created(_) => Ok(()),
        other => Err(format!("{other:?} is not a creation").into()),
    }
}

/// With its document as it was given, to the byte.
pub async fn a_workflow_is_read_back<S: Ports>(store: &S) -> TestResult {
    let id = workflow_id(1);
    let first = version("Research", 1);
    let expected = record(id, 1, &first, &first);
    let created = store.create_workflow(TENANT, id, first.clone(), None).await?;
    assert_eq!(created, Creation::Created(expected.clone()));
    assert_eq!(store.workflow(TENANT, id).await?, Some(expected));
    assert_eq!(store.version(id, 1).await?, Some(stored(id, 1, first)));
    assert_eq!(store.version(id, 2).await?, None);
    assert_eq!(store.version(workflow_id(2), 1).await?, None);
    Ok(())
}

/// With no version seen, to the latest one.
pub async fn a_version_is_added_to_the_one_that_was_seen<S: Ports>(store: &S) -> TestResult {
    let id = workflow_id(1);
    let first = version("Research", 1);
    store.create_workflow(TENANT, id, first.clone(), None).await?;
    let second = version("Deep Research", 2);
    let expected = record(id, 2, &second, &first);
    let added = store.add_version(TENANT, id, Some(1), second.clone()).await?;
    assert_eq!(added, Change::Done(expected.clone()));
    for seen in [0, 1, 3] {
        assert_eq!(
            store.add_version(TENANT, id, Some(seen), version("x", 3)).await?,
            Change::Stale
        );
    }
    assert_eq!(store.workflow(TENANT, id).await?, Some(expected));
    let third = version("Deepest Research", 3);
    let expected = record(id, 3, &third, &first);
    assert_eq!(
        store.add_version(TENANT, id, None, third).await?,
        Change::Done(expected)
    );
    let absent = store
        .add_version(TENANT, workflow_id(9), None, version("x", 9))
        .await?;
    assert_eq!(absent, Change::Absent);
    Ok(())
}

/// Parts of any size make up the whole.
pub async fn versions_never_change_and_are_listed_ascending<S: Ports>(store: &S) -> TestResult {
    let id = workflow_id(1);
    create(store, 1, "Research").await?;
    create(store, 2, "Another").await?;
    for ordinal in 2..=12 {
        store
            .add_version(TENANT, id, None, version("Research", ordinal))
            .await?;
    }
    let expected: Vec<_> = (1..=12)
        .map(|number| stored(id, number, version("Research", number)))
        .collect();
    for limit in [1, 5, 12, 200] {
        let versions = read_all!(limit, page => store.versions(id, page));
        assert_eq!(versions, expected, "in parts of {limit}");
    }
    Ok(())
}

/// Whether it was archived meanwhile or not, and however often.
pub async fn a_workflow_is_published_until_it_is_withdrawn<S: Ports>(store: &S) -> TestResult {
    let id = workflow_id(1);
    create(store, 1, "Research").await?;
    let before = store.workflow(TENANT, id).await?.ok_or("it is there")?;
    for published in [true, true, false, false, true] {
        let changed = store.set_published(TENANT, id, published).await?;
        let expected = WorkflowRecord {
            published,
            ..before.clone()
        };
        assert_eq!(changed, Some(expected.clone()));
        assert_eq!(store.workflow(TENANT, id).await?, Some(expected.clone()));
        for wanted in [true, false] {
            let filter = WorkflowFilter {
                published: Some(wanted),
                ..WorkflowFilter::default()
            };
            let found = store.workflows(TENANT, &filter, &first_page(50)).await?;
            let expected = (wanted == published).then(|| expected.clone());
            assert_eq!(found.items, Vec::from_iter(expected));
        }
    }
    store.archive_workflow(TENANT, id, None, at(50)).await?;
    let archived = store.workflow(TENANT, id).await?.ok_or("it is still there")?;
    assert!(
        archived.published,
        "an archived workflow is published again with its next version"
    );
    assert_eq!(store.set_published("other", id, false).await?, None);
    assert_eq!(store.set_published(TENANT, workflow_id(9), true).await?, None);
    Ok(())
}

/// Only the version that was seen is archived.
pub async fn archiving_is_done_once_and_undone_by_a_version<S: Ports>(store: &S) -> TestResult {
    let id = workflow_id(1);
    create(store, 1, "Research").await?;
    assert_eq!(
        store.archive_workflow(TENANT, id, Some(2), at(50)).await?,
        Change::Stale
    );
    assert_eq!(
        store.archive_workflow(TENANT, id, Some(1), at(50)).await?,
        Change::Done(())
    );
    assert_eq!(
        store.archive_workflow(TENANT, id, None, at(60)).await?,
        Change::Done(())
    );
    let archived = store.workflow(TENANT, id).await?.ok_or("it is still there")?;
    assert_eq!(
        (archived.archived, archived.version, archived.updated_at),
        (true, 1, at(50))
    );
    assert!(store.version(id, 1).await?.is_some());

    let again = store
        .add_version(TENANT, id, Some(1), version("Research", 70))
        .await?;
    assert!(matches!(again, Change::Done(record) if !record.archived && record.version == 2));
    assert_eq!(
        store
            .archive_workflow(TENANT, workflow_id(9), None, at(50))
            .await?,
        Change::Absent
    );
    Ok(())
}

/// Parts of any size make up the whole, with a filter and without.
pub async fn workflows_are_listed_newest_first_in_parts<S: Ports>(store: &S) -> TestResult {
    for ordinal in [3, 1, 4, 5, 9, 2, 6] {
        create(store, ordinal, &format!("Workflow {ordinal}")).await?;
    }
    for ordinal in [2, 4, 9] {
        store
            .archive_workflow(TENANT, workflow_id(ordinal), None, at(100))
            .await?;
    }
    for limit in [1, 2, 3, 7, 200] {
        for (archived, expected) in [
            (None, vec![9, 6, 5, 4, 3, 2, 1]),
            (Some(true), vec![9, 4, 2]),
            (Some(false), vec![6, 5, 3, 1]),
        ] {
            let filter = WorkflowFilter {
                archived,
                ..WorkflowFilter::default()
            };
            let records = read_all!(limit, page => store.workflows(TENANT, &filter, page));
            let ids: Vec<_> = records.into_iter().map(|record| record.id).collect();
            let expected: Vec<_> = expected.into_iter().map(workflow_id).collect();
            assert_eq!(ids, expected, "{archived:?} in parts of {limit}");
        }
    }
    Ok(())
}

/// Whatever the case, in any script; no character of the text is a wildcard.
pub async fn workflows_are_found_by_any_text_of_their_name<S: Ports>(store: &S) -> TestResult {
    let names = [
        "Parallel Research",
        "100 % sure_thing",
        "Überblick \\ Ärger",
        "research pipeline",
    ];
    for (ordinal, name) in (1_u32..).zip(names) {
        create(store, ordinal, name).await?;
    }
    for (text, expected) in [
        ("RESEARCH", vec![4, 1]),
        ("", vec![4, 3, 2, 1]),
        ("%", vec![2]),
        ("_", vec![2]),
        ("\\", vec![3]),
        ("überBLICK", vec![3]),
        ("äRG", vec![3]),
        ("' OR 1=1 --", vec![]),
    ] {
        let found = find(store, text).await?;
        assert_eq!(
            found,
            expected.into_iter().map(workflow_id).collect::<Vec<_>>(),
            "{text:?}"
        );
    }
    Ok(())
}

async fn find<S: Ports>(store: &S, text: &str) -> Result<Vec<WorkflowId>, Box<dyn Error + Send + Sync>> {
    let filter = WorkflowFilter {
        name_contains: Some(text.to_owned()),
        ..WorkflowFilter::default()
    };
    let page = store.workflows(TENANT, &filter, &first_page(50)).await?;
    Ok(page.items.into_iter().map(|record| record.id).collect())
}

/// By exactly its name, in its latest version.
pub async fn the_newest_active_workflow_of_a_name_is_found<S: Ports>(store: &S) -> TestResult {
    let names = ["Research", "Research", "research", "Research ", "Re%"];
    for (ordinal, name) in (1_u32..).zip(names) {
        create(store, ordinal, name).await?;
    }
    let (first, second) = (workflow_id(1), workflow_id(2));
    is_found(store, "Research", Some(second)).await?;
    is_found(store, "research", Some(workflow_id(3))).await?;
    is_found(store, "RESEARCH", None).await?;
    is_found(store, "Re%", Some(workflow_id(5))).await?;
    is_found(store, "' OR 1=1 --", None).await?;
    assert_eq!(store.find_by_name("other", "Research").await?, None);

    store.archive_workflow(TENANT, second, None, at(50)).await?;
    is_found(store, "Research", Some(first)).await?;
    store
        .add_version(TENANT, first, None, version("Renamed", 60))
        .await?;
    is_found(store, "Research", None).await?;
    is_found(store, "Renamed", Some(first)).await?;
    store
        .add_version(TENANT, second, None, version("Renamed", 70))
        .await?;
    is_found(store, "Renamed", Some(second)).await?;
    Ok(())
}

async fn is_found<S: Ports>(store: &S, name: &str, expected: Option<WorkflowId>) -> TestResult {
    let found = store.find_by_name(TENANT, name).await?;
    assert_eq!(found.as_ref().map(|record| record.id), expected, "{name:?}");
    if let Some(id) = expected {
        assert_eq!(found, store.workflow(TENANT, id).await?);
    }
    Ok(())
}

/// However many ask at the same time; another request with it is refused.
pub async fn a_key_makes_one_workflow<S: Ports>(store: &S) -> TestResult {
    let key = |fingerprint: &str| {
        let (key, fingerprint) = ("k".to_owned(), fingerprint.to_owned());
        Some(Idempotency {
            key,
            fingerprint,
            expires_at: at(1000),
        })
    };
    let requests = (1..=8).map(|ordinal| {
        store.create_workflow(
            TENANT,
            workflow_id(ordinal),
            version("Research", 1),
            key("POST /workflows"),
        )
    });
    let answers = try_join_all(requests).await?;
    let created = answers
        .iter()
        .filter(|answer| matches!(answer, Creation::Created(_)))
        .count();
    let replayed = answers
        .iter()
        .filter(|answer| matches!(answer, Creation::Replayed(_)))
        .count();
    assert_eq!((created, replayed), (1, 7));
    assert_eq!(find(store, "").await?.len(), 1);

    let other = store
        .create_workflow(TENANT, workflow_id(9), version("Other", 1), key("POST /other"))
        .await?;
    assert_eq!(other, Creation::KeyReused);
    assert_eq!(store.workflow(TENANT, workflow_id(9)).await?, None);
    Ok(())
}

/// To reading and to changing.
pub async fn a_workflow_of_another_tenant_is_absent<S: Ports>(store: &S) -> TestResult {
    let id = workflow_id(1);
    create(store, 1, "Research").await?;
    assert_eq!(store.workflow("other", id).await?, None);
    assert_eq!(
        store.add_version("other", id, None, version("x", 2)).await?,
        Change::Absent
    );
    assert_eq!(
        store.archive_workflow("other", id, None, at(2)).await?,
        Change::Absent
    );
    let listed = store
        .workflows("other", &WorkflowFilter::default(), &first_page(10))
        .await?;
    assert_eq!((listed.items, listed.next_cursor), (vec![], None));
    assert_eq!(
        store.workflow(TENANT, id).await?.map(|record| record.version),
        Some(1)
    );
    Ok(())
}
