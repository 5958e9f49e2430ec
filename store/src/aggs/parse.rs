//! stub
use super::ast::Agg;
use crate::error::ApiError;
pub(crate) fn parse(_: &serde_json::Value, _: usize) -> Result<Vec<(String, Agg)>, ApiError> {
    Err(ApiError::illegal("aggregations are not supported yet"))
}
