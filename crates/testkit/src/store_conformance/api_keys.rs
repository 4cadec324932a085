//! API keys.

use agentchains_ports::{ApiKey, Role};

use super::{Backend, Ports, TestResult};
use crate::samples::at;

fn key(id: &str, role: Role, seconds: u32) -> ApiKey {
    ApiKey {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        role,
        name: "the nightly build".to_owned(),
        hash: "9f86d081".to_owned(),
        created_at: at(seconds),
        revoked_at: None,
    }
}

/// Listed oldest first; an id is used once.
pub async fn api_keys_are_added_and_read_back<S: Ports>(store: &S) -> TestResult {
    assert_eq!(store.api_keys().await?, []);
    let mut added = Vec::new();
    for (ordinal, role) in (1_u32..).zip(Role::ALL) {
        added.insert(0, key(&format!("k{ordinal}"), role, 10 - ordinal));
        store.add_api_key(&added[0]).await?;
    }
    assert_eq!(store.api_keys().await?, added);
    assert_eq!(store.api_key("k2").await?, Some(key("k2", Role::Runner, 8)));
    assert_eq!(store.api_key("k9").await?, None);
    assert!(store.add_api_key(&key("k2", Role::Admin, 20)).await.is_err());
    assert_eq!(store.api_key("k2").await?, Some(key("k2", Role::Runner, 8)));
    Ok(())
}

/// For the first time that was said, and only that key.
pub async fn an_api_key_is_revoked_once<S: Ports>(store: &S) -> TestResult {
    for id in ["a", "b"] {
        store.add_api_key(&key(id, Role::Admin, 1)).await?;
    }
    assert!(store.revoke_api_key("a", at(5)).await?);
    assert!(store.revoke_api_key("a", at(6)).await?);
    assert!(!store.revoke_api_key("c", at(7)).await?);
    let revoked = store.api_key("a").await?.ok_or("it is still there")?;
    assert_eq!(revoked.revoked_at, Some(at(5)));
    assert_eq!(store.api_key("b").await?, Some(key("b", Role::Admin, 1)));
    Ok(())
}

/// What was added outlives the store.
pub async fn api_keys_are_there_after_reopening<B: Backend>(backend: &B) -> TestResult {
    use agentchains_ports::ApiKeyStore as _;

    let store = backend.open().await?;
    store.add_api_key(&key("a", Role::Viewer, 1)).await?;
    backend.close(store).await;
    let store = backend.open().await?;
    assert_eq!(store.api_key("a").await?, Some(key("a", Role::Viewer, 1)));
    backend.close(store).await;
    Ok(())
}
