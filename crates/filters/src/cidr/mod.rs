//! `cidr`: whether an address lies in one of some networks (logstash-filter-cidr 3.1).

mod list;

use std::sync::Arc;

use alces_conf::Options;
use alces_event::{Event, Template};

use crate::{
    common::{Common, template},
    context::Context,
    filter::Filter,
    network::{Networks, network},
};
use list::List;

/// A compiled `cidr { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Cidr {
    address: Vec<Template>,
    /// Those that no event changes.
    fixed: Arc<Networks>,
    per_event: Vec<Template>,
    list: Option<Arc<List>>,
    text: String,
    common: Common,
}

impl Cidr {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let address = options.texts("address").unwrap_or_default();
        let address = address.iter().filter_map(|text| template(options, &text.node, &text.span)).collect();
        if !options.is_given("address") {
            options.error_here(r#"cidr wants `address => "%{[source][ip]}"`, the address to look at"#);
        }
        let (mut fixed, mut per_event) = (Vec::new(), Vec::new());
        for text in options.texts("network").unwrap_or_default() {
            let Some(template) = template(options, &text.node, &text.span) else { continue };
            let Some(literal) = template.as_literal() else {
                per_event.push(template);
                continue;
            };
            for written in literal.split(',').map(str::trim).filter(|written| !written.is_empty()) {
                match network(written) {
                    Some(network) => fixed.push(network),
                    None => options.error_with_help(
                        &text.span,
                        format!("`{written}` is not a network"),
                        "write it as in `192.0.2.0/24` or `fe80::/64`",
                    ),
                }
            }
        }
        let list = List::read(context, options);
        match (options.is_given("network"), options.is_given("network_path")) {
            (true, true) => options.error_here("cidr takes `network` or `network_path`, not both"),
            (false, false) => options.error_here(
                r#"cidr wants `network => ["192.0.2.0/24"]` or a file of networks in `network_path`"#,
            ),
            _ => {}
        }
        let fixed = Arc::new(fixed.into_iter().collect());
        Some(Box::new(Self {
            address,
            fixed,
            per_event,
            list: list.map(Arc::new),
            text: String::new(),
            common,
        }))
    }

    fn holds(&mut self, event: &Event) -> bool {
        for address in &self.address {
            self.text.clear();
            address.render_into(&mut self.text, event);
            let Some(address) = network(&self.text) else { continue };
            if self.fixed.hold(&address) || self.list.as_ref().is_some_and(|list| list.holds(&address)) {
                return true;
            }
            for networks in &self.per_event {
                let networks = networks.render(event);
                let mut networks = networks.split(',').filter_map(|written| network(written.trim()));
                if networks.any(|network| network.contains(&address)) {
                    return true;
                }
            }
        }
        false
    }
}

impl Filter for Cidr {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        if self.holds(event) {
            self.common.apply(event);
        }
    }

    fn flush(&mut self, end: bool, _: &mut Vec<Event>) {
        if let (false, Some(list)) = (end, &self.list) {
            list.refresh();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_at, check_json, errors};

    fn is_in(networks: &str, json: &str) -> bool {
        let conf =
            format!(r#"cidr {{ address => ["%{{a}}", "%{{b}}"] network => {networks} add_tag => "in" }}"#);
        check_json(&conf, json).contains(r#""tags":["in"]"#)
    }

    #[test]
    fn an_address_lies_in_a_network() {
        let private = r#"["10.0.0.0/8", "192.168.0.0/255.255.0.0, fe80::/64"]"#;
        for address in ["10.1.2.3", "192.168.7.1", "fe80::1", "[fe80::1]", "fe80::1%eth0", "10.5.0.0/16"] {
            assert!(is_in(private, &format!(r#"{{"a":"{address}"}}"#)), "{address}");
        }
        for address in
            ["11.1.2.3", "192.169.7.1", "fe80:0:0:1::1", "10.0.0.0/7", "no address", "", "::ffff:10.1.2.3"]
        {
            assert!(!is_in(private, &format!(r#"{{"a":"{address}"}}"#)), "{address}");
        }
    }

    #[test]
    fn any_address_and_any_network_will_do() {
        assert!(is_in(r#"["10.0.0.0/8", "11.0.0.0/8"]"#, r#"{"a":"9.0.0.1","b":"11.0.0.1"}"#));
        assert!(is_in(r#""%{net}""#, r#"{"a":"9.0.0.1","net":"8.0.0.0/8, 9.0.0.0/8"}"#));
        assert!(!is_in(r#""%{net}""#, r#"{"a":"9.0.0.1"}"#));
    }

    #[test]
    fn networks_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("networks");
        let conf = |separator: &str| {
            let path = path.display();
            format!(
                r#"cidr {{ address => "%{{message}}" network_path => "{path}" refresh_interval => 60 {separator} add_tag => "in" }} mutate {{ remove_field => "@version" }}"#
            )
        };
        std::fs::write(&path, "10.0.0.0/8\r\n# office\n192.0.2.0/24\n").unwrap();
        let conf = conf("separator => '\n'");
        insta::assert_snapshot!(check_at(&conf, &[(0, Some("192.0.2.1")), (0, Some("10.1.1.1")), (0, Some("11.1.1.1"))]), @r#"
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"192.0.2.1","tags":["in"]}
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"10.1.1.1","tags":["in"]}
        {"@timestamp":"1970-01-01T00:00:00.000Z","message":"11.1.1.1"}
        "#);
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        insta::assert_snapshot!(errors(r#"cidr { }"#), @r#"
        x.conf:1:10: cidr wants `address => "%{[source][ip]}"`, the address to look at
          |
        1 | filter { cidr { } }
          |          ^^^^
        x.conf:1:10: cidr wants `network => ["192.0.2.0/24"]` or a file of networks in `network_path`
          |
        1 | filter { cidr { } }
          |          ^^^^
        "#);
        insta::assert_snapshot!(errors(r#"cidr { address => "a" network => ["10.0.0.0/33", "::"] network_path => "/nowhere/at/all" }"#), @r#"
        x.conf:1:44: `10.0.0.0/33` is not a network
          |
        1 | filter { cidr { address => "a" network => ["10.0.0.0/33", "::"] network_path => "/nowhere/at/all" } }
          |                                            ^^^^^^^^^^^^^
          = help: write it as in `192.0.2.0/24` or `fe80::/64`
        x.conf:1:81: cannot read networks from `/nowhere/at/all`: No such file or directory (os error 2)
          |
        1 | filter { cidr { address => "a" network => ["10.0.0.0/33", "::"] network_path => "/nowhere/at/all" } }
          |                                                                                 ^^^^^^^^^^^^^^^^^
        x.conf:1:10: cidr takes `network` or `network_path`, not both
          |
        1 | filter { cidr { address => "a" network => ["10.0.0.0/33", "::"] network_path => "/nowhere/at/all" } }
          |          ^^^^
        "#);
    }
}
