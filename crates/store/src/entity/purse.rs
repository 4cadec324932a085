//! Table `purses`: budgets that several executions draw from at the same time.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "purses")]
pub struct Model {
    /// The id of the execution whose budget it is, or the tenant and the period of its cap.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub max_budget: Option<i64>,
    pub spent: i64,
    pub reserved: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
