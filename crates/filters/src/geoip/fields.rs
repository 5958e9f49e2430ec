//! The fields that an address has, and their names with and without the Elastic Common Schema.

use alces_event::Key;

use crate::context::EcsMode;

/// A field, in the order in which Logstash sets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    AsNumber,
    AsOrganization,
    CityName,
    CountryName,
    ContinentCode,
    ContinentName,
    CountryCode2,
    CountryCode3,
    Domain,
    Ip,
    Isp,
    PostalCode,
    DmaCode,
    RegionName,
    RegionCode,
    RegionIsoCode,
    Timezone,
    Location,
    Latitude,
    Longitude,
    Organization,
    ConnectionType,
    Network,
    HostingProvider,
    TorExitNode,
    AnonymousVpn,
    Anonymous,
    PublicProxy,
    ResidentialProxy,
}

use Field::*;

/// A field, its name in the option `fields`, with ECS (none where ECS has none), and without.
type Names = (Field, &'static str, Option<&'static str>, &'static str);

const NAMES: &[Names] = &[
    (AsNumber, "autonomous_system_number", Some("as.number"), "asn"),
    (AsOrganization, "autonomous_system_organization", Some("as.organization.name"), "as_org"),
    (CityName, "city_name", Some("geo.city_name"), "city_name"),
    (CountryName, "country_name", Some("geo.country_name"), "country_name"),
    (ContinentCode, "continent_code", Some("geo.continent_code"), "continent_code"),
    (ContinentName, "continent_name", Some("geo.continent_name"), "continent_name"),
    (CountryCode2, "country_code2", Some("geo.country_iso_code"), "country_code2"),
    (CountryCode3, "country_code3", None, "country_code3"),
    (Domain, "domain", Some("domain"), "domain"),
    (Ip, "ip", Some("ip"), "ip"),
    (Isp, "isp", Some("mmdb.isp"), "isp"),
    (PostalCode, "postal_code", Some("geo.postal_code"), "postal_code"),
    (DmaCode, "dma_code", Some("mmdb.dma_code"), "dma_code"),
    (RegionName, "region_name", Some("geo.region_name"), "region_name"),
    (RegionCode, "region_code", Some("geo.region_code"), "region_code"),
    (RegionIsoCode, "region_iso_code", Some("geo.region_iso_code"), "region_iso_code"),
    (Timezone, "timezone", Some("geo.timezone"), "timezone"),
    (Location, "location", Some("geo.location"), "location"),
    (Latitude, "latitude", Some("geo.location.lat"), "latitude"),
    (Longitude, "longitude", Some("geo.location.lon"), "longitude"),
    (Organization, "organization", Some("mmdb.organization"), "organization"),
    (ConnectionType, "connection_type", Some("mmdb.connection_type"), "connection_type"),
    (Network, "network", Some("ip_traits.network"), "network"),
    (HostingProvider, "hosting_provider", Some("ip_traits.hosting_provider"), "hosting_provider"),
    (TorExitNode, "tor_exit_node", Some("ip_traits.tor_exit_node"), "tor_exit_node"),
    (AnonymousVpn, "anonymous_vpn", Some("ip_traits.anonymous_vpn"), "anonymous_vpn"),
    (Anonymous, "anonymous", Some("ip_traits.anonymous"), "anonymous"),
    (PublicProxy, "public_proxy", Some("ip_traits.public_proxy"), "public_proxy"),
    (ResidentialProxy, "residential_proxy", Some("ip_traits.residential_proxy"), "residential_proxy"),
];

/// The words of the option `fields`.
pub(super) fn words() -> Vec<(&'static str, Field)> {
    NAMES.iter().map(|(field, word, ..)| (*word, *field)).collect()
}

impl Field {
    /// The way to it below the target.
    pub(super) fn way(self, ecs: EcsMode) -> Option<Vec<Key>> {
        let (_, _, with, without) = NAMES.iter().find(|(field, ..)| *field == self)?;
        let dotted = match ecs {
            EcsMode::V8 => (*with)?,
            EcsMode::Disabled => *without,
        };
        Some(dotted.split('.').map(Key::new).collect())
    }
}

/// What a database is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    City,
    Country,
    Domain,
    Asn,
    Isp,
    Enterprise,
    AnonymousIp,
    ConnectionType,
}

/// Parts of a database's own name, in the order in which Logstash looks for them.
const KINDS: &[(&str, Kind)] = &[
    ("City", Kind::City),
    ("Country", Kind::Country),
    ("Domain", Kind::Domain),
    ("ASN", Kind::Asn),
    ("ISP", Kind::Isp),
    ("Enterprise", Kind::Enterprise),
    ("Anonymous-IP", Kind::AnonymousIp),
    ("Connection-Type", Kind::ConnectionType),
];

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|(part, _)| name.contains(part)).map(|(_, kind)| *kind)
    }

    /// The fields that are set where none are asked for.
    pub(super) fn fields(self, ecs: EcsMode) -> Vec<Field> {
        let region = if ecs == EcsMode::V8 { RegionIsoCode } else { RegionCode };
        match self {
            Self::City => vec![
                CityName,
                CountryName,
                ContinentCode,
                CountryCode2,
                CountryCode3,
                Ip,
                PostalCode,
                DmaCode,
                RegionName,
                region,
                Timezone,
                Location,
                Latitude,
                Longitude,
            ],
            Self::Country => vec![CountryName, ContinentName, CountryCode2, Ip],
            Self::Domain => vec![Domain],
            Self::Asn => vec![AsNumber, AsOrganization, Ip],
            Self::Isp => vec![AsNumber, AsOrganization, Ip, Isp, Organization],
            Self::Enterprise => {
                vec![
                    CityName,
                    CountryName,
                    ContinentName,
                    CountryCode2,
                    Ip,
                    RegionName,
                    RegionIsoCode,
                    Location,
                ]
            }
            Self::AnonymousIp => {
                vec![HostingProvider, TorExitNode, AnonymousVpn, Anonymous, PublicProxy, ResidentialProxy]
            }
            Self::ConnectionType => vec![ConnectionType],
        }
    }
}
