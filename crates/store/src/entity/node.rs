//! Table `nodes`: where each node of each execution stands. A node without a row is pending.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "nodes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub execution_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    pub node_id: String,
    #[sea_orm(column_name = "type")]
    pub kind: String,
    pub position: i64,
    /// The word for `state`.
    pub status: String,
    /// JSON: the state with what belongs to it, but for amounts.
    pub state: String,
    pub attempts: i64,
    /// Those of them that came before the node around it was tried again.
    pub attempts_before: i64,
    /// Of a loop: the iteration that it is at.
    pub iteration: i64,
    /// JSON: what the node was asked.
    pub request: Option<String>,
    /// JSON: the agent's task of the last attempt.
    pub remote_task: Option<String>,
    pub cost: i64,
    pub cost_known: bool,
    pub overrun: i64,
    /// What is reserved for an attempt in flight.
    pub reserved: i64,
    /// What the child execution that runs has spent.
    pub child_spent: i64,
    /// What that one may spend.
    pub child_max_budget: Option<i64>,
    /// JSON.
    pub usage: Option<String>,
    pub reused: bool,
    pub child_execution_id: Option<String>,
    /// When time alone changes `state`.
    pub wake_at: Option<i64>,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
