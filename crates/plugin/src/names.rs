//! The names of months and days, and of the halves of a day, in the languages that logs are written in.
//!
//! Java takes them from CLDR. Programs write shorter ones too (`Mär`, `Sep`), so that here each name has all its usual forms, and
//! English ones are read besides.

/// The languages, for the error that names them.
pub const LANGUAGES: &str = "en, da, de, es, fi, fr, it, nb, nl, pl, pt, sv";

/// Names in small letters, longest first, with what they stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// None for English, which is read by hand.
    months: Vec<(String, u8)>,
    days: Vec<(String, u8)>,
}

struct Language {
    tag: &'static str,
    months: [&'static str; 12],
    days: [&'static str; 7],
}

/// Forms are separated by a bar; a dot after a short one may be there or not.
const TABLE: &[Language] = &[
    Language {
        tag: "de",
        months: [
            "januar|jan|jänner|jän",
            "februar|feb|febr|feber",
            "märz|mär|mrz",
            "april|apr",
            "mai",
            "juni|jun",
            "juli|jul",
            "august|aug",
            "september|sep|sept",
            "oktober|okt",
            "november|nov",
            "dezember|dez",
        ],
        days: [
            "montag|mo",
            "dienstag|di",
            "mittwoch|mi",
            "donnerstag|do",
            "freitag|fr",
            "samstag|sonnabend|sa",
            "sonntag|so",
        ],
    },
    Language {
        tag: "fr",
        months: [
            "janvier|janv|jan",
            "février|févr|fév",
            "mars|mar",
            "avril|avr",
            "mai",
            "juin",
            "juillet|juil",
            "août|aoû",
            "septembre|sept|sep",
            "octobre|oct",
            "novembre|nov",
            "décembre|déc",
        ],
        days: [
            "lundi|lun",
            "mardi|mar",
            "mercredi|mer",
            "jeudi|jeu",
            "vendredi|ven",
            "samedi|sam",
            "dimanche|dim",
        ],
    },
    Language {
        tag: "es",
        months: [
            "enero|ene",
            "febrero|feb",
            "marzo|mar",
            "abril|abr",
            "mayo|may",
            "junio|jun",
            "julio|jul",
            "agosto|ago",
            "septiembre|setiembre|sept|sep|set",
            "octubre|oct",
            "noviembre|nov",
            "diciembre|dic",
        ],
        days: [
            "lunes|lun",
            "martes|mar",
            "miércoles|mié",
            "jueves|jue",
            "viernes|vie",
            "sábado|sáb",
            "domingo|dom",
        ],
    },
    Language {
        tag: "it",
        months: [
            "gennaio|gen",
            "febbraio|feb",
            "marzo|mar",
            "aprile|apr",
            "maggio|mag",
            "giugno|giu",
            "luglio|lug",
            "agosto|ago",
            "settembre|set",
            "ottobre|ott",
            "novembre|nov",
            "dicembre|dic",
        ],
        days: [
            "lunedì|lun",
            "martedì|mar",
            "mercoledì|mer",
            "giovedì|gio",
            "venerdì|ven",
            "sabato|sab",
            "domenica|dom",
        ],
    },
    Language {
        tag: "pt",
        months: [
            "janeiro|jan",
            "fevereiro|fev",
            "março|mar",
            "abril|abr",
            "maio|mai",
            "junho|jun",
            "julho|jul",
            "agosto|ago",
            "setembro|set",
            "outubro|out",
            "novembro|nov",
            "dezembro|dez",
        ],
        days: [
            "segunda-feira|segunda|seg",
            "terça-feira|terça|ter",
            "quarta-feira|quarta|qua",
            "quinta-feira|quinta|qui",
            "sexta-feira|sexta|sex",
            "sábado|sáb",
            "domingo|dom",
        ],
    },
    Language {
        tag: "nl",
        months: [
            "januari|jan",
            "februari|feb",
            "maart|mrt|mar",
            "april|apr",
            "mei",
            "juni|jun",
            "juli|jul",
            "augustus|aug",
            "september|sep|sept",
            "oktober|okt",
            "november|nov",
            "december|dec",
        ],
        days: [
            "maandag|ma",
            "dinsdag|di",
            "woensdag|wo",
            "donderdag|do",
            "vrijdag|vr",
            "zaterdag|za",
            "zondag|zo",
        ],
    },
    Language {
        tag: "sv",
        months: [
            "januari|jan",
            "februari|feb",
            "mars|mar",
            "april|apr",
            "maj",
            "juni|jun",
            "juli|jul",
            "augusti|aug",
            "september|sep|sept",
            "oktober|okt",
            "november|nov",
            "december|dec",
        ],
        days: [
            "måndag|mån",
            "tisdag|tis",
            "onsdag|ons",
            "torsdag|tors|tor",
            "fredag|fre",
            "lördag|lör",
            "söndag|sön",
        ],
    },
    Language {
        tag: "da",
        months: [
            "januar|jan",
            "februar|feb",
            "marts|mar",
            "april|apr",
            "maj",
            "juni|jun",
            "juli|jul",
            "august|aug",
            "september|sep|sept",
            "oktober|okt",
            "november|nov",
            "december|dec",
        ],
        days: [
            "mandag|man",
            "tirsdag|tirs|tir",
            "onsdag|ons",
            "torsdag|tors|tor",
            "fredag|fre",
            "lørdag|lør",
            "søndag|søn",
        ],
    },
    Language {
        tag: "nb",
        months: [
            "januar|jan",
            "februar|feb",
            "mars|mar",
            "april|apr",
            "mai",
            "juni|jun",
            "juli|jul",
            "august|aug",
            "september|sep|sept",
            "oktober|okt",
            "november|nov",
            "desember|des",
        ],
        days: [
            "mandag|man",
            "tirsdag|tirs|tir",
            "onsdag|ons",
            "torsdag|tors|tor",
            "fredag|fre",
            "lørdag|lør",
            "søndag|søn",
        ],
    },
    Language {
        tag: "fi",
        months: [
            "tammikuuta|tammikuu|tammi",
            "helmikuuta|helmikuu|helmi",
            "maaliskuuta|maaliskuu|maalis",
            "huhtikuuta|huhtikuu|huhti",
            "toukokuuta|toukokuu|touko",
            "kesäkuuta|kesäkuu|kesä",
            "heinäkuuta|heinäkuu|heinä",
            "elokuuta|elokuu|elo",
            "syyskuuta|syyskuu|syys",
            "lokakuuta|lokakuu|loka",
            "marraskuuta|marraskuu|marras",
            "joulukuuta|joulukuu|joulu",
        ],
        days: [
            "maanantaina|maanantai|ma",
            "tiistaina|tiistai|ti",
            "keskiviikkona|keskiviikko|ke",
            "torstaina|torstai|to",
            "perjantaina|perjantai|pe",
            "lauantaina|lauantai|la",
            "sunnuntaina|sunnuntai|su",
        ],
    },
    Language {
        tag: "pl",
        months: [
            "stycznia|styczeń|sty",
            "lutego|luty|lut",
            "marca|marzec|mar",
            "kwietnia|kwiecień|kwi",
            "maja|maj",
            "czerwca|czerwiec|cze",
            "lipca|lipiec|lip",
            "sierpnia|sierpień|sie",
            "września|wrzesień|wrz",
            "października|październik|paź",
            "listopada|listopad|lis",
            "grudnia|grudzień|gru",
        ],
        days: [
            "poniedziałek|pon",
            "wtorek|wto|wt",
            "środa|śro|śr",
            "czwartek|czw",
            "piątek|pią|pt",
            "sobota|sob",
            "niedziela|nie|niedz",
        ],
    },
];

impl Names {
    /// Of a tag such as `de`, `de-AT` or `de_AT.UTF-8`; `None` where its language is not among [`LANGUAGES`].
    pub fn of(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_', '.']).next().unwrap_or_default().to_lowercase();
        let language = match language.as_str() {
            "en" | "c" | "posix" => return Some(Self::default()),
            "no" | "nn" => "nb",
            other => other,
        };
        let found = TABLE.iter().find(|known| known.tag == language)?;
        Some(Self { months: forms(&found.months), days: forms(&found.days) })
    }

    /// A month from 1 and the text after it.
    pub fn month<'t>(&self, text: &'t str) -> Option<(u8, &'t str)> {
        // The own language first: `juni` is more than an English `jun`.
        match find(&self.months, text) {
            Some(found) => Some(found),
            None => english_month(text),
        }
    }

    /// The text after the name of a day.
    pub fn day<'t>(&self, text: &'t str) -> Option<&'t str> {
        match find(&self.days, text) {
            Some((_, rest)) => Some(rest),
            None => english_day(text),
        }
    }
}

