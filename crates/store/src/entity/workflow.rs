//! Table `workflows`: the workflows, without their documents.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workflows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub tenant: String,
    pub name: String,
    /// The name in lower case (Unicode), which databases do differently, if at all.
    pub name_folded: String,
    pub description: Option<String>,
    pub version: i64,
    pub archived: bool,
    /// Whether it is offered as an A2A agent.
    pub published: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
