//! Sealed secrets.

use agentchains_ports::SealedSecret;

use super::{Backend, Ports, TestResult};
use crate::samples::at;

fn sealed(name: &str, sealed: &[u8], seconds: u32) -> SealedSecret {
    SealedSecret {
        name: name.to_owned(),
        sealed: sealed.to_vec(),
        created_at: at(seconds),
        updated_at: at(seconds),
    }
}

/// Listed by name; who replaces one changes what is sealed and when.
pub async fn secrets_are_saved_replaced_and_deleted<S: Ports>(store: &S) -> TestResult {
    assert_eq!(store.secrets("acme").await?, []);
    let (second, first) = (sealed("b", &[0, 255, 10], 1), sealed("a", &[], 2));
    store.save_secret("acme", &second).await?;
    store.save_secret("acme", &first).await?;
    assert_eq!(store.secrets("acme").await?, [first.clone(), second.clone()]);
    assert_eq!(store.secret("acme", "b").await?, Some(second.clone()));

    store.save_secret("acme", &sealed("b", &[7], 3)).await?;
    let replaced = SealedSecret {
        created_at: second.created_at,
        ..sealed("b", &[7], 3)
    };
    assert_eq!(store.secret("acme", "b").await?, Some(replaced));

    assert!(store.delete_secret("acme", "b").await?);
    assert!(!store.delete_secret("acme", "b").await?);
    assert_eq!(store.secret("acme", "b").await?, None);
    assert_eq!(store.secrets("acme").await?, [first]);
    Ok(())
}

/// The same name is another secret elsewhere.
pub async fn secrets_belong_to_tenants<S: Ports>(store: &S) -> TestResult {
    store.save_secret("acme", &sealed("a", &[1], 1)).await?;
    assert_eq!(store.secret("other", "a").await?, None);
    assert_eq!(store.secrets("other").await?, []);
    assert!(!store.delete_secret("other", "a").await?);
    store.save_secret("other", &sealed("a", &[2], 1)).await?;
    assert_eq!(store.secret("acme", "a").await?, Some(sealed("a", &[1], 1)));
    Ok(())
}

/// What was saved outlives the store.
pub async fn secrets_are_there_after_reopening<B: Backend>(backend: &B) -> TestResult {
    use agentchains_ports::SecretStore as _;

    let store = backend.open().await?;
    store.save_secret("acme", &sealed("a", &[1], 1)).await?;
    backend.close(store).await;
    let store = backend.open().await?;
    assert_eq!(store.secret("acme", "a").await?, Some(sealed("a", &[1], 1)));
    backend.close(store).await;
    Ok(())
}
