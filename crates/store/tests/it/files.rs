//! The database file: who may open it, and what of it survives.

use std::{env, fs, path::Path, process::Command};

use agentchains_ports::{ExecutionQuery, ExecutionStore, SealedSecret, SecretStore};
use agentchains_store::{OpenError, Store};
use agentchains_testkit::{
    samples::{TENANT, at, changes, execution, execution_id},
    store_conformance::Backend,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::yield_now};

use crate::backends::{SqliteFile, options};

/// Names the database that [`the_other_process`] is to try.
const DATABASE: &str = "AGENTCHAINS_STORE_TEST_DATABASE";

async fn create(store: &Store, ordinals: std::ops::Range<u32>) {
    for ordinal in ordinals {
        store.create(changes(execution(ordinal), 1), None).await.unwrap();
    }
}

async fn holds(store: &Store, ordinals: std::ops::Range<u32>) {
    for ordinal in ordinals {
        let row = store.execution(TENANT, execution_id(ordinal)).await.unwrap();
        assert_eq!(row, Some(changes(execution(ordinal), 1).execution), "{ordinal}");
        assert_eq!(
            store.events(execution_id(ordinal), 0, 10).await.unwrap().len(),
            1,
            "{ordinal}"
        );
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_file_is_refused_until_the_first_is_closed() {
    let backend = SqliteFile::new();
    let first = Store::open(backend.options()).await.unwrap();
    let second = Store::open(backend.options()).await.err();
    assert!(
        matches!(&second, Some(OpenError::InUse { database }) if *database == backend.options().url),
        "{second:?}"
    );
    first.close().await;
    Store::open(backend.options()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_store_beside_another_writes_secrets_and_disturbs_nothing() {
    let secret = |name: &str| SealedSecret {
        name: name.to_owned(),
        sealed: vec![1],
        created_at: at(1),
        updated_at: at(1),
    };
    let backend = SqliteFile::new();
    let first = Store::open_beside(backend.options()).await.unwrap();
    first.save_secret(TENANT, &secret("a")).await.unwrap();
    first.close().await;

    let server = Store::open(backend.options()).await.unwrap();
    create(&server, 0..1).await;
    let beside = Store::open_beside(backend.options()).await.unwrap();
    beside.save_secret(TENANT, &secret("b")).await.unwrap();
    assert_eq!(server.secrets(TENANT).await.unwrap(), [secret("a"), secret("b")]);
    beside.close().await;
    create(&server, 1..2).await;
    holds(&server, 0..2).await;
    server.close().await;
}

#[tokio::test]
#[cfg(unix)]
async fn another_name_of_an_open_file_is_refused() {
    let backend = SqliteFile::new();
    let store = Store::open(backend.options()).await.unwrap();
    let link = backend.path().with_file_name("link.db");
    std::os::unix::fs::symlink(backend.path(), &link).unwrap();
    let second = Store::open(options(&link)).await.err();
    assert!(matches!(second, Some(OpenError::InUse { .. })), "{second:?}");
    store.close().await;
}

#[tokio::test]
#[cfg(unix)]
async fn a_file_with_a_second_name_is_refused_under_both() {
    let backend = SqliteFile::new();
    Store::open(backend.options()).await.unwrap().close().await;
    let link = backend.path().with_file_name("link.db");
    fs::hard_link(backend.path(), &link).unwrap();
    for name in [&backend.path(), &link] {
        let refused = Store::open(options(name)).await.err();
        assert!(
            matches!(&refused, Some(OpenError::Linked { path }) if path == name),
            "{refused:?}"
        );
    }
    fs::remove_file(link).unwrap();
    Store::open(backend.options()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_file_is_refused() {
    let backend = SqliteFile::new();
    let store = Store::open(backend.options()).await.unwrap();
    let other = Command::new(env::current_exe().unwrap())
        .args(["--exact", "files::the_other_process"])
        .env(DATABASE, backend.path())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&other.stdout);
    assert!(other.status.success() && report.contains("1 passed"), "{report}");
    store.close().await;
}

/// What [`a_second_process_on_the_same_file_is_refused`] runs in another process. By itself it does nothing.
#[tokio::test]
async fn the_other_process() {
    let Some(database) = env::var_os(DATABASE) else {
        return;
    };
    let refused = Store::open(options(Path::new(&database))).await.err();
    assert!(matches!(refused, Some(OpenError::InUse { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_said_to_be_the_reason() {
    let directory = TempDir::new().unwrap();
    let refused = Store::open(options(&directory.path().join("absent/store.db")))
        .await
        .err();
    assert!(matches!(refused, Some(OpenError::Lock { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let backend = SqliteFile::new();
    let text =
        "not a database, and long enough to be taken for one's header if nobody looked at it. ".repeat(20);
    fs::write(backend.path(), &text).unwrap();
    let refused = Store::open(backend.options()).await.err();
    assert!(
        matches!(
            refused,
            Some(OpenError::Connect { .. } | OpenError::Migrate { .. })
        ),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(backend.path()).unwrap(), text);
}

#[tokio::test]
async fn closing_leaves_one_file_with_everything_in_it() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    create(&store, 0..10).await;
    store.close().await;
    assert!(!backend.path().with_extension("db-wal").exists());

    let elsewhere = TempDir::new().unwrap();
    let copy = elsewhere.path().join("copy.db");
    fs::copy(backend.path(), &copy).unwrap();
    let store = Store::open(options(&copy)).await.unwrap();
    holds(&store, 0..10).await;
    store.close().await;
}

#[tokio::test]
async fn what_a_process_left_that_closed_its_store_is_taken_over_without_counting_a_crash() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    create(&store, 0..1).await;
    store.close().await;
    let store = backend.open().await.unwrap();
    let interrupted = store.interrupted(None, 10).await.unwrap();
    let claimed = store.claim(interrupted[0].id).await.unwrap().unwrap();
    assert_eq!(claimed.snapshot.execution.recoveries, 0);
    store.close().await;
}

/// The files as they are at some moment are what a crash at that moment would leave.
#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    for crash in 1..=5 {
        create(&store, (crash - 1) * 20..crash * 20).await;
        let wreck = TempDir::new().unwrap();
        let database = wreck.path().join("store.db");
        fs::copy(backend.path(), &database).unwrap();
        fs::copy(
            backend.path().with_extension("db-wal"),
            wreck.path().join("store.db-wal"),
        )
        .unwrap();

        let recovered = Store::open(options(&database)).await.unwrap();
        holds(&recovered, 0..crash * 20).await;
        let interrupted = recovered.interrupted(None, 1000).await.unwrap();
        assert_eq!(interrupted.len(), usize::try_from(crash * 20).unwrap());
        let claimed = recovered.claim(interrupted[0].id).await.unwrap().unwrap();
        assert_eq!(claimed.snapshot.execution.recoveries, 1);
        recovered.close().await;
    }
    store.close().await;
}

/// Opens a file that a store, which was dropped, gives up at any moment.
async fn open_when_free(backend: &SqliteFile) -> Store {
    loop {
        match Store::open(options(&backend.path())).await {
            Err(OpenError::InUse { .. }) => yield_now().await,
            opened => return opened.unwrap(),
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_runtime_that_ends_without_closing() {
    let backend = SqliteFile::new();
    for round in 0..3 {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let store = open_when_free(&backend).await;
            holds(&store, 0..round * 10).await;
            create(&store, round * 10..(round + 1) * 10).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_small_while_it_is_written_and_read_all_the_time() {
    const MOST: u64 = 64 << 20;
    let backend = SqliteFile::new();
    let store = backend.open().await.unwrap();
    let log = backend.path().with_extension("db-wal");
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                loop {
                    store.snapshot(TENANT, execution_id(0)).await.unwrap();
                }
            })
        })
        .collect();
    let mut written = 0;
    for ordinal in 0..500 {
        let mut large = changes(execution(ordinal), 1);
        large.execution.input = "x".repeat(256 << 10).as_str().into();
        store.create(large, None).await.unwrap();
        let bytes = fs::metadata(&log).unwrap().len();
        assert!(
            bytes <= MOST,
            "the log has {bytes} bytes after {ordinal} executions"
        );
        written += 256 << 10;
    }
    assert!(written > MOST, "it would have grown beyond that");
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    store.close().await;
}
