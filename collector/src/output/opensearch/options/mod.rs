//! The output's options, under Logstash's names.

mod certificates;
mod connect;
mod item;
mod templates;

use alces_conf::{Options, Span};
use alces_event::{FieldRef, Template};
use alces_filters::{Context, EcsMode};
use url::Url;

use super::bulk::StreamText;
pub(crate) use certificates::Certificates;
pub(crate) use connect::{Connect, Gzip, basic};
pub(crate) use item::{Action, Items};
pub(crate) use templates::Templates;

/// Said of Elasticsearch's life cycles.
const ISM: &str = "OpenSearch has policies of its own (ISM) for what is old: write one there for the index pattern, and `ilm_enabled => false` here";

/// A checked `elasticsearch { … }` or `opensearch { … }`.
#[derive(Clone)]
pub(crate) struct OpenSearchPlan {
    /// The plugin's name as written.
    pub(crate) name: &'static str,
    pub(crate) hosts: Vec<Url>,
    pub(crate) connect: Connect,
    pub(crate) index: Template,
    pub(crate) data_stream: Option<DataStream>,
    /// What is done with each; without an action: `create` where the event has an id.
    pub(crate) items: Items,
    pub(crate) document_id: Option<Template>,
    pub(crate) templates: Templates,
    /// Whether an event goes to the dead-letter queue that has not what the index's name is made of.
    pub(crate) refuses_unresolved: bool,
    /// Where senders put an event's id.
    pub(crate) id_field: FieldRef,
}

impl std::fmt::Debug for OpenSearchPlan {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenSearchPlan").field("hosts", &self.shown_hosts()).finish_non_exhaustive()
    }
}

/// The parts of a data stream's name, which are also written into the event.
#[derive(Clone, Debug)]
pub(crate) struct DataStream {
    pub(crate) kind: String,
    pub(crate) dataset: String,
    pub(crate) namespace: String,
    /// The three as they are written, for events that name no stream of their own.
    pub(crate) written: StreamText,
    pub(crate) sync_fields: bool,
    pub(crate) auto_routing: bool,
}

