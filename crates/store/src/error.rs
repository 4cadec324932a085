//! What a database error means for callers of the ports.

use agentchains_ports::StoreError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::backend::refuses_data;

/// An error of the database as the ports know it.
///
/// What was refused because of the data, or read and not understood, will be so again; everything else may go
/// better next time.
pub(crate) fn store_error(error: DbErr) -> StoreError {
    let place = if refuses_data(&error) {
        "a constraint"
    } else if is_undecodable(&error) {
        "a column"
    } else {
        return StoreError::Unavailable(Box::new(error));
    };
    StoreError::Corrupt {
        place,
        source: Box::new(error),
    }
}

/// The error of the database that made the store unavailable.
pub(crate) fn database_error(error: &StoreError) -> Option<&DbErr> {
    match error {
        StoreError::Unavailable(source) => source.downcast_ref(),
        _ => None,
    }
}

fn is_undecodable(error: &DbErr) -> bool {
    match error {
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => true,
        DbErr::Query(RuntimeErr::SqlxError(error)) => {
            matches!(**error, SqlxError::ColumnDecode { .. } | SqlxError::Decode(_))
        }
        _ => false,
    }
}

/// The store was closed, or its task ended.
#[derive(Debug, thiserror::Error)]
#[error("the store was closed")]
struct Closed;

/// The error of every call after the store was closed.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable(Box::new(Closed))
}
