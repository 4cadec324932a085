//! Table `attempts`: the ledger, one line for each attempt of a node.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub execution_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub agent_id: String,
    pub message_id: String,
    pub status: String,
    pub reserved: i64,
    pub cost: i64,
    pub cost_known: bool,
    /// JSON.
    pub lines: String,
    pub price_version: Option<i64>,
    pub overrun: i64,
    /// JSON.
    pub usage: Option<String>,
    /// JSON.
    pub error: Option<String>,
    pub started_at: i64,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
