//! Table `executions`: where each execution stands.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "executions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub workflow_id: String,
    pub workflow_version: i64,
    pub status: String,
    pub pause_reason: Option<String>,
    /// JSON.
    pub ending: Option<String>,
    /// JSON.
    pub output: Option<String>,
    /// JSON.
    pub error: Option<String>,
    pub max_budget: Option<i64>,
    pub on_budget: String,
    pub spent: i64,
    pub reserved: i64,
    pub cost_known: bool,
    /// JSON object of text.
    pub labels: String,
    pub initiated_by: String,
    pub parent_execution_id: Option<String>,
    /// Its own id at the top of a tree.
    pub root_execution_id: String,
    /// The parent's node that started it.
    pub parent_path: Option<String>,
    /// 1 at the top of a tree.
    pub depth: i64,
    /// Whether the parent's node waits for its end.
    pub parent_waits: bool,
    /// JSON: the budgets above that it draws from; of a child only.
    pub parent_budgets: Option<String>,
    /// Whether an execution above it is paused.
    pub parent_holds: bool,
    pub forked_from: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub deadline: Option<i64>,
    pub wake_at: Option<i64>,
    pub last_seq: i64,
    pub in_flight: i64,
    /// Child executions that it waits for.
    pub children: i64,
    pub nodes_total: i64,
    pub nodes_settled: i64,
    /// Whether a process drives it, or is told of its child executions.
    pub is_driven: bool,
    /// Claims after crashes since it last came any further.
    pub recoveries: i64,
    /// Counts the commits; with the epoch, the fence.
    pub revision: i64,
    /// The epoch of the process that claimed it last.
    pub lease_epoch: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_one = "super::execution_input::Entity")]
    Input,
}

impl Related<super::execution_input::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Input.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
