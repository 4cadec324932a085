//! Terminal executions in SQL: nothing changes them, and what is theirs goes with them only (I1).

use agentchains_machine::ExecutionStatus;
use sea_orm::{ColumnTrait, sea_query::Expr};

use crate::entity::execution::Column;

/// An execution that is terminal.
pub(crate) fn terminal() -> Expr {
    Column::Status.is_in(terminal_words())
}

/// An execution that is not terminal. Not as a list of the other statuses: SQLite would go by an index on them,
/// through all that wait, where an index on the time finds the few that are due.
pub(crate) fn not_terminal() -> Expr {
    Column::Status.is_not_in(terminal_words())
}

/// The words for their statuses.
pub(crate) fn terminal_words() -> impl Iterator<Item = &'static str> {
    ExecutionStatus::ALL
        .iter()
        .filter(|status| status.is_terminal())
        .map(|status| status.as_str())
}
