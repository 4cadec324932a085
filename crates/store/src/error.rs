//! What a database error means for callers of the ports.

use agentchains_ports::StoreError;
use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// An error of the database as the ports know it.
///
/// What was refused because of the data, or read and not understood, will be so again; everything else may go
/// better next time.
pub(crate) fn store_error(error: DbErr) -> StoreError {
    let place = if breaks_constraint(&error) {
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

/// Whether the database refused a row because of what is in it, not because of its own condition.
pub(crate) fn breaks_constraint(error: &DbErr) -> bool {
    error.sql_err().is_some()
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
