//! `terms` and `composite`.

use super::super::ast::Kind;
use super::super::exec::{Node, compare};
use super::super::table::Key;
use super::{Renderer, Result, key_json, order};
use crate::dates;
use serde_json::{Map, Value, json};

impl Renderer<'_> {
    pub(super) fn terms(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let Kind::Terms(terms) = &node.agg.kind else { return Ok(Value::Null) };
        let counts = &node.table.counts;
        let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
        // Those below the minimum are no bucket, and count as others.
        let total: u64 = found.iter().map(|(_, at)| counts[*at as usize]).sum();
        let mut below = 0;
        found.retain(|(_, at)| {
            let enough = counts[*at as usize] >= terms.min_count;
            below += if enough { 0 } else { counts[*at as usize] };
            enough
        });
        order::sort(node, &terms.order, &mut found)?;
        found.truncate(terms.size);
        self.take(found.len())?;
        let mut shown = below;
        let mut buckets = Vec::with_capacity(found.len());
        for (key, at) in found {
            shown += counts[at as usize];
            let mut head = Map::new();
            let (key, text) = key_json(&key, node.field(), terms.format.as_ref());
            head.insert("key".into(), key);
            if let Some(text) = text {
                head.insert("key_as_string".into(), json!(text));
            }
            buckets.push(Value::Object(self.bucket(node, Some(at), head)?));
        }
        Ok(
            json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": total + node.others - shown, "buckets": buckets}),
        )
    }

    pub(super) fn composite(&mut self, node: &Node, parent: Option<u32>) -> Result<Value> {
        let Kind::Composite(composite) = &node.agg.kind else { return Ok(Value::Null) };
        let mut found = parent.map_or_else(Vec::new, |parent| node.table.of(parent));
        found.sort_by(|a, b| compare(composite, &a.0, &b.0));
        found.truncate(composite.size);
        self.take(found.len())?;
        let mut buckets = Vec::with_capacity(found.len());
        let mut last = None;
        for (key, at) in found {
            let mut values = Map::new();
            let Key::Many(keys) = &key else { continue };
            for ((source, key), kind) in composite.sources.iter().zip(keys.iter()).zip(&node.fields) {
                let (value, _) = key_json(key, kind.as_ref(), None);
                let value = match (&source.format, key) {
                    (Some(format), Key::Int(millis)) => json!(dates::write(*millis, format)),
                    _ => value,
                };
                values.insert(source.name.clone(), value);
            }
            last = Some(values.clone());
            let head = Map::from_iter([("key".to_owned(), Value::Object(values))]);
            buckets.push(Value::Object(self.bucket(node, Some(at), head)?));
        }
        Ok(match last {
            Some(last) => json!({"after_key": last, "buckets": buckets}),
            None => json!({"buckets": buckets}),
        })
    }
}
