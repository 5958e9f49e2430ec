//! Where messages may be sent: a rule's receiver must not be a way into the machines behind this one (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Why nothing is sent to an address; none where it may be. Link-local ones (a cloud's metadata among them) and those that are no
/// host's are never met; loopback and private ones only where `allowed` says so.
#[must_use]
pub fn refuses(address: IpAddr, allowed: &[IpNet]) -> Option<&'static str> {
    let address = within(address.to_canonical());
    let (never, inside) = match address {
        IpAddr::V4(v4) => (never_v4(v4), v4.is_loopback() || v4.is_private() || is_special(v4)),
        IpAddr::V6(v6) => {
            (never_v6(v6), v6.is_loopback() || v6.is_unique_local() || v6.segments()[0] & 0xffc0 == 0xfec0)
        }
    };
    if never {
        return Some("it is link-local, a metadata service, or no host's address");
    }
    (inside && !allowed.iter().any(|network| network.contains(&address)))
        .then_some("it is within a private network: allow that with --alerts-allow NETWORK")
}

fn never_v4(address: Ipv4Addr) -> bool {
    address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.octets()[0] == 0
        || address.octets()[0] >= 240
        // Alibaba's metadata service, and Azure's.
        || address == Ipv4Addr::new(100, 100, 100, 200)
        || address == Ipv4Addr::new(168, 63, 129, 16)
}

fn never_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        // AWS's metadata service.
        || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
}

/// Between a provider and its customers (RFC 6598), for protocols (RFC 6890), for benchmarks (RFC 2544).
fn is_special(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    (a == 100 && (64..128).contains(&b)) || (a, b, c) == (192, 0, 0) || (a == 198 && matches!(b, 18 | 19))
}

/// The address of version 4 that one of version 6 leads to by NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn within(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b, c, d, e, f) {
        (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        (0x2002, high, low, ..) => v4(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, allowed: &[IpNet]) -> bool {
        refuses(address.parse().expect("an address"), allowed).is_some()
    }

    #[test]
    fn what_is_met_and_what_never() {
        for open in ["93.184.216.34", "2606:2800:220:1::1"] {
            assert!(!refused(open, &[]), "{open}");
        }
        let all = ["0.0.0.0/0", "::/0"].map(|network| network.parse().expect("a network"));
        for never in [
            "169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "168.63.129.16",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
        ] {
            assert!(refused(never, &all), "{never}");
        }
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2002:a00:1::",
            "64:ff9b::a00:1",
        ] {
            assert!(refused(inside, &[]), "{inside}");
            assert!(!refused(inside, &all), "{inside}");
        }
        let ten = ["10.0.0.0/8".parse().expect("a network")];
        assert!(!refused("10.255.0.1", &ten) && refused("192.168.0.1", &ten));
    }
}
