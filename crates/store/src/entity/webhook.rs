//! Table `webhooks`: addresses that are told of events.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub url: String,
    /// JSON.
    pub events: String,
    pub workflow_id: Option<String>,
    pub secret: String,
    pub is_declared: bool,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
    pub failed_at: Option<i64>,
    pub failure: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
