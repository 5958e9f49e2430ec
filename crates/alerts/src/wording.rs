//! Sentences of alerts: templates of the field's usual kind (Jinja), with a bound on what one may cost.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value};
use thiserror::Error;

/// A template that cannot be used.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct WordingError(String);

/// Steps that a template may take, and characters that it may write.
const FUEL: u64 = 20_000;
const LONGEST: usize = 2_000;

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // What is written is text: whoever shows it escapes it.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("round", |value: f64, digits: Option<usize>| {
        format!("{value:.*}", digits.unwrap_or(0).min(17))
    });
    environment
}

/// Writes a template with these values.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn say(template: &str, values: &BTreeMap<&str, Value>) -> Result<String, WordingError> {
    let environment = environment();
    let said = environment
        .render_str(template, Value::from_pairs(values.iter().map(|(name, value)| (*name, value.clone()))))
        .map_err(|error| WordingError(words(&error)))?;
    Ok(said.chars().take(LONGEST).collect())
}

/// Writes the text of a message: of what is not there nothing is written, as labels differ from alert to alert.
pub(crate) fn write(
    template: &str,
    context: &serde_json::Value,
    longest: usize,
) -> Result<String, WordingError> {
    let mut environment = environment();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let said = environment
        .render_str(template, Value::from(minijinja::value::Serde(context)))
        .map_err(|error| WordingError(words(&error)))?;
    let end = (0..=longest.min(said.len())).rev().find(|at| said.is_char_boundary(*at)).unwrap_or(0);
    Ok(said[..end].to_owned())
}

/// Whether a template can be used with such values.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn check(template: &str, values: &BTreeMap<&str, Value>) -> Result<(), WordingError> {
    say(template, values).map(drop)
}

fn words(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    error.line().map_or_else(|| detail.clone(), |line| format!("line {line}: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<&'static str, Value> {
        let labels: BTreeMap<&str, &str> = [("host", "web-1")].into();
        [("value", Value::from(12.345)), ("labels", Value::from_pairs(labels))].into()
    }

    fn said(template: &str) -> Result<String, String> {
        say(template, &values()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_sentence_with_its_figures() {
        assert_eq!(said("{{ value|round(1) }} % on {{ labels.host }}").as_deref(), Ok("12.3 % on web-1"));
        assert_eq!(said("{% if value > 10 %}much{% endif %} <b>").as_deref(), Ok("much <b>"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(said("{{ valeu }}").is_err_and(|e| e.contains("line 1")));
        assert!(said("{{ value ").is_err());
        assert!(said("{{ value|round(100000) }}").is_ok());
        assert!(said("{% include 'x' %}").is_err());
    }

    #[test]
    fn a_template_cannot_run_away() {
        assert!(
            said("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}")
                .is_err()
        );
        assert_eq!(
            said("{{ 'x' * 9000 }}").map_or(0, |s| s.len()).min(LONGEST),
            said("{{ 'x' * 9000 }}").map_or(0, |s| s.len())
        );
    }
}
