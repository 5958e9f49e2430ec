//! A database of addresses (MaxMind's format), and what it says of one.

use std::net::IpAddr;

use alces_event::{Key, Object, ObjectRef, Value, ValueRef};
use maxminddb::Reader;

use super::fields::{Field, Kind};
use crate::context::EcsMode;

pub(super) struct Database {
    reader: Reader<Vec<u8>>,
    kind: Kind,
    fields: Vec<Field>,
    ecs: EcsMode,
}

impl Database {
    /// # Errors
    /// The bytes are no database, or one of a kind that Logstash does not know.
    pub(super) fn read(bytes: &[u8], asked: &[Field], ecs: EcsMode) -> Result<Self, String> {
        let reader = Reader::from_source(bytes.to_vec()).map_err(|error| error.to_string())?;
        let name = &reader.metadata().database_type;
        let kind = Kind::named(name).ok_or_else(|| {
            format!(
                "it is a database of the kind `{name}`; geoip reads City, Country, ASN, ISP, Domain, Anonymous-IP, Enterprise and Connection-Type"
            )
        })?;
        let mut fields = if asked.is_empty() { kind.fields(ecs) } else { asked.to_vec() };
        fields.sort_unstable();
        fields.dedup();
        Ok(Self { reader, kind, fields, ecs })
    }

    /// The fields of an address, to be set below the target; none where nothing is known of it.
    pub(super) fn find(&self, address: IpAddr) -> Option<Object> {
        let found = self.reader.lookup(address).ok()?;
        let record: Value = found.decode().ok()??;
        let record = Record(record.view_alone().as_object()?);
        // Without a place there is nothing to tell, in Logstash.
        if self.kind == Kind::City
            && record.at("location.latitude").or(record.at("location.longitude")).is_none()
        {
            return None;
        }
        let mut object = Object::default();
        for field in &self.fields {
            let value = match field {
                Field::Ip => Some(Value::from(address.to_string())),
                Field::Network => found.network().ok().map(|network| Value::from(network.to_string())),
                field => record.value(*field, self.kind),
            };
            if let (Some(value), Some(way)) = (value, field.way(self.ecs)) {
                set(&mut object, &way, value);
            }
        }
        (!object.is_empty()).then_some(object)
    }
}

fn set(object: &mut Object, way: &[Key], value: Value) {
    if let Some((last, way)) = way.split_last() {
        way.iter().fold(object, |object, key| object.child(key)).set(last.clone(), value);
    }
}

/// What the database has of one address.
#[derive(Clone, Copy)]
struct Record<'r>(ObjectRef<'r>);

impl<'r> Record<'r> {
    fn at(self, dotted: &str) -> Option<ValueRef<'r>> {
        let found = dotted.split('.').try_fold(ValueRef::Object(self.0), |at, name| match at {
            ValueRef::Object(object) => object.get(name),
            ValueRef::List(list) => list.get(name.parse().ok()?),
            _ => None,
        });
        found.filter(|value| *value != ValueRef::Null)
    }

    fn copy(self, dotted: &str) -> Option<Value> {
        self.at(dotted).map(ValueRef::to_value)
    }

    fn number(self, dotted: &str) -> Option<f64> {
        match self.at(dotted)? {
            ValueRef::Float(number) => Some(number),
            ValueRef::Int(number) => Some(number as f64),
            _ => None,
        }
    }

    /// A record that does not say so is not of those, where the database is about that.
    fn truth(self, kind: Kind, name: &str) -> Option<Value> {
        let dotted = match kind {
            Kind::AnonymousIp => name.to_owned(),
            Kind::Enterprise => format!("traits.{name}"),
            _ => return None,
        };
        Some(Value::Bool(self.at(&dotted) == Some(ValueRef::Bool(true))))
    }

    fn value(self, field: Field, kind: Kind) -> Option<Value> {
        let traits = |name: &str| match kind {
            Kind::Enterprise => self.copy(&format!("traits.{name}")),
            _ => self.copy(name),
        };
        match field {
            Field::AsNumber => traits("autonomous_system_number"),
            Field::AsOrganization => traits("autonomous_system_organization"),
            Field::Isp => traits("isp"),
            Field::Organization => traits("organization"),
            Field::ConnectionType => traits("connection_type"),
            Field::Domain => traits("domain"),
            Field::CityName => self.copy("city.names.en"),
            Field::CountryName => self.copy("country.names.en"),
            Field::ContinentCode => self.copy("continent.code"),
            Field::ContinentName => self.copy("continent.names.en"),
            // So it is in Logstash: both are of two letters.
            Field::CountryCode2 | Field::CountryCode3 => self.copy("country.iso_code"),
            Field::PostalCode => self.copy("postal.code"),
            Field::DmaCode => self.copy("location.metro_code"),
            // The smallest is the last.
            Field::RegionName => self.copy("subdivisions.-1.names.en"),
            Field::RegionCode => self.copy("subdivisions.-1.iso_code"),
            Field::RegionIsoCode => {
                let country = self.at("country.iso_code")?.as_str()?;
                let region = self.at("subdivisions.-1.iso_code")?.as_str()?;
                Some(Value::from(format!("{country}-{region}")))
            }
            Field::Timezone => self.copy("location.time_zone"),
            Field::Latitude => self.number("location.latitude").map(Value::Float),
            Field::Longitude => self.number("location.longitude").map(Value::Float),
            Field::Location => {
                let (lat, lon) = (self.number("location.latitude")?, self.number("location.longitude")?);
                let mut location = Object::with_capacity(2);
                location.set(Key::new("lat"), Value::Float(lat));
                location.set(Key::new("lon"), Value::Float(lon));
                Some(Value::Object(location))
            }
            Field::HostingProvider => self.truth(kind, "is_hosting_provider"),
            Field::TorExitNode => self.truth(kind, "is_tor_exit_node"),
            Field::AnonymousVpn => self.truth(kind, "is_anonymous_vpn"),
            Field::Anonymous => self.truth(kind, "is_anonymous"),
            Field::PublicProxy => self.truth(kind, "is_public_proxy"),
            Field::ResidentialProxy => self.truth(kind, "is_residential_proxy"),
            Field::Ip | Field::Network => None,
        }
    }
}
