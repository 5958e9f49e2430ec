//! The program against its dull twins: itself without optimisations, and `fancy-regex`.

use fancy_regex::Regex;
use proptest::prelude::*;

use super::{End, Machine, Optimise, Program};
use crate::{
    PatternSet, dialect,
    expand::{self, Names},
};

const FUEL: u64 = 10_000_000;

type Captures = Option<Vec<Option<(usize, usize)>>>;

fn ours(program: &Program, text: &str) -> Captures {
    let mut machine = Machine::default();
    match machine.search(program, text, FUEL).0 {
        End::Match => Some((0..program.names.len()).map(|n| machine.capture(n)).collect()),
        End::NoMatch => None,
        End::Exhausted => panic!("out of fuel on {text:?}"),
    }
}

fn theirs(regex: &Regex, names: &[String], text: &str) -> Captures {
    let found = regex.captures(text).unwrap()?;
    Some(names.iter().map(|name| found.name(name).map(|m| (m.start(), m.end()))).collect())
}

/// One small regular expression, its captures named g0, g1 …
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-c]{1,2}",
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just(".".to_owned()),
        Just("\\w".to_owned()),
        Just("\\b".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
        Just("é".to_owned()),
        Just("\\S".to_owned()),
        Just("(?<![ab])".to_owned()),
        Just("(?<=a)".to_owned()),
        Just(" ".to_owned()),
        Just(":1".to_owned()),
        Just("\\d".to_owned()),
        Just("(?![0-9])".to_owned()),
        Just("[+-]?(?:[0-9]+(?::[0-9]+)?|:[0-9]+)".to_owned()),
        Just("(?:[a-c][a-c0-9]{0,8})(?::[a-c][a-c0-9]{0,8})*".to_owned()),
        Just(String::new()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            (
                inner.clone(),
                prop_oneof![
                    "\\*",
                    "\\+",
                    "\\?",
                    "\\{1,2\\}",
                    "\\{2\\}",
                    "\\{0,2\\}",
                    "\\*\\?",
                    "\\+\\?",
                    "\\?\\?"
                ]
            )
                .prop_map(|(node, times)| format!("(?:{node}){times}")),
            ("[abc.1]", prop_oneof!["\\*", "\\+", "\\?", "\\{1,2\\}", "\\*\\?", "\\+\\?"])
                .prop_map(|(c, times)| format!("{c}{times}")),
            inner.clone().prop_map(|node| format!("(?<X>{node})")),
            inner.clone().prop_map(|node| format!("(?>{node})")),
            inner.clone().prop_map(|node| format!("(?={node})")),
            inner.prop_map(|node| format!("(?!{node})")),
        ]
    })
    .prop_map(|text| {
        let mut parts = text.split("<X>");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for (at, part) in parts.enumerate() {
            out.push_str(&format!("<g{at}>{part}"));
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn optimised_is_the_same_as_not(regex in expression(), text in "[abc12:é \n]{0,12}") {
        let on = Program::compile(&regex, Optimise::On).unwrap();
        let off = Program::compile(&regex, Optimise::Off).unwrap();
        prop_assert_eq!(ours(&on, &text), ours(&off, &text), "{}", regex);
    }

    /// Where the two differ Oniguruma decides: of `(.+?)*` on `ab` the `regex` crate, to which `fancy-regex` hands over, keeps the
    /// first round's capture, where Ruby keeps the last one's.
    #[test]
    fn the_same_as_fancy_regex_or_else_as_oniguruma(regex in expression(), text in "[abc12:é ]{0,12}") {
        // How often an empty iteration runs differs between engines, and with it what such a group last captured.
        let program = Program::compile(&regex, Optimise::On).unwrap();
        let Ok(fancy) = Regex::new(&dialect::from_ruby(&regex)) else { return Ok(()) };
        let (a, b) = (ours(&program, &text), theirs(&fancy, &program.names, &text));
        if program.marks == 0 {
            if a != b {
                let decides = Oniguruma::new(&regex, &program.names).answer(&text);
                prop_assert_eq!(a, decides, "{}: {:?} by fancy-regex", regex, b);
            }
        } else {
            prop_assert_eq!(a.is_some(), b.is_some(), "{}", regex);
        }
    }
}

/// Lines of many kinds, and each with one character changed at some places.
#[test]
fn a_table_with_two_ends_takes_the_one_that_is_tried_first_and_comes_back_to_the_other() {
    let check = |regex: &str, text: &str, expect: &[(usize, usize)]| {
        let program = Program::compile(regex, Optimise::On).unwrap();
        assert!(!program.tables.is_empty(), "{regex} has no table");
        let expect = Some(expect.iter().copied().map(Some).collect());
        assert_eq!(ours(&program, text), expect, "{regex} on {text}");
        assert_eq!(theirs(&Regex::new(regex).unwrap(), &program.names, text), expect, "{regex} on {text}");
    };
    let second = "(?:(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?)";
    check(&format!(r"(?<s>{second})(?<rest>[.\]].*)"), "20.456]", &[(0, 6), (6, 7)]);
    check(&format!("(?<s>{second})[.](?<ms>[0-9]+)"), "20.456]", &[(0, 2), (3, 6)]);
    check(&format!("(?<s>{second})[.](?<ms>[0-9]+)"), "20.45.6", &[(0, 5), (6, 7)]);
    // The shorter way stands first, so the longer end waits.
    check("(?<s>(?:ab|ab[.]c|x))(?<rest>[.].*)", "ab.c.", &[(0, 2), (2, 5)]);
    check("(?<s>(?:ab|ab[.]c|x))(?<rest>[.])$", "ab.c.", &[(0, 4), (4, 5)]);
    check("(?<s>ab(?:[.]c)??)(?<rest>[.].*)", "ab.c.", &[(0, 2), (2, 5)]);
    // Three ends.
    check("(?<s>a(?:[.]b)?(?:[.]c)?)(?<rest>[.]b.*)", "a.b.c.d", &[(0, 1), (1, 7)]);
    check("(?<s>a(?:[.]b)?(?:[.]c)?)(?<rest>[.]c.*)", "a.b.c.d", &[(0, 3), (3, 7)]);
    check("(?<s>a(?:[.]b)?(?:[.]c)?)(?<rest>[.].*)", "a.b.c.d", &[(0, 5), (5, 7)]);
}

fn lines() -> Vec<String> {
    let mut lines: Vec<String> = [
        r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "http://x/" "Mozilla/5.0 (X)""#,
        r#"::1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif" 404 - "-" "-""#,
        "[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied by server configuration: /export",
        "[Fri Nov 01 22:20:11.1 2013] [core:info] [pid 71:tid 12] (2)No such file: [client 10.1.1.1:80] AH00128: x",
        "Oct 17 08:59:00 suod newsyslog[6215]: logfile turned over",
        "<13.3>2013-10-17T08:59:00,123+02:00 user@example.com C:\\a\\b /var/log/x.log http://u:p@h.io:80/p?q=1#f",
        "fe80::1ff:fe23:4567:890a 10.0.0.256 255.255.255.255 00:11:22:aa:bb:cc 0011.2233.4455 0x1F -3.25 +7 .5 1e5",
        "Monday 3 März 2024 12:60:61 3/4/24 31.12.1999 'quoted \\' text' \"a\\\"b\" `c` \"\" 550e8400-e29b-41d4-a716-446655440000",
        "WARN Error fatal notice EMERGENCY héllo wörld 日本 \t tabs\nand lines\n",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    for at in 0..lines.len() {
        let line = lines[at].clone();
        for (number, (place, c)) in line.char_indices().enumerate() {
            if number % 7 == at % 7 {
                let mut changed = line.clone();
                let with = ["", " ", "9", "a", ":", "é"][number / 7 % 6];
                changed.replace_range(place..place + c.len_utf8(), with);
                lines.push(changed);
            }
        }
    }
    lines
}

/// The sample lines of the patterns, with the patterns they are of.
fn samples() -> Vec<String> {
    let unescape = |line: &str| line.replace("\\t", "\t").replace("\\n", "\n");
    let text = include_str!("../../tests/data/lines.tsv");
    text.lines().filter_map(|line| Some(unescape(line.split_once('\t')?.1))).collect()
}

/// Oniguruma's answer. Its `\d \w \s` are Unicode where Joni's and Onigmo's are ASCII, so they are spelled out.
struct Oniguruma {
    regex: onig::Regex,
    groups: Vec<u32>,
}

impl Oniguruma {
    fn new(regex: &str, names: &[String]) -> Self {
        let spelled = dialect::spell_out(regex);
        let syntax = onig::Syntax::ruby();
        let regex =
            onig::Regex::with_options(&spelled, onig::RegexOptions::REGEX_OPTION_MULTILINE, syntax).unwrap();
        let mut groups = vec![0; names.len()];
        regex.foreach_name(|name, numbers| {
            if let Some(at) = names.iter().position(|one| one == name) {
                groups[at] = numbers[0];
            }
            true
        });
        Self { regex, groups }
    }

    fn answer(&self, text: &str) -> Captures {
        let mut region = onig::Region::new();
        let none = onig::SearchOptions::SEARCH_OPTION_NONE;
        let (end, limits) = (text.len(), onig::MatchParam::default());
        let found = self.regex.search_with_param(text, 0, end, none, Some(&mut region), limits).unwrap();
        found.map(|_| self.groups.iter().map(|group| region.pos(*group as usize)).collect())
    }
}

/// Every name of both sets on every line: every capture as Oniguruma, as `fancy-regex` and as the program without optimisations
/// have it.
#[test]
fn every_pattern_of_both_sets_equals_its_three_twins_on_every_line() {
    let (changed, samples) = (lines(), samples());
    let (mut pairs, mut matched, mut captures) = (0, 0, 0);
    for set in [PatternSet::legacy(), PatternSet::ecs_v1()] {
        for name in set.names() {
            let regex = expand::expand(&set, &format!("%{{{name}:whole}}"), Names::Given).unwrap().regex;
            let on = Program::compile(&regex, Optimise::On).unwrap();
            let off = Program::compile(&regex, Optimise::Off).unwrap();
            let fancy = Regex::new(&dialect::from_ruby(&regex)).unwrap();
            let oniguruma = Oniguruma::new(&regex, &on.names);
            for line in changed.iter().chain(&samples) {
                let found = ours(&on, line);
                assert_eq!(found, ours(&off, line), "{name} on {line:?}, optimised and not");
                assert_eq!(found, oniguruma.answer(line), "{name} on {line:?}, ours and Oniguruma");
                assert_eq!(
                    found,
                    theirs(&fancy, &on.names, line),
                    "{name} on {line:?}, ours and fancy-regex"
                );
                pairs += 1;
                matched += usize::from(found.is_some());
                captures += found.iter().flatten().flatten().count();
            }
        }
    }
    println!(
        "{pairs} pairs of a pattern and a line, {matched} matches, {captures} captures, equal in all four"
    );
    assert!(pairs > 300_000 && matched > 20_000, "{pairs} {matched}");
}
