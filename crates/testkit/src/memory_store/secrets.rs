//! Sealed secrets.

use agentchains_ports::{SealedSecret, SecretStore, StoreError};
use async_trait::async_trait;

use super::MemoryStore;

fn key(tenant: &str, name: &str) -> (String, String) {
    (tenant.to_owned(), name.to_owned())
}

#[async_trait]
impl SecretStore for MemoryStore {
    async fn secret(&self, tenant: &str, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        Ok(self.data().secrets.get(&key(tenant, name)).cloned())
    }

    async fn secrets(&self, tenant: &str) -> Result<Vec<SealedSecret>, StoreError> {
        let data = self.data();
        let of_tenant = data.secrets.iter().filter(|((of, _), _)| of == tenant);
        Ok(of_tenant.map(|(_, secret)| secret.clone()).collect())
    }

    async fn save_secret(&self, tenant: &str, secret: &SealedSecret) -> Result<(), StoreError> {
        let mut data = self.data();
        let kept = data
            .secrets
            .entry(key(tenant, &secret.name))
            .or_insert_with(|| secret.clone());
        kept.sealed.clone_from(&secret.sealed);
        kept.updated_at = secret.updated_at;
        Ok(())
    }

    async fn delete_secret(&self, tenant: &str, name: &str) -> Result<bool, StoreError> {
        Ok(self.data().secrets.remove(&key(tenant, name)).is_some())
    }
}
