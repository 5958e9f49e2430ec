//! What becomes of one value.

use alces_event::{Value, ValueRef};
use ipnet::IpNet;

use crate::{
    digest::{Digest, Print, print},
    inspect::{Order, inspect},
    network::network,
    ruby,
};

/// A way to hash a value.
#[derive(Clone, Debug)]
pub(crate) enum Hash {
    Digest(Digest),
    /// MurmurHash3 of 32 bits, a number.
    Murmur32,
    Murmur128(Print),
    /// The network that an address is in, by the length of its prefix.
    Network(u8),
}

/// Logstash's seed for the long one.
const SEED: u32 = 2;

impl Hash {
    /// The hash; none where the value is not an address and should be.
    pub(crate) fn of(&self, value: ValueRef<'_>) -> Option<Value> {
        match self {
            Self::Digest(digest) => Some(Value::from(match value {
                ValueRef::Str(text) => digest.of(text),
                other => digest.of(&to_s(other)),
            })),
            Self::Murmur32 => {
                let bytes = bytes(value, Width::Eight);
                let hash = murmur3::murmur3_32(&mut &bytes[..], 0).ok()?;
                Some(Value::Int(i64::from(hash)))
            }
            Self::Murmur128(how) => {
                let bytes = bytes(value, Width::AsSmallAsFits);
                let hash = murmur3::murmur3_x64_128(&mut &bytes[..], SEED).ok()?;
                Some(Value::from(print(&hash.to_le_bytes(), *how)))
            }
            Self::Network(length) => {
                let address = network(value.as_str()?)?;
                let length = (*length).min(address.prefix_len());
                Some(Value::from(IpNet::new(address.addr(), length).ok()?.trunc().addr().to_string()))
            }
        }
    }
}

/// How many bytes a number takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Eight,
    /// Four, or eight.
    AsSmallAsFits,
}

fn bytes(value: ValueRef<'_>, width: Width) -> Vec<u8> {
    match (value, width) {
        (ValueRef::Int(number), Width::AsSmallAsFits) => match i32::try_from(number) {
            Ok(small) => small.to_le_bytes().to_vec(),
            Err(_) => number.to_le_bytes().to_vec(),
        },
        (ValueRef::Int(number), Width::Eight) => number.to_le_bytes().to_vec(),
        (other, _) => to_s(other).into_bytes(),
    }
}

/// Ruby's text of a value, with the names of objects in order, so that equal objects hash alike.
pub(crate) fn to_s(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::List(_) | ValueRef::Object(_) => {
            let mut out = String::new();
            inspect(&mut out, value, Order::Sorted);
            out
        }
        other => ruby::to_s(other),
    }
}

#[cfg(test)]
mod tests {
    use alces_event::Timestamp;

    use super::*;

    fn check(hash: &Hash, value: ValueRef<'_>) -> String {
        hash.of(value).map_or("none".to_owned(), |value| ruby::to_s(value.view_alone()))
    }

    /// The values of logstash-filter-fingerprint's own specification.
    #[test]
    fn murmur_is_that_of_logstash() {
        assert_eq!(check(&Hash::Murmur32, ValueRef::Str("123.123.123.123")), "4013733395");
        assert_eq!(check(&Hash::Murmur32, ValueRef::Int(123)), "823512154");
        assert_eq!(check(&Hash::Murmur32, ValueRef::Time(Timestamp::UNIX_EPOCH)), "743372282");
    }

    #[test]
    fn the_long_murmur_takes_numbers_in_four_or_eight_bytes() {
        let hash = Hash::Murmur128(Print::Hex);
        assert_eq!(check(&hash, ValueRef::Str("a\0\0\0")), check(&hash, ValueRef::Int(0x61)));
        assert_eq!(
            check(&hash, ValueRef::Str("\0\0\0\0a\0\0\0")),
            check(&hash, ValueRef::Int(0x61_0000_0000))
        );
        assert_eq!(check(&hash, ValueRef::Int(-1)).len(), 32);
        assert_eq!(check(&Hash::Murmur128(Print::Base64), ValueRef::Int(-1)).len(), 24);
    }

    #[test]
    fn an_address_becomes_its_network() {
        assert_eq!(check(&Hash::Network(24), ValueRef::Str("123.123.123.123")), "123.123.123.0");
        assert_eq!(check(&Hash::Network(32), ValueRef::Str("2001:db8:1::1")), "2001:db8::");
        assert_eq!(check(&Hash::Network(64), ValueRef::Str("10.1.1.1")), "10.1.1.1");
        assert_eq!(check(&Hash::Network(24), ValueRef::Str("nobody")), "none");
        assert_eq!(check(&Hash::Network(24), ValueRef::Int(7)), "none");
    }

    #[test]
    fn equal_objects_print_alike() {
        let value = |json| serde_json::from_str::<Value>(json).unwrap();
        let text = r#"{"a"=>{"x"=>1, "y"=>[2.5, nil]}, "b"=>"c"}"#;
        assert_eq!(to_s(value(r#"{"b":"c","a":{"y":[2.5,null],"x":1}}"#).view_alone()), text);
        assert_eq!(to_s(value(r#"{"a":{"x":1,"y":[2.5,null]},"b":"c"}"#).view_alone()), text);
    }
}