impl OpenSearchPlan {
    /// The hosts without secrets.
    pub(crate) fn shown_hosts(&self) -> Vec<String> {
        self.hosts.iter().map(|url| url.origin().ascii_serialization()).collect()
    }

    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        crate::output::common(options);
        let name = if options.plugin() == "opensearch" { "opensearch" } else { "elasticsearch" };
        options.unsupported("ilm_policy", ISM);
        options.unsupported("ilm_rollover_alias", ISM);
        options.unsupported("ilm_pattern", ISM);
        // What these ask for is so anyway: retries have no end, one connection pool a host.
        for option in [
            "retry_initial_interval",
            "retry_max_interval",
            "pool_max",
            "pool_max_per_route",
            "resurrect_delay",
            "validate_after_inactivity",
            "failure_type_logging_whitelist",
            "silence_errors_in_log",
            "legacy_template",
            "default_server_major_version",
            "max_icu_version_check",
            "max_icu",
            "target_bulk_bytes",
        ] {
            options.no_effect(option, "what it tunes is not there or decided by the collector");
        }
        options.no_effect(
            "dlq_custom_codes",
            "what is refused for good goes to the dead-letter queue, whatever the code",
        );
        options.no_effect("document_type", "documents have no types any more");
        let managed = [("false", false), ("auto", false), ("true", true)];
        if options.choice("ilm_enabled", &managed) == Some(true) {
            options.error_here(format!("`ilm_enabled` is not there: {ISM}"));
        }
        let connect = Connect::read(context, options);
        let items = Items::read(options);
        let hosts = hosts(options, &connect);
        let mut plan = Self {
            name,
            hosts,
            connect,
            index: Template::parse("").unwrap_or_else(|_| unreachable!("an empty template is one")),
            data_stream: None,
            items,
            document_id: None,
            templates: Templates::read(context, options),
            refuses_unresolved: options.boolean("dlq_on_failed_indexname_interpolation").unwrap_or(true),
            id_field: FieldRef::metadata("_id"),
        };
        plan.document_id = options.text("document_id").and_then(|t| {
            let text = t.node;
            crate_template(options, &text, &t.span)
        });
        plan.place(options, context);
        if matches!(plan.items.fixed(), Some(Action::Update | Action::Delete)) && plan.document_id.is_none() {
            options.error_here("`update` and `delete` want `document_id`, which says of what");
        }
        if plan.data_stream.is_some()
            && plan.items.is_given()
            && !matches!(plan.items.fixed(), Some(Action::Create | Action::Index))
        {
            options.error_here("a data stream takes only what is new: `action => \"create\"`");
        }
        plan
    }

    /// Where documents go: a data stream, or an index by name.
    fn place(&mut self, options: &mut Options<'_>, context: &Context<'_>) {
        let ecs = options
            .choice(
                "ecs_compatibility",
                &[("disabled", EcsMode::Disabled), ("v1", EcsMode::V8), ("v8", EcsMode::V8)],
            )
            .unwrap_or(context.ecs);
        let index = options.text("index");
        let wanted =
            options.choice("data_stream", &[("true", Some(true)), ("false", Some(false)), ("auto", None)]);
        let kind = options.text("data_stream_type");
        let dataset = options.text("data_stream_dataset");
        let namespace = options.text("data_stream_namespace");
        let named = kind.is_some() || dataset.is_some() || namespace.is_some();
        // As Logstash 8: a data stream unless something speaks of an index, or of the names before ECS. The `opensearch`
        // output of Logstash writes to a dated index unless told otherwise.
        let auto = named
            || (ecs == EcsMode::V8
                && self.name == "elasticsearch"
                && index.is_none()
                && matches!(self.items.fixed(), None | Some(Action::Create))
                && (self.items.fixed().is_some() || !self.items.is_given())
                && self.document_id.is_none());
        if wanted.flatten().unwrap_or(auto) {
            if let Some(index) = index {
                options
                    .error(&index.span, "`index` and a data stream exclude each other: remove one of them");
            }
            let text = |t: Option<alces_conf::Spanned<String>>, default: &str| {
                t.map_or(default.to_owned(), |t| t.node)
            };
            let (kind, dataset, namespace) =
                (text(kind, "logs"), text(dataset, "generic"), text(namespace, "default"));
            self.data_stream = Some(DataStream {
                written: StreamText::new(&kind, &dataset, &namespace),
                kind,
                dataset,
                namespace,
                sync_fields: options.boolean("data_stream_sync_fields").unwrap_or(true),
                auto_routing: options.boolean("data_stream_auto_routing").unwrap_or(true),
            });
            return;
        }
        options.no_effect("data_stream_sync_fields", "it is for data streams only");
        options.no_effect("data_stream_auto_routing", "it is for data streams only");
        let default = match ecs {
            EcsMode::Disabled => "logstash-%{+yyyy.MM.dd}",
            EcsMode::V8 => "ecs-logstash-%{+yyyy.MM.dd}",
        };
        let (text, span) = index.map_or((default.to_owned(), 0..0), |t| (t.node, t.span));
        if let Some(template) = crate_template(options, &text, &span) {
            self.index = template;
        }
    }
}

fn crate_template(options: &mut Options<'_>, text: &str, span: &Span) -> Option<Template> {
    Template::parse(text).map_err(|error| options.error(span, error.to_string())).ok()
}

/// `es01:9200`, `http://es01`, `https://user:secret@es01:9200`; 9200 where no port is given, as in Logstash.
fn hosts(options: &mut Options<'_>, connect: &Connect) -> Vec<Url> {
    let cloud = options.text("cloud_id");
    let given = options.texts("hosts");
    let given = match (cloud, given) {
        (Some(cloud), None) => match connect::cloud(&cloud.node) {
            Some(host) => vec![alces_conf::Spanned { node: host, span: cloud.span }],
            None => {
                options
                    .error(&cloud.span, "this is no `cloud_id`: it is a name, a colon, and a text in base64");
                return Vec::new();
            }
        },
        (Some(cloud), Some(_)) => {
            options.error(&cloud.span, "`cloud_id` and `hosts` exclude each other: remove one of them");
            return Vec::new();
        }
        (None, given) => given
            .unwrap_or_else(|| vec![alces_conf::Spanned { node: "127.0.0.1:9200".to_owned(), span: 0..0 }]),
    };
    let mut hosts = Vec::new();
    for host in given {
        match self::host(&host.node, connect) {
            Some(url) if url.scheme() == "http" && connect.scheme == "https" => options
                .error(&host.span, "`http://` and TLS say two things: write `https://`, or the host alone"),
            Some(url) => hosts.push(url),
            None => options.error(
                &host.span,
                format!(
                    "`{}` is no address of a host: write `es01:9200` or `https://es01:9200`",
                    shown(&host.node)
                ),
            ),
        }
    }
    hosts
}

