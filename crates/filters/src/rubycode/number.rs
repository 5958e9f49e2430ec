//! What numbers and times can do.

use alces_event::{Timestamp, format_timestamp};
use jiff::{fmt::strtime, tz::TimeZone};

use super::{
    calculate,
    method::Answer,
    run::{Machine, Run},
    tree::{Binary, Block},
    value::V,
};

impl Machine<'_> {
    pub(super) fn number_method(
        &mut self,
        number: &V,
        name: &'static str,
        given: &[V],
        block: Option<&Block>,
    ) -> Answer {
        let made = match (name, number, given) {
            ("to_i", V::Int(_), []) => number.clone(),
            ("to_i", V::Float(float), []) => whole(float.trunc())?,
            ("to_s", V::Int(int), [V::Int(base @ 2..=36)]) => V::text(&in_base(*int, base.unsigned_abs())),
            ("to_f", V::Int(int), []) => V::Float(*int as f64),
            ("to_f", V::Float(_), []) => number.clone(),
            ("abs", V::Int(int), []) => V::Int(int.checked_abs().ok_or("the number is too large")?),
            ("abs", V::Float(float), []) => V::Float(float.abs()),
            ("zero?", V::Int(int), []) => V::Bool(*int == 0),
            ("zero?", V::Float(float), []) => V::Bool(*float == 0.0),
            ("positive?", ..) => calculate::binary(Binary::More, number, &V::Int(0))?,
            ("negative?", ..) => calculate::binary(Binary::Less, number, &V::Int(0))?,
            ("even?", V::Int(int), []) => V::Bool(int % 2 == 0),
            ("odd?", V::Int(int), []) => V::Bool(int % 2 != 0),
            ("div", _, [by]) => {
                let made = calculate::binary(Binary::Divide, number, by)?;
                return self.number_method(&made, "floor", &[], None);
            }
            ("round" | "floor" | "ceil", V::Int(_), [] | [V::Int(0..)]) => number.clone(),
            ("round", V::Float(float), []) => whole(float.round())?,
            ("floor", V::Float(float), []) => whole(float.floor())?,
            ("ceil", V::Float(float), []) => whole(float.ceil())?,
            ("round" | "floor" | "ceil", V::Float(float), [V::Int(digits)]) => {
                let digits = i32::try_from(*digits).unwrap_or(i32::MAX).clamp(-300, 300);
                rounded(*float, digits, name)?
            }
            ("times", V::Int(times), []) => {
                let Some(block) = block else { return Ok(None) };
                for at in 0..*times {
                    self.with(block, &[V::Int(at)])?;
                }
                number.clone()
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    pub(super) fn time_method(&mut self, time: Timestamp, name: &'static str, given: &[V]) -> Answer {
        let utc = || TimeZone::UTC.to_datetime(time);
        let made = match (name, given) {
            ("to_i", []) => V::Int(time.as_second()),
            ("to_f", []) => V::Float(time.as_duration().as_secs_f64()),
            ("utc" | "time", []) => V::Time(time),
            ("iso8601" | "to_s", []) => {
                let mut out = String::new();
                format_timestamp(&mut out, time);
                V::text(&out)
            }
            ("year", []) => V::Int(utc().year().into()),
            ("month", []) => V::Int(utc().month().into()),
            ("day", []) => V::Int(utc().day().into()),
            ("hour", []) => V::Int(utc().hour().into()),
            ("min", []) => V::Int(utc().minute().into()),
            ("sec", []) => V::Int(utc().second().into()),
            ("wday", []) => V::Int(utc().weekday().to_sunday_zero_offset().into()),
            ("strftime", [V::Text(format)]) => {
                let text = strtime::format(&**format, &time.to_zoned(TimeZone::UTC));
                V::text(&text.map_err(|error| error.to_string())?)
            }
            _ => return Ok(None),
        };
        Ok(Some(made))
    }

    /// `Time.now`, `Time.at(seconds)`, `LogStash::Timestamp.new(time)`.
    pub(super) fn time_of(&mut self, name: &'static str, given: &[V]) -> Run {
        match (name, given) {
            ("now", []) => Ok(V::Time(self.now())),
            (_, [V::Time(time)]) => Ok(V::Time(*time)),
            ("at", [V::Int(seconds)]) => {
                Ok(V::Time(Timestamp::from_second(*seconds).map_err(|_| "argument out of range")?))
            }
            ("at", [V::Float(seconds)]) => Ok(calculate::time(*seconds)?),
            ("new", [V::Text(text)]) => match alces_event::parse_timestamp(text) {
                Some(time) => Ok(V::Time(time)),
                None => Err(format!("invalid time: {text}").into()),
            },
            (_, given) => {
                Err(format!("no time can be made of {} here", given.first().map_or("nothing", V::class))
                    .into())
            }
        }
    }
}

fn in_base(number: i64, base: u64) -> String {
    let (mut rest, mut digits) = (number.unsigned_abs(), Vec::new());
    loop {
        digits.extend(u32::try_from(rest % base).ok().and_then(|digit| char::from_digit(digit, 36)));
        rest /= base;
        if rest == 0 {
            break;
        }
    }
    digits.extend((number < 0).then_some('-'));
    digits.iter().rev().collect()
}

fn whole(float: f64) -> Run {
    // The largest float below 2^63.
    if float.abs() < 9.223_372_036_854_775e18 {
        Ok(V::Int(float as i64))
    } else {
        Err("FloatDomainError: the number is too large".into())
    }
}

fn rounded(float: f64, digits: i32, how: &str) -> Run {
    if digits > 15 || !float.is_finite() {
        return Ok(V::Float(float));
    }
    let scale = 10_f64.powi(digits);
    let scaled = float * scale;
    let made = match how {
        "floor" => scaled.floor(),
        "ceil" => scaled.ceil(),
        _ => scaled.round(),
    } / scale;
    if digits > 0 { Ok(V::Float(made)) } else { whole(made) }
}
