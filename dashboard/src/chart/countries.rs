//! The countries of the world, from `assets/countries.txt`.

use std::sync::LazyLock;

/// One country or territory.
#[derive(Debug)]
pub(crate) struct Country {
    /// ISO 3166 alpha-2, upper case.
    pub(crate) code: &'static str,
    /// The English short name.
    pub(crate) name: &'static str,
    /// Outlines as longitude and latitude in degrees; a single point where it is too small for one.
    pub(crate) rings: Vec<Vec<(f32, f32)>>,
}

static COUNTRIES: LazyLock<Vec<Country>> =
    LazyLock::new(|| include_str!("../../assets/countries.txt").lines().filter_map(country).collect());

/// All of them but Antarctica, by code.
pub(crate) fn all() -> &'static [Country] {
    &COUNTRIES
}

/// The country of a code, in either case.
pub(crate) fn find(code: &str) -> Option<&'static Country> {
    let code = code.to_ascii_uppercase();
    COUNTRIES.binary_search_by(|c| c.code.cmp(&code)).ok().and_then(|i| COUNTRIES.get(i))
}

fn country(line: &'static str) -> Option<Country> {
    let mut fields = line.split('\t');
    let (code, name, rings) = (fields.next()?, fields.next()?, fields.next()?);
    let degrees = |tenths: &str| tenths.parse::<i16>().ok().map(|t| f32::from(t) / 10.0);
    let point = |pair: &str| {
        let (x, y) = pair.split_once(',')?;
        Some((degrees(x)?, degrees(y)?))
    };
    let rings = rings.split('|').map(|ring| ring.split(' ').filter_map(point).collect()).collect();
    Some(Country { code, name, rings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_whole() {
        assert_eq!(all().len(), 235);
        assert!(all().is_sorted_by_key(|c| c.code));
        for country in all() {
            assert!(country.code.len() == 2 && !country.name.is_empty(), "{country:?}");
            for ring in &country.rings {
                assert!(ring.len() == 1 || ring.len() > 2, "{}", country.code);
                assert!(ring.iter().all(|(x, y)| x.abs() <= 180.0 && y.abs() <= 90.0), "{}", country.code);
            }
        }
    }

    #[test]
    fn found_by_code() {
        assert_eq!(find("fr").map(|c| c.name), Some("France"));
        assert_eq!(find("SG").map(|c| c.rings[0].len()), Some(1));
        assert!(find("ZZ").is_none() && find("").is_none());
    }
}
