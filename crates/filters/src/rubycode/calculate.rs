//! Operators between two values, as Ruby has them; whole numbers are of 64 bits here.

use std::cmp::Ordering;

use alces_event::Timestamp;
use jiff::SignedDuration;

use super::{
    run::{Stop, undefined},
    tree::Binary,
    value::{Failure, V},
};

const TOO_LARGE: &str = "the number is too large: whole numbers are of 64 bits";

pub(super) fn binary(binary: Binary, left: &V, right: &V) -> Result<V, Stop> {
    use Binary::{AtLeast, AtMost, Compare, Less, More};
    if let Less | AtMost | More | AtLeast = binary {
        if !matches!(left, V::Int(_) | V::Float(_) | V::Text(_) | V::Time(_)) {
            return Err(undefined(binary.sign(), left));
        }
        let order = order(left, right)?.ok_or_else(|| {
            Stop::Failed(format!("comparison of {} with {} failed", left.class(), short(right)))
        })?;
        return Ok(V::Bool(match binary {
            Less => order.is_lt(),
            AtMost => order.is_le(),
            More => order.is_gt(),
            _ => order.is_ge(),
        }));
    }
    if binary == Compare {
        return Ok(match order(left, right)? {
            Some(order) => V::Int(order as i64),
            None => V::Nil,
        });
    }
    match (left, right) {
        (V::Int(a), V::Int(b)) => whole(binary, *a, *b).map_err(Stop::Failed),
        (V::Int(a), V::Float(b)) => float(binary, *a as f64, *b, left),
        (V::Float(a), V::Int(b)) => float(binary, *a, *b as f64, left),
        (V::Float(a), V::Float(b)) => float(binary, *a, *b, left),
        (V::Int(_) | V::Float(_), other) => Err(Stop::Failed(match other {
            V::Nil => format!("nil can't be coerced into {}", left.class()),
            other => format!("{} can't be coerced into {}", other.class(), left.class()),
        })),
        (V::Text(a), V::Text(b)) if binary == Binary::Add => {
            bounded(a.len() + b.len())?;
            Ok(V::text(&format!("{a}{b}")))
        }
        (V::Text(_), other) if binary == Binary::Add => {
            Err(Stop::Failed(format!("no implicit conversion of {} into String", implicit(other))))
        }
        (V::Text(text), V::Int(times)) if binary == Binary::Multiply => {
            let times = usize::try_from(*times).map_err(|_| "argument error: a negative number of times")?;
            bounded(text.len().saturating_mul(times))?;
            Ok(V::text(&text.repeat(times)))
        }
        (V::List(a), V::List(b)) => {
            let a = a.lock().clone();
            let b = b.lock().clone();
            lists(binary, a, &b)?.ok_or_else(|| undefined(binary.sign(), left))
        }
        (V::Time(a), V::Time(b)) if binary == Binary::Subtract => {
            Ok(V::Float(a.duration_since(*b).as_secs_f64()))
        }
        (V::Time(time), V::Int(_) | V::Float(_)) if matches!(binary, Binary::Add | Binary::Subtract) => {
            let seconds = match right {
                V::Int(number) => *number as f64,
                V::Float(number) => *number,
                _ => 0.0,
            };
            let seconds = if binary == Binary::Add { seconds } else { -seconds };
            let time = SignedDuration::try_from_secs_f64(seconds)
                .ok()
                .and_then(|seconds| time.checked_add(seconds).ok());
            Ok(V::Time(time.ok_or("argument out of range")?))
        }
        _ => Err(undefined(binary.sign(), left)),
    }
}

/// No text is longer than this.
const LONGEST: usize = 16 << 20;

fn bounded(len: usize) -> Result<(), Stop> {
    if len > LONGEST { Err("the text is too long".into()) } else { Ok(()) }
}

fn short(value: &V) -> String {
    match value {
        V::Nil => "nil".to_owned(),
        V::Int(_) | V::Float(_) | V::Bool(_) => value.to_s().unwrap_or_default(),
        other => other.class().to_owned(),
    }
}

