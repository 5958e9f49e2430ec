//! The figures of a board: `count`, `rate`, `share`, `p95(request_time)`, `max(system.cpu.total.norm.pct)`.

use std::fmt;

/// A figure over a set of lines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Metric {
    /// How many lines.
    Count,
    /// Lines a second.
    Rate,
    /// Per cent of the panel's lines.
    Share,
    /// A percentile (0 to 100) of a field's values. Always the engine's own over the whole set, never a mean of percentiles.
    Percentile(f64, String),
    /// A mean, least, greatest value or sum.
    Of(Function, String),
    /// The sum of a field a second.
    SumRate(String),
    /// How many distinct values.
    Unique(String),
    /// How long ago the newest line was, in seconds.
    Age,
}

/// What is made of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Avg,
    Min,
    Max,
    Sum,
}

impl Function {
    /// OpenSearch's name of the aggregation.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
        }
    }
}

/// A figure that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "“{0}” is no figure. Write count, rate, share, age, p50(field) to p99.9(field), avg(field), min(field), max(field), sum(field), \
     sum_rate(field) or unique(field)"
)]
pub(crate) struct MetricError(String);

impl Metric {
    /// Understands a figure.
    ///
    /// # Errors
    /// With all that is accepted.
    pub(crate) fn parse(text: &str) -> Result<Self, MetricError> {
        let wrong = || MetricError(text.chars().take(60).collect());
        let text = text.trim();
        let Some((function, rest)) = text.split_once('(') else {
            return match text {
                "count" => Ok(Self::Count),
                "rate" => Ok(Self::Rate),
                "share" => Ok(Self::Share),
                "age" => Ok(Self::Age),
                _ => Err(wrong()),
            };
        };
        let field = rest.strip_suffix(')').map(str::trim).filter(|f| !f.is_empty()).ok_or_else(wrong)?;
        let of = |function| Ok(Self::Of(function, field.to_owned()));
        match function.trim() {
            "avg" => of(Function::Avg),
            "min" => of(Function::Min),
            "max" => of(Function::Max),
            "sum" => of(Function::Sum),
            "sum_rate" => Ok(Self::SumRate(field.to_owned())),
            "unique" => Ok(Self::Unique(field.to_owned())),
            percentile => percentile
                .strip_prefix('p')
                .and_then(|p| p.parse::<f64>().ok())
                .filter(|p| (0.0..=100.0).contains(p))
                .map(|p| Self::Percentile(p, field.to_owned()))
                .ok_or_else(wrong),
        }
    }

    /// The field that it is about.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Percentile(_, f) | Self::Of(_, f) | Self::SumRate(f) | Self::Unique(f) => Some(f),
            Self::Count | Self::Rate | Self::Share | Self::Age => None,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
            Self::Share => f.write_str("share"),
            Self::Age => f.write_str("age"),
            Self::Percentile(p, field) => write!(f, "p{p}({field})"),
            Self::Of(function, field) => write!(f, "{}({field})", function.word()),
            Self::SumRate(field) => write!(f, "sum_rate({field})"),
            Self::Unique(field) => write!(f, "unique({field})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        for text in [
            "count",
            "rate",
            "share",
            "age",
            "p95(request_time)",
            "p99.9(a.b)",
            "max(system.cpu.total.norm.pct)",
            "sum_rate(bytes)",
            "unique(client)",
        ] {
            assert_eq!(Metric::parse(text).map(|m| m.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn nonsense_is_refused_with_all_that_is_accepted() {
        for text in ["", "p95", "p101(x)", "median(x)", "avg()", "avg(x", "count(x)"] {
            let error = Metric::parse(text).expect_err(text).to_string();
            assert!(error.contains("p50(field)"), "{error}");
        }
    }
}
