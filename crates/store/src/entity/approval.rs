//! Table `approvals`: the questions to people.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "approvals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// That of its execution.
    pub tenant: String,
    pub kind: String,
    pub status: String,
    pub execution_id: String,
    pub root_execution_id: String,
    pub node_id: String,
    pub path: String,
    pub message: String,
    /// JSON.
    pub shown: String,
    pub shown_hash: String,
    /// JSON.
    pub form: Option<String>,
    /// JSON array of text.
    pub actions: String,
    /// JSON array of text.
    pub approvers: String,
    pub quorum: i64,
    pub forbid_initiator: bool,
    /// JSON array.
    pub decisions: String,
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