fn implicit(value: &V) -> String {
    match value {
        V::Nil | V::Bool(_) => short(value),
        other => other.class().to_owned(),
    }
}

fn whole(binary: Binary, a: i64, b: i64) -> Result<V, Failure> {
    let made = match binary {
        Binary::Add => a.checked_add(b),
        Binary::Subtract => a.checked_sub(b),
        Binary::Multiply => a.checked_mul(b),
        Binary::Divide | Binary::Remainder if b == 0 => return Err("divided by 0".to_owned()),
        // Ruby rounds towards the smaller.
        Binary::Divide => a
            .checked_div(b)
            .map(|made| if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { made - 1 } else { made }),
        Binary::Remainder => {
            a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
        }
        Binary::Power if b < 0 => return Ok(V::Float((a as f64).powi(i32::try_from(b).unwrap_or(i32::MIN)))),
        Binary::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        Binary::Both => Some(a & b),
        Binary::Either => Some(a | b),
        _ => None,
    };
    made.map(V::Int).ok_or_else(|| TOO_LARGE.to_owned())
}

fn float(binary: Binary, a: f64, b: f64, left: &V) -> Result<V, Stop> {
    Ok(V::Float(match binary {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Remainder => a - b * (a / b).floor(),
        Binary::Power => a.powf(b),
        _ => return Err(undefined(binary.sign(), left)),
    }))
}

fn lists(binary: Binary, a: Vec<V>, b: &[V]) -> Result<Option<V>, Stop> {
    let within = |item: &V, list: &[V]| -> Result<bool, Failure> {
        for other in list {
            if item.equals(other, 0)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    if binary == Binary::Add {
        return Ok(Some(V::list(a.into_iter().chain(b.iter().cloned()).collect())));
    }
    if !matches!(binary, Binary::Subtract | Binary::Both | Binary::Either) {
        return Ok(None);
    }
    // Each item is compared with each.
    if a.len().saturating_mul(b.len()) > 1_000_000 {
        return Err("the lists are too long".into());
    }
    let mut made: Vec<V> = Vec::new();
    for item in a {
        let keep = match binary {
            Binary::Subtract => !within(&item, b)?,
            Binary::Both => within(&item, b)? && !within(&item, &made)?,
            _ => !within(&item, &made)?,
        };
        if keep {
            made.push(item);
        }
    }
    if binary == Binary::Either {
        for item in b {
            if !within(item, &made)? {
                made.push(item.clone());
            }
        }
    }
    Ok(Some(V::list(made)))
}

/// `<=>`: none where the two cannot be compared.
pub(super) fn order(left: &V, right: &V) -> Result<Option<Ordering>, Failure> {
    Ok(match (left, right) {
        (V::Int(a), V::Int(b)) => Some(a.cmp(b)),
        (V::Int(a), V::Float(b)) => (*a as f64).partial_cmp(b),
        (V::Float(a), V::Int(b)) => a.partial_cmp(&(*b as f64)),
        (V::Float(a), V::Float(b)) => a.partial_cmp(b),
        (V::Text(a), V::Text(b)) | (V::Symbol(a), V::Symbol(b)) => Some(a.cmp(b)),
        (V::Time(a), V::Time(b)) => Some(a.cmp(b)),
        (V::List(a), V::List(b)) => {
            let a = a.lock().clone();
            let b = b.lock().clone();
            for (a, b) in a.iter().zip(&b) {
                // Lists within are not looked into: they may hold themselves.
                let order = if matches!(a, V::List(_)) { None } else { order(a, b)? };
                match order {
                    Some(Ordering::Equal) => {}
                    other => return Ok(other),
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        _ if left.equals(right, 0)? => Some(Ordering::Equal),
        _ => None,
    })
}

/// A time that is so many seconds after 1970.
pub(super) fn time(seconds: f64) -> Result<V, Failure> {
    let time = SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| Timestamp::from_duration(since).ok());
    time.map(V::Time).ok_or_else(|| "argument out of range".to_owned())
}
