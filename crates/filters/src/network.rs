//! Addresses and networks as Ruby's `IPAddr` reads them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Reads an address (a network of one), `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or the same of IPv6, perhaps in brackets. Bits after
/// the prefix are cleared.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address = self::address(address)?;
    let prefix = match prefix {
        None => return Some(IpNet::from(address)),
        Some(length) if length.bytes().all(|b| b.is_ascii_digit()) => length.parse().ok()?,
        Some(mask) => ipnet::ip_mask_to_prefix(self::address(mask)?).ok()?,
    };
    Some(IpNet::new(address, prefix).ok()?.trunc())
}

fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(address.into());
    }
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    // A zone (`fe80::1%eth0`) says on which wire, not who.
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

/// Networks, joined and in order, so that many cost no more than few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
}

impl Networks {
    /// Whether one of them holds all of `range`.
    pub(crate) fn hold(&self, range: &IpNet) -> bool {
        match range {
            IpNet::V4(range) => {
                let after = self.v4.partition_point(|net| net.network() <= range.network());
                after.checked_sub(1).and_then(|at| self.v4.get(at)).is_some_and(|net| net.contains(range))
            }
            IpNet::V6(range) => {
                let after = self.v6.partition_point(|net| net.network() <= range.network());
                after.checked_sub(1).and_then(|at| self.v6.get(at)).is_some_and(|net| net.contains(range))
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            match net {
                IpNet::V4(net) => v4.push(net),
                IpNet::V6(net) => v6.push(net),
            }
        }
        Self { v4: Ipv4Net::aggregate(&v4), v6: Ipv6Net::aggregate(&v6) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> String {
        network(text).map_or_else(|| "none".to_owned(), |net| net.to_string())
    }

    #[test]
    fn forms() {
        assert_eq!(check("10.1.2.3"), "10.1.2.3/32");
        assert_eq!(check("10.1.2.3/8"), "10.0.0.0/8");
        assert_eq!(check("10.1.2.3/255.255.0.0"), "10.1.0.0/16");
        assert_eq!(check("fe80::1%eth0"), "fe80::1/128");
        assert_eq!(check("[2001:db8::1]"), "2001:db8::1/128");
        assert_eq!(check("2001:db8::1/32"), "2001:db8::/32");
        assert_eq!(check("0.0.0.0/0"), "0.0.0.0/0");
        for text in [
            "",
            "10.1.2",
            "10.1.2.3/33",
            "10.1.2.3/",
            "10.1.2.3/+8",
            "10.1.2.3/255.0.255.0",
            "010.1.2.3",
            " 10.1.2.3",
            "a",
            "::/129",
            "%{ip}",
        ] {
            assert_eq!(check(text), "none", "{text}");
        }
    }

    proptest! {
        /// The dull twin asks one network after the other.
        #[test]
        fn many_networks_are_asked_as_one_after_the_other(
            nets in proptest::collection::vec((0_u32..64, 24_u8..=32), 0..12),
            asked in 0_u32..64,
        ) {
            let net = |address: u32, prefix| IpNet::new(IpAddr::from(Ipv4Addr::from(address)), prefix).unwrap().trunc();
            let list: Vec<IpNet> = nets.iter().map(|(address, prefix)| net(address << 4, *prefix)).collect();
            let address = net(asked << 4 | 3, 32);
            let networks: Networks = list.iter().copied().collect();
            prop_assert_eq!(networks.hold(&address), list.iter().any(|net| net.contains(&address)));
            prop_assert_eq!(networks.is_empty(), list.is_empty());
        }
    }
}
