//! Table `breakers`: circuit breakers as they last changed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "breakers")]
pub struct Model {
    /// Given by the database, and never twice.
    #[sea_orm(primary_key)]
    pub change: i64,
    /// Whose agent it is; empty for one that all tenants share.
    pub tenant: String,
    pub agent_id: String,
    /// What was known of the breaker, as JSON.
    pub snapshot: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
