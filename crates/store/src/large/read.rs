//! Rows as they were before anything was taken out of them.

use std::collections::{BTreeSet, HashMap};

use agentchains_machine::sha256_hex;
use agentchains_ports::StoreError;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Select, SelectTwo, Selector, SelectorTrait,
    TransactionSession, TransactionTrait,
};

use super::{MAX_HASHES, Payloads, text};
use crate::{entity::large_value, error::store_error, mapping::corrupt};

/// Values by their hashes.
type Values = HashMap<String, String>;

/// A query for rows with payloads, that can be made twice.
pub(crate) trait RowQuery: Clone + Send {
    type Row: Payloads + Send;

    fn selector(self) -> Selector<impl SelectorTrait<Item = Self::Row> + Send>;
}

impl<E: EntityTrait<Model: Payloads + Send>> RowQuery for Select<E> {
    type Row = E::Model;

    fn selector(self) -> Selector<impl SelectorTrait<Item = Self::Row> + Send> {
        self.into_model::<E::Model>()
    }
}

impl<E, F> RowQuery for SelectTwo<E, F>
where
    E: EntityTrait<Model: Send>,
    F: EntityTrait<Model: Send>,
    (E::Model, Option<F::Model>): Payloads,
{
    type Row = (E::Model, Option<F::Model>);

    fn selector(self) -> Selector<impl SelectorTrait<Item = Self::Row> + Send> {
        self.into_model::<E::Model, F::Model>()
    }
}

/// The rows of a query, whole. Nothing else is read where they hold no large values.
pub(crate) async fn rows<C, Q>(connection: &C, query: Q) -> Result<Vec<Q::Row>, StoreError>
where
    C: ConnectionTrait + TransactionTrait,
    Q: RowQuery,
{
    let first = query.clone().selector().all(connection).await;
    let mut rows = first.map_err(store_error)?;
    if references(&mut rows).is_empty() {
        return Ok(rows);
    }
    // Once more, and of one moment with the values: an execution may have been deleted with what it alone has used.
    let tx = connection.begin().await.map_err(store_error)?;
    rows = query.selector().all(&tx).await.map_err(store_error)?;
    let values = values(&tx, references(&mut rows)).await?;
    tx.commit().await.map_err(store_error)?;
    for (place, text) in rows.iter_mut().flat_map(Payloads::payloads) {
        if text::references(text).next().is_some() {
            *text = text::put_together(text, &values).map_err(|missing| corrupt(place, missing))?;
        }
    }
    Ok(rows)
}

fn references(rows: &mut [impl Payloads]) -> BTreeSet<String> {
    let texts = rows.iter_mut().flat_map(Payloads::payloads);
    texts
        .flat_map(|(_, text)| text::references(text))
        .map(str::to_owned)
        .collect()
}

/// Those of the wanted values that are there, with those that they refer to: one query for all, and one more for each
/// level of large values within large values.
async fn values(
    connection: &impl ConnectionTrait,
    mut wanted: BTreeSet<String>,
) -> Result<Values, StoreError> {
    let mut values = Values::new();
    while !wanted.is_empty() {
        let found = find(connection, wanted).await?;
        wanted = found
            .iter()
            .flat_map(|value| text::references(&value.body))
            .filter(|hash| !values.contains_key(*hash))
            .map(str::to_owned)
            .collect();
        values.extend(found.into_iter().map(|value| (value.hash, value.body)));
    }
    Ok(values)
}

async fn find(
    connection: &impl ConnectionTrait,
    wanted: BTreeSet<String>,
) -> Result<Vec<large_value::Model>, StoreError> {
    let wanted: Vec<String> = wanted.into_iter().collect();
    let mut found = Vec::with_capacity(wanted.len());
    for hashes in wanted.chunks(MAX_HASHES) {
        let values = large_value::Entity::find()
            .filter(large_value::Column::Hash.is_in(hashes))
            .all(connection)
            .await;
        found.extend(values.map_err(store_error)?);
    }
    match found.iter().find(|value| sha256_hex(&value.body) != value.hash) {
        Some(value) => {
            let problem = format!("the hash of the text is not {}", value.hash);
            Err(corrupt("large_values.body", problem))
        }
        None => Ok(found),
    }
}
