//! [`Plan`] → tantivy's queries.

use super::Fields;
use super::dictionary::DictionaryQuery;
use super::phrase::Phrase;
use super::range::NumberQuery;
use crate::query::plan::Plan;
use std::ops::Bound;
use std::sync::Arc;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, ExistsQuery, Occur,
    Query, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

/// Builds the tantivy query of a plan.
pub(crate) fn lower(plan: &Plan, fields: &Fields) -> Box<dyn Query> {
    match plan {
        Plan::All => Box::new(AllQuery),
        Plan::None => Box::new(EmptyQuery),
        Plan::Bool { must, filter, should, must_not, minimum } => {
            let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
            clauses.extend(must.iter().map(|p| (Occur::Must, lower(p, fields))));
            // A filter is a must without a score.
            clauses.extend(filter.iter().map(|p| {
                let query: Box<dyn Query> = Box::new(ConstScoreQuery::new(lower(p, fields), 0.0));
                (Occur::Must, query)
            }));
            clauses.extend(should.iter().map(|p| (Occur::Should, lower(p, fields))));
            if clauses.is_empty() || (must.is_empty() && filter.is_empty() && *minimum == 0) {
                // Something must match for a negation to be taken from; it does not add to the score.
                clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0))));
            }
            clauses.extend(must_not.iter().map(|p| (Occur::MustNot, lower(p, fields))));
            Box::new(BooleanQuery::with_minimum_required_clauses(clauses, *minimum))
        }
        Plan::Exact { path, key } => {
            Box::new(TermQuery::new(string(fields.exact, path, key), IndexRecordOption::Basic))
        }
        Plan::ExactAny { path, keys } => {
            Box::new(TermSetQuery::new(keys.iter().map(|key| string(fields.exact, path, key))))
        }
        Plan::ExactRange { path, low, high } => {
            let end = |bound: &Bound<String>| match bound {
                Bound::Included(key) => Bound::Included(bytes(&string(fields.exact, path, key))),
                Bound::Excluded(key) => Bound::Excluded(bytes(&string(fields.exact, path, key))),
                Bound::Unbounded => Bound::Unbounded,
            };
            let prefix = bytes(&string(fields.exact, path, ""));
            Box::new(DictionaryQuery {
                field: fields.exact,
                prefix,
                low: end(low),
                high: end(high),
                accept: None,
            })
        }
        Plan::Pattern { path, pattern, text } => {
            let field = if *text { fields.text } else { fields.exact };
            let pattern = pattern.clone();
            // Of a bare prefix the whole stretch is taken.
            let start = if pattern.is_prefix() { pattern.literal() } else { "" };
            Box::new(DictionaryQuery {
                field,
                prefix: bytes(&string(field, path, start)),
                low: Bound::Included(bytes(&string(field, path, pattern.literal()))),
                high: Bound::Unbounded,
                accept: match pattern.is_prefix() {
                    true => None,
                    false => Some(Arc::new(move |text| pattern.matches(text))),
                },
            })
        }
        Plan::Numbers { path, low, high } => {
            Box::new(NumberQuery { path: format!("n.{path}"), low: *low, high: *high })
        }
        Plan::Word { path, word } => {
            Box::new(TermQuery::new(string(fields.text, path, word), IndexRecordOption::WithFreqs))
        }
        Plan::Phrase { path, words, slop } => {
            let terms = words.iter().map(|word| string(fields.text, path, word)).enumerate().collect();
            Box::new(Phrase::new(terms, *slop))
        }
        Plan::Exists { path, text: true } => {
            let term = Term::from_field_text(fields.present, path);
            Box::new(ConstScoreQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::Basic)), 1.0))
        }
        Plan::Exists { path, text: false } => {
            let of = |name: &str| -> (Occur, Box<dyn Query>) {
                (Occur::Should, Box::new(ExistsQuery::new(format!("{name}.{path}"), true)))
            };
            Box::new(ConstScoreQuery::new(Box::new(BooleanQuery::new(vec![of("n"), of("k")])), 1.0))
        }
        Plan::Ids(ids) => {
            let terms = ids.iter().map(|id| Term::from_field_text(fields.id, id));
            Box::new(ConstScoreQuery::new(Box::new(TermSetQuery::new(terms)), 1.0))
        }
        Plan::Best(plans) => {
            Box::new(DisjunctionMaxQuery::new(plans.iter().map(|p| lower(p, fields)).collect()))
        }
        Plan::Constant(inner) => Box::new(ConstScoreQuery::new(lower(inner, fields), 1.0)),
        Plan::Boost(inner, by) => Box::new(BoostQuery::new(lower(inner, fields), *by)),
    }
}

fn string(field: Field, path: &str, text: &str) -> Term {
    let mut term = Term::from_field_json_path(field, path, true);
    term.append_type_and_str(text);
    term
}

fn bytes(term: &Term) -> Vec<u8> {
    term.serialized_value_bytes().to_vec()
}