fn forms(names: &[&str]) -> Vec<(String, u8)> {
    let mut forms = Vec::new();
    for (number, names) in (1_u8..).zip(names) {
        for form in names.split('|') {
            forms.push((format!("{form}."), number));
            forms.push((form.to_owned(), number));
        }
    }
    forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    forms
}

fn find<'t>(forms: &[(String, u8)], text: &'t str) -> Option<(u8, &'t str)> {
    forms.iter().find_map(|(form, number)| strip_lower(text, form).map(|rest| (*number, rest)))
}

/// The text after `small`, whatever the case of its letters.
fn strip_lower<'t>(text: &'t str, small: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    for c in small.chars() {
        let next = rest.next()?;
        if next != c && !next.to_lowercase().eq([c]) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// What follows the first three letters of each month.
const MONTHS: [&str; 12] =
    ["uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember"];

fn english_month(text: &str) -> Option<(u8, &str)> {
    let [a, b, c, ..] = *text.as_bytes() else { return None };
    let number = match [a | 0x20, b | 0x20, c | 0x20] {
        [b'j', b'a', b'n'] => 1,
        [b'f', b'e', b'b'] => 2,
        [b'm', b'a', b'r'] => 3,
        [b'a', b'p', b'r'] => 4,
        [b'm', b'a', b'y'] => 5,
        [b'j', b'u', b'n'] => 6,
        [b'j', b'u', b'l'] => 7,
        [b'a', b'u', b'g'] => 8,
        [b's', b'e', b'p'] => 9,
        [b'o', b'c', b't'] => 10,
        [b'n', b'o', b'v'] => 11,
        [b'd', b'e', b'c'] => 12,
        _ => return None,
    };
    let rest = text.get(3..)?;
    let more = MONTHS.get(usize::from(number) - 1).copied().unwrap_or_default();
    Some((number, strip_ascii(rest, more)))
}

fn english_day(text: &str) -> Option<&str> {
    let [a, b, c, ..] = *text.as_bytes() else { return None };
    let more = match [a | 0x20, b | 0x20, c | 0x20] {
        [b'm', b'o', b'n'] | [b's', b'u', b'n'] | [b'f', b'r', b'i'] => "day",
        [b't', b'u', b'e'] => "sday",
        [b'w', b'e', b'd'] => "nesday",
        [b't', b'h', b'u'] => "rsday",
        [b's', b'a', b't'] => "urday",
        _ => return None,
    };
    Some(strip_ascii(text.get(3..)?, more))
}

/// The text after `more`, where it is there.
fn strip_ascii<'t>(text: &'t str, more: &str) -> &'t str {
    match text.get(..more.len()) {
        Some(head) if head.eq_ignore_ascii_case(more) => text.get(more.len()..).unwrap_or_default(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_names() {
        let english = Names::of("en_US").unwrap();
        assert_eq!(english.month("may 7"), Some((5, " 7")));
        assert_eq!(english.month("SEPTEMBER"), Some((9, "")));
        assert_eq!(english.month("Sept"), Some((9, "t")));
        assert_eq!(english.month("Mä"), None);
        assert_eq!(english.day("wednesday,"), Some(","));
        let german = Names::of("de-AT").unwrap();
        for (text, month) in
            [("Jänner", 1), ("MÄRZ", 3), ("Mär", 3), ("Mai", 5), ("Okt.", 10), ("Dez", 12), ("Dec", 12)]
        {
            assert_eq!(german.month(text), Some((month, "")), "{text}");
        }
        assert_eq!(german.day("Mo."), Some(""));
        assert_eq!(Names::of("fr").unwrap().month("déc. 7"), Some((12, " 7")));
        assert!(Names::of("tlh").is_none());
    }
}
