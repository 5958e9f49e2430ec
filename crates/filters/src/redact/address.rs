//! Addresses of hosts.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::find::{before, is_word, run};

pub(crate) fn find_v4(text: &str, add: &mut dyn FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for point in memchr::memchr_iter(b'.', bytes) {
        if point < from {
            continue;
        }
        let digits =
            bytes.get(..point).unwrap_or_default().iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let start = point - digits;
        let end = run(bytes, start, |byte| byte.is_ascii_digit() || byte == b'.');
        from = end;
        // A point at the end is the sentence's. A letter before it is that of a version.
        let end = if before(bytes, end) == Some(&b'.') { end - 1 } else { end };
        let is_bounded = !is_word(before(bytes, start)) && !is_word(bytes.get(end));
        let Some(written) = text.get(start..end) else { continue };
        if is_bounded && written.parse::<Ipv4Addr>().is_ok() {
            add(start, end);
        }
    }
}

pub(crate) fn find_v6(text: &str, add: &mut dyn FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut from = 0;
    for colon in memchr::memchr_iter(b':', bytes) {
        if colon < from {
            continue;
        }
        let start = bytes
            .get(..colon)
            .unwrap_or_default()
            .iter()
            .rposition(|byte| !is_part(*byte))
            .map_or(0, |at| at + 1);
        let end = run(bytes, start, is_part);
        from = end;
        if is_word(before(bytes, start)) || is_word(bytes.get(end)) {
            continue;
        }
        // Points and colons about it are the sentence's.
        for (lead, tail) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (start, end) = (start + lead, end.saturating_sub(tail));
            let Some(written) = text.get(start..end) else { continue };
            let is_mark = |byte: Option<&u8>| matches!(byte, Some(b':' | b'.'));
            let is_trimmed =
                (lead == 0 || is_mark(before(bytes, start))) && (tail == 0 || is_mark(bytes.get(end)));
            // Without a digit it is the path of a module: `abc::def`.
            if is_trimmed
                && written.bytes().any(|b| b.is_ascii_digit())
                && written.parse::<Ipv6Addr>().is_ok()
            {
                add(start, end);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::find::found;

    #[test]
    fn version_4() {
        assert_eq!(
            found("from 10.0.0.1, 192.168.255.254:80 and 1.2.3.4.", find_v4),
            ["10.0.0.1", "192.168.255.254", "1.2.3.4"]
        );
        for text in [
            "",
            ".",
            "10.0.0",
            "10.0.0.256",
            "v1.2.3.4",
            "1.2.3.4.5",
            "1.2.3.4a",
            "01.2.3.4",
            "0.5 1.5",
            "...",
        ] {
            assert!(found(text, find_v4).is_empty(), "{text}");
        }
    }

    #[test]
    fn version_6() {
        assert_eq!(
            found(
                "[2001:db8::1]:443 from fe80::1%eth0: ::1, ::ffff:1.2.3.4. at 2001:DB8:0:0:0:0:0:1",
                find_v6
            ),
            ["2001:db8::1", "fe80::1", "::1", "::ffff:1.2.3.4", "2001:DB8:0:0:0:0:0:1"]
        );
        for text in [
            "",
            ":",
            "::",
            "12:34:56",
            "00:11:22:33:44:55",
            "std::string",
            "abc::def",
            "x2001:db8::1",
            "a: 1",
        ] {
            assert!(found(text, find_v6).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_found(v4 in any::<[u8; 4]>(), v6 in any::<[u16; 8]>(), around in "[ ,;=()\"]{1,3}") {
            let v4 = Ipv4Addr::from(v4).to_string();
            let text = format!("{around}{v4}{around}");
            prop_assert_eq!(found(&text, find_v4), [v4.as_str()]);
            let v6 = Ipv6Addr::from(v6).to_string();
            prop_assume!(v6.bytes().any(|b| b.is_ascii_digit()));
            let text = format!("{around}{v6}{around}");
            prop_assert_eq!(found(&text, find_v6), [v6.as_str()]);
        }
    }
}
