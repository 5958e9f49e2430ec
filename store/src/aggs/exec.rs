//! stub
use super::ast::Agg;
use crate::error::ApiError;
use crate::query::plan::Context;
use crate::segments::Snapshot;
pub(crate) struct Segment<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) snapshot: &'a dyn Snapshot,
    pub(crate) number: usize,
}
pub(crate) struct Tree;
impl Tree {
    pub(crate) fn new(_: &[(String, Agg)]) -> Result<Self, ApiError> {
        Ok(Self)
    }
    pub(crate) fn segment(&mut self, _: &Segment<'_>) -> Result<(), ApiError> {
        Ok(())
    }
    pub(crate) fn check(&self, _: &Context<'_>) -> Result<(), ApiError> {
        Ok(())
    }
    pub(crate) fn collect(&mut self, _: &[u32], _: &[u32]) -> Result<(), ApiError> {
        Ok(())
    }
    pub(crate) fn finish(&self) -> Result<serde_json::Value, ApiError> {
        Ok(serde_json::Value::Null)
    }
}
