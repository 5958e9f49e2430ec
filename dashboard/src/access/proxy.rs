//! A proxy before the dashboard that says who asks (`X-Forwarded-User`): believed only from networks that were named.

use std::net::IpAddr;

use alces_people::Role;
use axum::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Which proxies are believed, and what they say.
#[derive(Clone, Debug)]
pub struct ProxyLogin {
    /// Where they are.
    pub trusted: Vec<IpNet>,
    /// The header with the user's name, e.g. `x-forwarded-user`; none: they only say where a request came from.
    pub user_header: Option<HeaderName>,
    /// The header with the role: `viewer`, `editor` or `admin`; of several words, with commas or blanks between, the highest.
    pub role_header: Option<HeaderName>,
}

impl ProxyLogin {
    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Where a request came from: the last address in `X-Forwarded-For` that is no trusted proxy's. Those before it are the visitor's
    /// own words.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let all = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
        let mut hops: Vec<&str> = all.flat_map(|v| v.split(',')).map(str::trim).collect();
        let mut client = peer;
        while let Some(hop) = hops.pop().and_then(|h| h.trim_matches(['[', ']']).parse::<IpAddr>().ok()) {
            client = hop;
            if !self.trusts(hop) {
                break;
            }
        }
        client
    }

    /// Who asks, by the word of a trusted proxy, and in which role where it says so. Several values of the header are nobody: a proxy
    /// that adds its own to the visitor's says nothing.
    pub(crate) fn says(&self, peer: IpAddr, headers: &HeaderMap) -> Option<(String, Option<Role>)> {
        if !self.trusts(peer) {
            return None;
        }
        let one = |name: &HeaderName| {
            let mut all = headers.get_all(name).iter();
            let value = all.next()?.to_str().ok()?.trim();
            (all.next().is_none() && !value.is_empty()).then_some(value)
        };
        let name = one(self.user_header.as_ref()?)?.to_owned();
        let role = self.role_header.as_ref().and_then(one).and_then(|words| {
            let words = words.split([',', ';', ' ']).map(|w| w.trim().to_ascii_lowercase());
            words.filter_map(|w| w.parse::<Role>().ok()).max()
        });
        // Where the proxy is to say roles and says none, the least is meant.
        let role = role.or_else(|| self.role_header.is_some().then_some(Role::Viewer));
        Some((name, role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> ProxyLogin {
        ProxyLogin {
            trusted: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            user_header: Some(HeaderName::from_static("x-forwarded-user")),
            role_header: Some(HeaderName::from_static("x-role")),
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in pairs {
            all.append(*name, value.parse().unwrap());
        }
        all
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_from_a_listed_network() {
        let amy = headers(&[("x-forwarded-user", "amy"), ("x-role", "staff, Editor")]);
        assert_eq!(proxy().says(ip("10.1.2.3"), &amy), Some(("amy".into(), Some(Role::Editor))));
        assert_eq!(proxy().says(ip("::ffff:10.1.2.3"), &amy), Some(("amy".into(), Some(Role::Editor))));
        assert_eq!(proxy().says(ip("192.0.2.1"), &amy), None);
        assert_eq!(proxy().says(ip("10.1.2.3"), &headers(&[])), None);
        let twice = headers(&[("x-forwarded-user", "eve"), ("x-forwarded-user", "amy")]);
        assert_eq!(proxy().says(ip("10.1.2.3"), &twice), None);
        let none = headers(&[("x-forwarded-user", "amy"), ("x-role", "staff")]);
        assert_eq!(proxy().says(ip("10.1.2.3"), &none), Some(("amy".into(), Some(Role::Viewer))));
    }

    #[test]
    fn where_it_came_from_is_what_the_last_proxy_saw() {
        let hops = headers(&[("x-forwarded-for", "198.51.100.9, 203.0.113.7, 10.0.0.2")]);
        assert_eq!(proxy().client(ip("10.0.0.1"), &hops), ip("203.0.113.7"));
        assert_eq!(proxy().client(ip("192.0.2.1"), &hops), ip("192.0.2.1"), "its own words");
        assert_eq!(proxy().client(ip("10.0.0.1"), &headers(&[])), ip("10.0.0.1"));
    }
}
