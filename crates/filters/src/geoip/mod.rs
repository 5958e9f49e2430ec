//! `geoip`: where an address is, and whose (logstash-filter-geoip 7.3).
//!
//! Other than in Logstash: no database comes with the program and none is downloaded, so `database` names a file, which is read
//! again when it changes. No database expires: `_geoip_expired_database` is a tag of Logstash's for those that it downloaded
//! itself and could not renew for 30 days, and it is never set here. A host name is not looked up: it fails like any text that
//! is no address. A database of a kind that is not known is an error at the start, not at each event. `connection_type` and
//! `dma_code` are read where the database has them.

mod database;
mod fields;

use std::{net::IpAddr, path::PathBuf};

use alces_conf::{Options, Spanned};
use alces_event::{Event, FieldRef, Object, Value, ValueRef};
use jiff::SignedDuration;
use quick_cache::unsync::Cache;

use crate::{
    common::{Common, failure_tags, field, one_of},
    context::{Context, EcsMode, ecs_option},
    filter::Filter,
    reload::Reload,
};
use database::Database;

/// A compiled `geoip { … }`.
pub(crate) struct GeoIp {
    source: FieldRef,
    target: FieldRef,
    database: Reload<Database>,
    /// What was found, and that nothing was: each worker's own.
    cache: Cache<IpAddr, Option<Object>>,
    cache_size: usize,
    tag_on_failure: Vec<String>,
    common: Common,
}

impl std::fmt::Debug for GeoIp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeoIp").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Clone for GeoIp {
    /// Another worker's; its cache is empty.
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            target: self.target.clone(),
            database: self.database.clone(),
            cache: Cache::new(self.cache_size),
            cache_size: self.cache_size,
            tag_on_failure: self.tag_on_failure.clone(),
            common: self.common.clone(),
        }
    }
}

/// How often the file is looked at.
const REFRESH: SignedDuration = SignedDuration::from_secs(60);

impl GeoIp {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let ecs = ecs_option(options, context.ecs);
        options.differs("cache_size", "each worker has its own cache of that size");
        options.differs(
            "database",
            "it must be given: no database comes with the program; it is read again when it changes",
        );
        options.choice("default_database_type", &[("City", ()), ("ASN", ())]);
        options
            .no_effect("default_database_type", "no database comes with the program: `database` names one");
        let cache_size = options.integer("cache_size", 1..=i64::from(u32::MAX)).unwrap_or(1000);
        let source = options.text("source");
        if !options.is_given("source") {
            options.error_here(r#"geoip wants `source => "[source][ip]"`, the field that holds the address"#);
        }
        let target = options.text("target");
        let asked = options.texts("fields").unwrap_or_default();
        let words = fields::words();
        let asked: Vec<_> = asked
            .into_iter()
            .filter_map(|word| {
                let word = Spanned { node: word.node.to_lowercase(), span: word.span };
                one_of(options, &word, "fields", &words)
            })
            .collect();
        let tag_on_failure = failure_tags(options, "_geoip_lookup_failure");
        let path = options.text("database");
        if !options.is_given("database") {
            options.error_here(
                "geoip wants `database => \"/path/to/GeoLite2-City.mmdb\"`: none comes with the program; MaxMind gives GeoLite2 to \
                 whoever has an account there, and others (DB-IP, IPinfo) have databases of the same form",
            );
        }
        let database = path.and_then(|path| {
            let make = move |bytes: &[u8], _: Option<&Database>| Database::read(bytes, &asked, ecs);
            match Reload::read(context, PathBuf::from(&path.node), Some(REFRESH), Box::new(make)) {
                Ok(database) => Some(database),
                Err(reason) => {
                    options.error_with_help(
                        &path.span,
                        format!("cannot read the database `{}`: {reason}", path.node),
                        "geoip reads files of MaxMind's format (`.mmdb`)",
                    );
                    None
                }
            }
        });
        let source = source?;
        let target = target.or_else(|| derived(options, &source, ecs));
        let source = field(options, &source.node, &source.span);
        let target = target.and_then(|target| field(options, &target.node, &target.span));
        let cache_size = usize::try_from(cache_size).unwrap_or(usize::MAX);
        Some(Box::new(Self {
            source: source?,
            target: target?,
            database: database?,
            cache: Cache::new(cache_size),
            cache_size,
            tag_on_failure,
            common,
        }))
    }

    /// What is known of the event's address; none where it has none.
    fn look_up(&mut self, event: &Event) -> Option<Result<&Object, Failed>> {
        let text = match event.get(&self.source)? {
            ValueRef::Null => return None,
            ValueRef::Str(text) => text,
            ValueRef::List(list) => match list.get(0).and_then(ValueRef::as_str) {
                Some(text) => text,
                None => return Some(Err(Failed { read: false })),
            },
            _ => return Some(Err(Failed { read: false })),
        };
        if text.trim().is_empty() {
            return Some(Err(Failed { read: false }));
        }
        let Ok(address) = text.trim().parse::<IpAddr>() else { return Some(Err(Failed { read: true })) };
        let (database, new) = self.database.get();
        if new {
            self.cache.clear();
        }
        if self.cache.get(&address).is_none() {
            self.cache.insert(address, database.find(address));
        }
        match self.cache.get(&address) {
            Some(Some(found)) => Some(Ok(found)),
            _ => Some(Err(Failed { read: true })),
        }
    }
}

/// Nothing is known; and whether the target is made all the same, as Logstash does once it has read an address.
struct Failed {
    read: bool,
}

/// The target where none is given: with ECS that around an `[ip]`.
fn derived(options: &mut Options<'_>, source: &Spanned<String>, ecs: EcsMode) -> Option<Spanned<String>> {
    if ecs == EcsMode::Disabled {
        return Some(Spanned { node: "geoip".to_owned(), span: source.span.clone() });
    }
    match source.node.strip_suffix("[ip]").filter(|around| !around.is_empty()) {
        Some(around) => Some(Spanned { node: around.to_owned(), span: source.span.clone() }),
        None => {
            options.error_with_help(
                &source.span,
                "geoip wants a `target` where `source` does not end with `[ip]`",
                r#"write `target => "source"`, or one of client, destination, host, observer, server"#,
            );
            None
        }
    }
}

/// Sets the values of an object below a field, beside those that stand there.
fn merge(into: &mut Object, from: &Object) {
    for (key, value) in from.view().iter() {
        match value {
            ValueRef::Object(_) => {
                let Value::Object(inner) = value.to_value() else { continue };
                merge(into.child(key), &inner);
            }
            other => into.set(key.clone(), other.to_value()),
        }
    }
}

impl Filter for GeoIp {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let target = self.target.clone();
        let made = match self.look_up(event) {
            Some(Ok(found)) => {
                if let Some(object) = event.object_mut(&target) {
                    merge(object, found);
                }
                true
            }
            Some(Err(Failed { read: true }))
                if event.get(&target).is_none_or(|there| there == ValueRef::Null) =>
            {
                event.set(&target, Object::default());
                false
            }
            _ => false,
        };
        if made {
            self.common.apply(event);
        } else {
            self.tag_on_failure.iter().for_each(|tag| event.tag(tag));
        }
    }

    fn flush(&mut self, end: bool, _: &mut Vec<Event>) {
        if !end {
            self.database.refresh();
        }
    }
}

#[cfg(test)]
mod tests;
