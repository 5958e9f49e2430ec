use alces_event::{FieldRef, Timestamp};
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_767_312_000;

fn run(code: &str) -> Result<Event, String> {
    let script = Script::read(code, &["event", "map"]).map_err(|error| {
        let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
        format!("{:?} {}{help}", code.get(error.span).unwrap_or("nowhere"), error.message)
    })?;
    let json = br#"{"s":"Hello World","n":7,"f":2.5,"l":[3,1,2],"h":{"a":1,"b":null},"e":""}"#;
    let (mut event, _) = Event::from_json(json, Timestamp::UNIX_EPOCH).unwrap();
    let clock: Clock = Arc::new(|| Timestamp::from_second(NOW).unwrap());
    let map = V::hash(value::Entries::new());
    script.run(&mut event, &[V::Event, map], &Instance::default(), &clock)?;
    Ok(event)
}

/// What an expression is, as Ruby shows it.
fn value(code: &str) -> String {
    let code = format!(
        "s = event.get('s'); l = event.get('l'); h = event.get('h'); n = event.get('n'); event.set('r', (\n{code}\n).inspect)"
    );
    match run(&code) {
        Ok(event) => event.get(&FieldRef::field("r")).unwrap().as_str().unwrap().to_owned(),
        Err(reason) => format!("error: {reason}"),
    }
}

