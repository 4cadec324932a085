//! Table `seeds`: what earlier executions left behind for those that are made from them. A row never changes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seeds")]
pub struct Model {
    /// The execution that may take it over.
    #[sea_orm(primary_key, auto_increment = false)]
    pub execution_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub path: String,
    pub digest: Option<String>,
    /// JSON.
    pub output: String,
    pub branch: Option<String>,
    pub child_execution_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
