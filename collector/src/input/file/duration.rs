//! Times as Logstash's file input writes them: `15`, `0.5`, `"750 ms"`, `"2 weeks"`.

use std::time::Duration;

use alces_conf::Options;

/// Reads an option, a number of which is seconds.
pub(super) fn duration(options: &mut Options<'_>, name: &'static str, usual: Duration) -> Duration {
    optional(options, name).unwrap_or(usual)
}

/// The same without a usual one.
pub(super) fn optional(options: &mut Options<'_>, name: &'static str) -> Option<Duration> {
    let text = options.text(name)?;
    let read = parse(&text.node);
    if read.is_none() {
        let message = format!(
            "option `{name}` of {} wants seconds, or a number with a unit, as in `\"15 minutes\"`",
            options.plugin()
        );
        options.error(&text.span, message);
    }
    read
}

fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "" | "s" | "sec" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "msecs" => 1e-3,
        "us" | "usec" | "usecs" => 1e-6,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    };
    // A hundred years are for ever.
    Duration::try_from_secs_f64(number * seconds)
        .ok()
        .map(|time| time.min(Duration::from_secs(3_155_760_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, millis) in [
            ("15", Some(15_000)),
            ("0.5", Some(500)),
            ("750 ms", Some(750)),
            ("2 weeks", Some(1_209_600_000)),
            ("1.5h", Some(5_400_000)),
            ("1 year", None),
            ("-1", None),
            ("", None),
            ("ms", None),
        ] {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text}");
        }
    }
}