fn host(written: &str, connect: &Connect) -> Option<Url> {
    let text = match written.contains("://") {
        true => written.to_owned(),
        false => format!("{}://{written}", connect.scheme),
    };
    let mut url = Url::parse(&text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(())?;
    // What is the scheme's own port is not told apart from none by the address.
    let rest = text.split_once("://")?.1;
    let place = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let port_given = place.rsplit(']').next()?.contains(':');
    if url.port().is_none() && !port_given {
        url.set_port(Some(9200)).ok()?;
    }
    if let Some(path) = &connect.path {
        url.set_path(path);
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

/// A host without what may be a password.
fn shown(host: &str) -> &str {
    host.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alces_event::Timestamp;

    use crate::output::test_support::open_search;

    /// Where events go, or what is wrong.
    fn check(options: &str) -> String {
        let plan = match open_search(options) {
            Ok(plan) => plan,
            Err(error) => return error,
        };
        let (event, _) =
            alces_event::Event::from_json(b"{\"message\":\"m\"}", Timestamp::UNIX_EPOCH).unwrap();
        let place = match &plan.data_stream {
            Some(stream) => format!("{}-{}-{}", stream.kind, stream.dataset, stream.namespace),
            None => plan.index.render(&event),
        };
        format!("{place} at {}", plan.shown_hosts().join(" "))
    }

    #[test]
    fn places_and_hosts() {
        assert_eq!(
            check(r#"elasticsearch { hosts => ["es01:9200", "https://a"] }"#),
            "logs-generic-default at http://es01:9200 https://a:9200"
        );
        assert_eq!(check("opensearch { }"), "ecs-logstash-1970.01.01 at http://127.0.0.1:9200");
        assert_eq!(
            check("elasticsearch { ecs_compatibility => disabled }"),
            "logstash-1970.01.01 at http://127.0.0.1:9200"
        );
        assert_eq!(check(r#"elasticsearch { index => "x-%{+yyyy}" }"#), "x-1970 at http://127.0.0.1:9200");
        assert_eq!(
            check(r#"opensearch { data_stream => true data_stream_type => "metrics" }"#),
            "metrics-generic-default at http://127.0.0.1:9200"
        );
        assert_eq!(
            check(r#"opensearch { hosts => "http://u:secret@h" }"#),
            "ecs-logstash-1970.01.01 at http://h:9200"
        );
    }

    #[test]
    fn schemes_paths_and_clouds() {
        let es = |options: &str| check(&format!("elasticsearch {{ index => 'x' {options} }}"));
        assert_eq!(es(r#"hosts => "a" ssl_enabled => true"#), "x at https://a:9200");
        assert_eq!(es(r#"hosts => "https://a:443""#), "x at https://a");
        assert_eq!(
            es(r#"cloud_id => "l:aG9zdC5pbyRhYmMkZGVm" cloud_auth => "u:p""#),
            "x at https://abc.host.io"
        );
        assert!(es(r#"hosts => "http://a" ssl_enabled => true"#).contains("say two things"));
        assert!(es(r#"cloud_id => "nothing""#).contains("is no `cloud_id`"));
        assert!(es("ilm_enabled => true").contains("ISM"));
        assert_eq!(es("ilm_enabled => false"), "x at http://127.0.0.1:9200");
        assert!(es(r#"user => "u" password => "p" api_key => "a:b""#).contains("exclude each other"));
        assert!(es(r#"ssl_certificate => "/a""#).contains("belong together"));
        assert!(es(r#"action => "replace""#).contains("not `replace`"));
        assert!(es("action => update").contains("want `document_id`"));
        assert!(es(r#"script => "x" script_type => file"#).contains("no scripts in files"));
        assert!(
            check("elasticsearch { data_stream => true action => update document_id => aa }")
                .contains("takes only what is new")
        );
        assert_eq!(
            check("elasticsearch { action => create }"),
            "logs-generic-default at http://127.0.0.1:9200"
        );
    }

    #[test]
    fn a_secret_is_not_in_an_error() {
        let error = check(r#"elasticsearch { hosts => ["ftp://user:secret@a b"] }"#);
        // The line itself is shown, as it stands in the user's file; the message does not repeat the secret.
        assert!(!error.lines().next().unwrap().contains("secret"), "{error}");
        assert!(check(r#"elasticsearch { user => "u" }"#).contains("belong together"));
        assert!(
            check(r#"elasticsearch { index => "x" data_stream => true }"#).contains("exclude each other")
        );
    }
}