/// Expressions and what they are, a line each.
#[track_caller]
fn check(table: &str) {
    let wrong: Vec<_> = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .filter_map(|line| {
            let (code, expect) = line.split_once(" ==> ").unwrap();
            let found = value(code.trim());
            (found != expect.trim()).then(|| format!("{code} ==> {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn operators_bind_as_in_ruby() {
    check(
        r#"
        1 + 2 * 3 ==> 7
        (1 + 2) * 3 ==> 9
        2 ** 3 ** 2 ==> 512
        -2 ** 2 ==> -4
        -1.abs ==> 1
        7 / 2 ==> 3
        -7 / 2 ==> -4
        -7 % 3 ==> 2
        7 / 2.0 ==> 3.5
        2 ** -1 ==> 0.5
        1 < 2 && 2 < 3 ==> true
        nil || false || 4 ==> 4
        !nil == true ==> true
        1 == 1.0 ==> true
        "a" <=> "b" ==> -1
        1 <=> "a" ==> nil
        n > 5 ? "big" : "small" ==> "big"
        n==7 ? n==8 ? 1 : 2 : 3 ==> 2
        [1, 2] + [3] ==> [1, 2, 3]
        [1, 2, 3] - [2] ==> [1, 3]
        [1, 2] & [2, 3] ==> [2]
        [1, 1] | [2] ==> [1, 2]
        [] << 1 << 2 ==> [1, 2]
        "ab" * 2 ==> "abab"
        1 << 4 ==> 16
        not true ==> false
        (x = 5) + x ==> 10
        x = y = 3; x + y ==> 6
        nil.to_a ==> []
        nil & 1 ==> error: undefined method `&' for nil:NilClass
        "#,
    );
}

#[test]
fn texts() {
    check(
        r#"
        s.upcase ==> "HELLO WORLD"
        s.length + s.size ==> 22
        s[0] + s[-1] ==> "Hd"
        s[0..4] ==> "Hello"
        s[0...4] ==> "Hell"
        s[6..-1] ==> "World"
        s[-5..] ==> "World"
        s[0, 5] ==> "Hello"
        s[99] ==> nil
        s[/W\w+/] ==> "World"
        s[/(\w)o/, 1] ==> "l"
        s =~ /o/ ==> 4
        s !~ /z/ ==> true
        s =~ /(?<a>l+)(o)/ ? [$1, $2, $9] : 0 ==> ["ll", "o", nil]
        s.match(/l(l)/) ==> ["ll", "l"]
        s.match(/z/).nil? ==> true
        s.match?(/WORLD/i) ==> true
        s.sub("l", "L") ==> "HeLlo World"
        s.gsub(/[aeo]/, "<\\0>") ==> "H<e>ll<o> W<o>rld"
        s.gsub("l", "") ==> "Heo Word"
        s.sub(/(l+)/, '[\1]') ==> "He[ll]o World"
        "a,b,,c,,".split(",") ==> ["a", "b", "", "c"]
        " a  b ".split ==> ["a", "b"]
        "a1b22c".split(/\d+/) ==> ["a", "b", "c"]
        "a1b22".scan(/\d+/) ==> ["1", "22"]
        "a=1 b=2".scan(/(\w)=(\d)/) ==> [["a", "1"], ["b", "2"]]
        "é".reverse + "ab".reverse ==> "éba"
        "  x ".strip ==> "x"
        "12abc".to_i + "0x1".to_i ==> 12
        "1.5e3x".to_f ==> 1500.0
        "ff".to_i(16) ==> 255
        "abc".start_with?("x", "ab") ==> true
        "abc".end_with?("bc") ==> true
        "abc".include?("b") && !"abc".empty? ==> true
        "x#{1 + 1}y#{"z#{n}"}" ==> "x2yz7"
        'a#{n}\n' ==> "a\#{n}\\n"
        "a" "b" ==> error: "\"b\"" an operator or the end of the line is expected here, not `"b"`
        "tab\t\"q\"" ==> "tab\t\"q\""
        s.capitalize.chars.first ==> "H"
        "a\n".chomp ==> "a"
        "abc".index("c") ==> 2
        :sym.to_s + "x" ==> "symx"
        "x" + 1 ==> error: no implicit conversion of Integer into String
        "x" << "y" ==> error: texts are not changed in place here: write `text += other`
        s.upcas ==> error: "upcas" the method `upcas` is not supported; did you mean `upcase`?
        "#,
    );
}

#[test]
fn lists_and_hashes() {
    check(
        r#"
        l.sort ==> [1, 2, 3]
        l.map { |x| x * 2 }.sum ==> 12
        l.select { |x| x > 1 } ==> [3, 2]
        l.reject do |x| x > 1 end ==> [1]
        l.map(&:to_s).join("-") ==> "3-1-2"
        l.first + l.last ==> 5
        l.first(2) ==> [3, 1]
        l.min + l.max ==> 4
        l[1..-1] ==> [1, 2]
        l[5] ==> nil
        l.include?(3) ==> true
        [1, nil, 1].compact.uniq ==> [1]
        [[1, [2]], 3].flatten ==> [1, 2, 3]
        [2, 3].each_with_index.nil? ==> error: undefined method `each_with_index' for an instance of Array
        a = []; [2, 3].each_with_index { |x, i| a << x * i }; a ==> [0, 3]
        a = 0; l.each do |x| next if x == 1; a += x; end; a ==> 5
        l.each { |x| break x if x < 3 } ==> 1
        l.find { |x| x < 3 } ==> 1
        l.any? { |x| x > 2 } && !l.all? { |x| x > 2 } ==> true
        l.inject { |a, b| a + b } ==> 6
        l.sort_by { |x| -x } ==> [3, 2, 1]
        l.count { |x| x > 1 } ==> 2
        h["a"] ==> 1
        h.keys + h.values ==> ["a", "b", 1, nil]
        h.key?("b") && !h.key?("c") ==> true
        h.fetch("c", 5) ==> 5
        h.fetch("c") ==> error: key not found: "c"
        h.merge({"c" => 3}).length ==> 3
        {a: 1, "b" => 2, 3 => :c} ==> {:a=>1, "b"=>2, 3=>:c}
        {a: 1}[:a] == {"a" => 1}["a"] ==> true
        a = []; h.each { |k, v| a << k << v }; a ==> ["a", 1, "b", nil]
        h.map { |k, v| k } ==> ["a", "b"]
        h.select { |k, v| v } ==> {"a"=>1}
        h.delete("a").to_s + h.to_json ==> "1{\"b\":null}"
        h["x"] ||= []; h["x"] << 1; h["x"] << 2; h["x"] ==> [1, 2]
        a = h; a["z"] = 1; h["z"] ==> 1
        a = l.dup; a << 9; l.length ==> 3
        {"a" => {"b" => [5]}}.dig("a", "b", 0) ==> 5
        l[4] = 1; l ==> [3, 1, 2, nil, 1]
        [[1, 2], [3, 4]].map { |a, b| a * b } ==> [2, 12]
        [["a", 1]].to_h ==> {"a"=>1}
        l.sort_by ==> error: undefined method `sort_by' for an instance of Array
        [1, "a"].sort ==> error: comparison of String with Integer failed
        a = []; a << a ==> error: a value is nested too deeply, or holds itself
        "#,
    );
}

#[test]
fn numbers_and_times() {
    check(
        r#"
        2.5.round + 2.4.floor + 2.1.ceil ==> 8
        2.345.round(2) ==> 2.35
        2.7.to_i ==> 2
        3.to_f ==> 3.0
        1_000 + 1e3 ==> 2000.0
        10.0 / 3 ==> 3.3333333333333335
        7.even? || 7.odd? ==> true
        a = 0; 3.times { |i| a += i }; a ==> 3
        1 / 0 ==> error: divided by 0
        1.0 / 0 ==> Infinity
        9223372036854775807 + 1 ==> error: the number is too large: whole numbers are of 64 bits
        1 + nil ==> error: nil can't be coerced into Integer
        1 < "a" ==> error: comparison of Integer with String failed
        Time.now.to_i ==> 1767312000
        Time.now.year ==> 2026
        Time.now.strftime("%Y-%m") ==> "2026-01"
        Time.now - Time.at(1767311940) ==> 60.0
        (Time.now + 60).to_s ==> "2026-01-02T00:01:00.000Z"
        event.timestamp.to_i ==> 0
        LogStash::Timestamp.at(1.5).to_f ==> 1.5
        "#,
    );
}

#[test]
fn control() {
    check(
        r#"
        if n > 8 then 1 elsif n > 6 then 2 else 3 end ==> 2
        unless n > 8 then 1 end ==> 1
        if false then 1 end ==> nil
        case n when 1, 2 then "a" when 7 then "b" end ==> "b"
        case s when /^hel/i then "a" else "c" end ==> "a"
        case n when String then 1 when Integer then 2 end ==> 2
        n.is_a?(Numeric) && !s.is_a?(Array) ==> true
        x = 1 if false; x ==> nil
        nil&.length ==> nil
        s&.length ==> 11
        event.get("missing").nil? and n ==> 7
        @a ||= 5; @a += 1; @a ==> 6
        h.class == Hash ==> true
        "#,
    );
    assert_eq!(value("a = [1, 2]\n  .map { |x| x + 1 } # more\n  .sum\n\n# a comment\na +\n 1"), "6");
    assert_eq!(value("case n\nwhen 1\n 1\nwhen 7\n  x = 2\n  x * 2\nelse\n 3\nend"), "4");
}

#[test]
fn the_event() {
    let json = |code: &str| match run(code) {
        Ok(event) => serde_json::to_string(&event).unwrap(),
        Err(reason) => format!("error: {reason}"),
    };
    insta::assert_snapshot!(json("event.remove 'h'; event.remove('l')\nevent.set '[a][b]', {c: [:d, 1.5, Time.at(0)]}\nevent.tag 'x'\nevent.set('@timestamp', Time.at(60))\nevent.set('[@metadata][m]', 1)"), @r#"{"@timestamp":"1970-01-01T00:01:00.000Z","s":"Hello World","n":7,"f":2.5,"e":"","@version":"1","a":{"b":{"c":["d",1.5,"1970-01-01T00:00:00.000Z"]}},"tags":["x"]}"#);
    assert_eq!(value("event.to_hash.keys.length"), "8");
    assert_eq!(value("event.sprintf('%{s}-%{[h][a]}-%{x}')"), r#""Hello World-1-%{x}""#);
    insta::assert_snapshot!(json("event.set('@timestamp', 'x')"), @"error: wrong argument type String (expected LogStash::Timestamp)");
    insta::assert_snapshot!(json("event.set('[s][x]', 1)"), @"error: Could not set field '[s][x]': a value on its way has no fields");
    insta::assert_snapshot!(json("event.get('[s')"), @"error: `[s` is not a field reference: write `name` or `[outer][inner]`");
    // What was got is a copy.
    assert_eq!(value("event.get('l') << 4; event.get('l')"), "[3, 1, 2]");
    assert!(run("return if true\nevent.cancel").is_ok_and(|event| !event.is_cancelled()));
    assert!(run("map['a'] = 1\nevent.cancel if map['a'] == 1").unwrap().is_cancelled());
}

#[test]
fn what_is_not_supported_says_what_to_do() {
    let error = |code: &str| run(code).unwrap_err();
    insta::assert_snapshot!(error("x = Time.parse(event.get('s'))"), @r#""parse" the method `parse` is not supported; the `date` filter reads dates"#);
    insta::assert_snapshot!(error("begin\n  1\nrescue KeyError => e\nend"), @r#""KeyError" `KeyError` is not told from what else goes wrong; write `rescue => error`, which takes all of it"#);
    insta::assert_snapshot!(error("begin\n  1\nensure\n 2\nend"), @r#""ensure" `end` is expected here, not `ensure`; write what is to be done in any case behind `end`"#);
    insta::assert_snapshot!(error("while true\nend"), @r#""while" `while` is not supported; go through a list with `each`, or count with `10.times do |at| … end`"#);
    insta::assert_snapshot!(error("require name"), @r#""require" `require` is not supported; there are no libraries; what is supported is there at once"#);
    insta::assert_snapshot!(error("event.get('s').upcase!"), @r#""upcase!" the method `upcase!` is not supported; texts and lists are not changed in place by methods: write the name without `!` and set the result"#);
    insta::assert_snapshot!(error("evnt.get('s')"), @r#""evnt" `evnt` is not known; did you mean `event`?"#);
    insta::assert_snapshot!(error(r#"event.set(\"a\", 1)"#), @r#""\\" `\` has no place in the Ruby that is supported; escapes are off, so that a `\` stays in the code: put the code in single quotes, or set `config.support_escapes`"#);
    insta::assert_snapshot!(error("if true\n  1"), @r#""if" this is never closed by `end`"#);
    insta::assert_snapshot!(error("event.set('a'"), @r#""(" this is never closed by `)`"#);
    insta::assert_snapshot!(error("event.set('a')"), @r#""set" `set` takes 2 arguments, not 1"#);
    insta::assert_snapshot!(error("x = /(/"), @r#""/(/" the regular expression is broken: Parsing error at position 5: Opening parenthesis without closing parenthesis"#);
    insta::assert_snapshot!(error("x = \"a"), @r#""\"" this quote is never closed"#);
    insta::assert_snapshot!(error("x = \"a#{b"), @r##""#{" this `#{` is never closed"##);
    insta::assert_snapshot!(error("x = `ls`"), @r#""`" commands of the system are not run"#);
    insta::assert_snapshot!(error("a, b = 1, 2"), @r#""a" `a` is not known; known here: event, map"#);
    insta::assert_snapshot!(error("new_event_block.call(event)"), @r#""new_event_block" `new_event_block` is not supported; the `split` and `clone` filters make events of one"#);
    insta::assert_snapshot!(error("LogStash::Event.new"), @r#""LogStash::" `LogStash` is not supported; of `LogStash` there is `LogStash::Timestamp`; the `split` and `clone` filters make events of one"#);
    insta::assert_snapshot!(error("def x\nend"), @r#""def" `def` is not supported; a script has no methods of its own"#);
    insta::assert_snapshot!(error("x = %w[a b]"), @r#""%" texts and lists that begin with `%` are not supported; write `"text"` or `["a", "b"]`"#);
    insta::assert_snapshot!(error("(0..5).each { |x| x }"), @r#"".." an operator or the end of the line is expected here, not `..`; ranges are for parts, as in `text[0..4]`; count with `5.times do |at| … end`"#);
    insta::assert_snapshot!(error("event['a'] = 1"), @r#""event[" fields are not reached like this, in Logstash neither; write `event.get("[a][b]")` and `event.set("[a][b]", value)`"#);
}

#[test]
fn what_goes_wrong_is_rescued() {
    check(
        r#"
        begin; n / 0; rescue => e; e.message; end ==> "divided by 0"
        begin; n / 0; rescue StandardError, Exception => e; e + "!"; end ==> "divided by 0!"
        begin; n / 7; rescue; 2; end ==> 1
        begin; n / 7; end ==> 1
        (x = n / 0 rescue 5) + x ==> 10
        (n / 0 rescue nil) ==> nil
        l.map { |x| begin; next 9 if x == 1; 1 / (x - 2); rescue; 0; end } ==> [1, 9, 0]
        begin; 9999999.times { |x| x }; rescue; 1; end ==> error: the script took too long: it was stopped
        "#,
    );
}

#[test]
fn json_is_read_and_written() {
    check(
        r#"
        JSON.parse('{"a":[1,2.5,null,"x"]}')["a"] ==> [1, 2.5, nil, "x"]
        JSON.generate(h) ==> "{\"a\":1,\"b\":null}"
        (JSON.parse(s) rescue 'bad') ==> "bad"
        (require 'json') ==> true
        require('time') ==> true
        "#,
    );
}

#[test]
fn numbers_of_other_bases_and_other_names_of_methods() {
    check(
        r#"
        255.to_s(16) ==> "ff"
        -5.to_s(2) ==> "-101"
        0.to_s(36) ==> "0"
        "ff".hex ==> 255
        s.to_s(16) ==> error: undefined method `to_s' for an instance of String
        l.collect { |x| x + 1 } ==> [4, 2, 3]
        l.detect { |x| x < 3 } ==> 1
        n.kind_of?(Integer) ==> true
        l.member?(2) ==> true
        Time.at(0).getutc.mon ==> 1
        "#,
    );
}

/// As they stand in pipelines.
#[test]
fn scripts_as_people_write_them() {
    let json = |code: &str| match run(code) {
        Ok(mut event) => {
            for name in ["s", "n", "f", "l", "h", "e", "@version"] {
                event.remove(&FieldRef::field(name));
            }
            serde_json::to_string(&event).unwrap().replacen(
                r#""@timestamp":"1970-01-01T00:00:00.000Z""#,
                "",
                1,
            )
        }
        Err(reason) => format!("error: {reason}"),
    };
    for (code, expect) in [
        ("event.set('d', (event.get('f').to_f - 1.2345).round(3))", r#"{,"d":1.266}"#),
        (
            "hash = event.get('[h]')\nhash.each do |key, value|\n  event.set(\"[x][#{key}]\", value)\nend if hash",
            r#"{,"x":{"a":1,"b":null}}"#,
        ),
        (
            "event.to_hash.each { |k, v| event.remove(k) if v.nil? || v == '' }\nevent.set('e?', event.include?('e'))",
            r#"{,"e?":false}"#,
        ),
        ("event.set('a', 'x, y'.split(',').map { |s| s.strip })", r#"{,"a":["x","y"]}"#),
        ("event.set('a', event.get('b') || 0)", r#"{,"a":0}"#),
        ("if event.get('s') and not event.get('b') then event.set 'a', 1 end", r#"{,"a":1}"#),
        ("event.set('a', event.get('s').gsub(/[^[:alpha:]]/, ''))", r#"{,"a":"HelloWorld"}"#),
        ("event.set('a', 1) if !event.get('s').nil? && event.get('s') =~ /^H/", r#"{,"a":1}"#),
        (
            "t = Time.at(event.get('n').to_i)\nevent.set('a', LogStash::Timestamp.new(t))",
            r#"{,"a":"1970-01-01T00:00:07.000Z"}"#,
        ),
        (
            "wanted = ['s', 'n']; event.to_hash.keys.each { |k| event.remove(k) unless wanted.include?(k) }",
            "{}",
        ),
        ("event.set('a', {'x' => 1, 'y' => 3}.sort_by { |k, v| -v }.first(1).to_h)", r#"{,"a":{"y":3}}"#),
        ("event.set('[a]', {'b' => 1}.merge(event.get('c') || {}))", r#"{,"a":{"b":1}}"#),
        (
            "unless event.get('s').to_s.empty?\n  event.tag('full')\nelse\n  event.tag('empty')\nend",
            r#"{,"tags":["full"]}"#,
        ),
        ("event.set('a', event.get('n').to_s.rjust(3, '0'))", r#"{,"a":"007"}"#),
        ("event.set('a', event.get('[l][0]') > 2 ? 'big' : 'small')", r#"{,"a":"big"}"#),
        ("event.set('a', event.get('l').map(&:to_s).join(','))", r#"{,"a":"3,1,2"}"#),
        ("m = event.get('s').match(/(?<first>\\w+) (\\w+)/)\nevent.set('a', m[1]) if m", r#"{,"a":"Hello"}"#),
    ] {
        assert_eq!(json(code), expect, "{code}");
    }
}

#[test]
fn nothing_stalls_or_exhausts_the_stack() {
    for code in [
        "1000000000.times { |x| x }",
        "x = 'a' * 1000000\n1000.times { |i| x += x }",
        "l = [1]\n1000.times { |i| l += l }",
        "x = 'a' * 100000\n1000000.times { |i| x.upcase }",
        "l = []\n100000.times { |i| l << i; l.sort }",
        "x = 'a' * 60 + 'c'\nx =~ /(?:(a|aa)+)+\\1(?<!a)c/",
    ] {
        let reason = run(code).unwrap_err();
        assert!(reason.contains("too l") || reason.contains("explodes"), "{code}: {reason}");
    }
    // Nested without end by its innermost list.
    assert!(run("l = []\nm = l\n100000.times { |i| n = []; m << n; m = n }").is_ok());
    assert!(run("l = []\nm = l\n1000.times { |i| n = []; m << n; m = n }\nevent.set('x', l)").is_err());
    for deep in [
        "(".repeat(10_000),
        "[".repeat(10_000),
        "!".repeat(10_000),
        "-".repeat(10_000),
        "if ".repeat(10_000),
        "1 +".repeat(10_000) + "1",
        format!("x = 1{}", ".abs".repeat(10_000)),
        format!("1{}", " if 1".repeat(10_000)),
        "\"#{".repeat(1000),
        "a = ".repeat(10_000),
        "1 ? ".repeat(10_000),
    ] {
        assert!(Script::read(&deep, &[]).is_err());
    }
}

proptest! {
    /// Pieces of code in any order are a script or an error that points into them.
    #[test]
    fn any_text_is_read(pieces in prop::collection::vec(prop::sample::select(vec![
        "event", ".get", ".set", "('a')", "(", ")", "[", "]", "{", "}", "|x|", "do", "end", "if", "else", "unless", "case", "when", "x", "=", "+=", "||=",
        "1", "2.5", "'t'", "\"#{x}\"", "\"#{", "/r/", "/", ":s", "a:", "=>", ",", "?", ":", "&", "&.", ".", "..", "map", "<<", "-", "!", "not", "and", "\n", ";",
        "nil", "next", "break", "return", ".each", ".map", ".times", "@a", "$1", "é", "#", "Time", "::", " ",
    ]), 0..20)) {
        fuzz(&pieces.join(" "));
        fuzz(&pieces.concat());
    }
}
