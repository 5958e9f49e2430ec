//! The built-in sets on sample lines in the formats that programs publish.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use alces_grok::{Grok, Outcome, PatternSet, Spans};

/// A pattern, a tab, a line that it matches; `\n` in it is a line break.
const LINES: &str = include_str!("data/lines.tsv");

fn lines() -> impl Iterator<Item = (&'static str, String)> {
    LINES
        .lines()
        .skip(1)
        .map(|row| row.split_once('\t').unwrap())
        .map(|(name, line)| (name, line.replace("\\n", "\n")))
}

/// What the pattern captures of the line, one `field=text` a line; a group that took no part is left out.
fn captures(set: &PatternSet, pattern: &str, line: &str) -> Option<String> {
    let grok = Grok::compile(set, pattern).unwrap();
    let mut spans = Spans::default();
    match grok.matches(line, &mut spans) {
        Outcome::Match => Some(
            grok.captures()
                .iter()
                .enumerate()
                .filter_map(|(at, capture)| {
                    spans.get(at).map(|(from, to)| format!("{}={}", capture.field, &line[from..to]))
                })
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        Outcome::NoMatch => None,
        Outcome::Exhausted => panic!("{pattern} is exhausted by {line}"),
    }
}

#[test]
fn every_sample_line_matches_its_pattern() {
    let mut missed = Vec::new();
    for (kind, set) in [("legacy", PatternSet::legacy()), ("ecs-v1", PatternSet::ecs_v1())] {
        for (name, line) in lines() {
            let pattern = format!("%{{{name}}}");
            if set.get(name).is_some() && captures(&set, &pattern, &line).is_none() {
                missed.push(format!("{kind} {name}: {line}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Where the crate's patterns are older than Logstash's, or wrong: a name, what the lines hold on which it differs, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("BACULA_LOGLINE", "bsock.c", "holds the two below"),
    ("BACULA_LOG_FATAL_CONN", "bsock.c", "Logstash captures the error"),
    ("BACULA_LOG_NO_CONNECT", "bsock.c", "Logstash captures the error"),
    ("BIND9", "@0x", "Logstash reads the client's address in memory"),
    ("CISCO_TAGGED_SYSLOG", "%ASA", "the crate misreads `%%{`"),
    ("EXIM_PID", "[", "Logstash captures the number"),
    ("EXIM_REMOTE_HOST", "H=", "Logstash captures the port"),
    ("HTTPD24_ERRORLOG", "[:error]", "Logstash reads lines without a module"),
    ("HTTPD_ERRORLOG", "[:error]", "holds the one above"),
    ("JAVAFILE", "$$", "Logstash allows `$`"),
    ("LOGLEVEL", "INFORMATION", "Logstash reads it"),
    ("MONTH", "Juli", "Logstash reads it"),
    ("NAGIOSLOGLINE", "TIMEPERIOD", "holds the one below"),
    ("NAGIOS_TIMEPERIOD_TRANSITION", "TIMEPERIOD", "the crate's last field is always empty"),
    ("SFW2", "SFW2", "the crate's has the names of ECS"),
    ("SHOREWALL", "Shorewall", "the crate's has the names of ECS"),
    ("SQUID3", "/000", "Logstash reads this status"),
];

/// The sample lines, and each with one character changed at some places.
fn lines_and_mutants() -> (Vec<String>, Vec<String>) {
    // The crate's dot does not match a line break.
    let lines: Vec<String> = lines().map(|(_, line)| line).filter(|line| !line.contains('\n')).collect();
    let mut mutants = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let places: Vec<(usize, char)> = line.char_indices().collect();
        for turn in 0..4 {
            let number = at * 4 + turn;
            let (place, c) = places[number * 7919 % places.len()];
            let with = ["", " ", "9", "a", ":", "-", ".", "(", ";", "\"", "\t", "/", "F"][number % 13];
            let mut mutant = line.clone();
            mutant.replace_range(place..place + c.len_utf8(), with);
            mutants.push(mutant);
        }
    }
    (lines, mutants)
}

/// The `grok` crate's own set, run by Oniguruma, is the dull twin of the legacy set: every name that both have, on every line.
#[test]
fn legacy_equals_the_grok_crates_set_on_every_line() {
    let crates_set = grok::Grok::with_default_patterns();
    let set = PatternSet::legacy();
    let (lines, mutants) = lines_and_mutants();
    let mut spans = Spans::default();
    let mut wrong = Vec::new();
    let mut compared = 0;
    let mut names: Vec<&str> = set.names().collect();
    names.sort_unstable();
    for name in names {
        let pattern = format!("%{{{name}:whole_match}}");
        let Ok(theirs) = crates_set.compile(&pattern, true) else { continue };
        let ours = Grok::compile(&set, &pattern).unwrap();
        // The crate calls the second capture of a name `name[1]`.
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let keys: Vec<String> = ours
            .captures()
            .iter()
            .map(|capture| {
                let count = seen.entry(&capture.field).or_default();
                *count += 1;
                if *count == 1 { capture.field.clone() } else { format!("{}[{}]", capture.field, *count - 1) }
            })
            .collect();
        let known = DIFFERENCES.iter().find(|(other, ..)| *other == name).map(|(_, held, _)| *held);
        // A changed line may hold the marker no longer.
        let changed = if known.is_some() { &[] } else { &mutants[..] };
        let mut differs = false;
        for line in lines.iter().chain(changed) {
            compared += 1;
            let difference = match (ours.matches(line, &mut spans), theirs.match_against(line)) {
                (Outcome::NoMatch, None) => None,
                (Outcome::Match, Some(found)) => keys.iter().enumerate().find_map(|(at, key)| {
                    let mine = spans.get(at).map(|(from, to)| &line[from..to]);
                    (mine != found.get(key))
                        .then(|| format!("{key} is {mine:?}, theirs {:?}", found.get(key)))
                }),
                (mine, found) => Some(format!("{mine:?}, theirs {}", found.is_some())),
            };
            if let Some(difference) = difference {
                differs = true;
                if !known.is_some_and(|held| line.contains(held)) {
                    wrong.push(format!("{name}: {difference}, in {line}"));
                }
            }
        }
        if known.is_some() && !differs {
            wrong.push(format!("{name} does not differ"));
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 500_000, "{compared}");
}

/// What a set's pattern captures of one of its sample lines.
fn sample(set: &PatternSet, name: &str, number: usize) -> String {
    let (_, line) = lines().filter(|(other, _)| *other == name).nth(number).unwrap();
    captures(set, &format!("%{{{name}}}"), &line).unwrap()
}

/// The set without a twin: formats of all kinds.
#[test]
fn some_of_ecs_v1() {
    let set = PatternSet::ecs_v1();
    insta::assert_snapshot!(sample(&set, "HAPROXYHTTP", 0), @r#"
    timestamp=Dec  9 13:01:26
    [host][hostname]=localhost
    [process][name]=haproxy
    [process][pid]=28029
    [source][address]=127.0.0.1
    [source][port]=39759
    [haproxy][request_date]=09/Dec/2013:12:59:46.633
    [haproxy][frontend_name]=loadbalancer
    [haproxy][backend_name]=default
    [haproxy][server_name]=instance8
    [haproxy][http][request][time_wait_ms]=0
    [haproxy][total_waiting_time_ms]=51536
    [haproxy][connection_wait_time_ms]=1
    [haproxy][http][request][time_wait_without_data_ms]=48082
    [haproxy][total_time_ms]=99627
    [http][response][status_code]=200
    [source][bytes]=83285
    [haproxy][termination_state]=----
    [haproxy][connections][active]=87
    [haproxy][connections][frontend]=87
    [haproxy][connections][backend]=87
    [haproxy][connections][server]=1
    [haproxy][connections][retries]=0
    [haproxy][server_queue]=0
    [haproxy][backend_queue]=67
    [haproxy][http][request][captured_headers]=77.24.148.74
    [http][request][method]=GET
    [url][original]=/path/to/image
    [url][path]=/path/to/image
    [http][version]=1.1
    "#);
    insta::assert_snapshot!(sample(&set, "HAPROXYTCP", 0), @r#"
    timestamp=Sep 20 15:44:23
    [host][hostname]=127.0.0.1
    [process][name]=haproxy
    [process][pid]=25457
    [source][address]=127.0.0.1
    [source][port]=40962
    [haproxy][request_date]=20/Sep/2018:15:44:23.285
    [haproxy][frontend_name]=main
    [haproxy][backend_name]=app
    [haproxy][total_time_ms]=1
    [source][bytes]=212
    [haproxy][termination_state]=SC
    [haproxy][connections][active]=1
    [haproxy][connections][frontend]=1
    [haproxy][connections][backend]=0
    [haproxy][connections][server]=0
    [haproxy][connections][retries]=0
    [haproxy][server_queue]=0
    [haproxy][backend_queue]=0
    "#);
    insta::assert_snapshot!(sample(&set, "SYSLOGLINE", 0), @r#"
    timestamp=Feb 21 21:54:44
    [host][hostname]=localhost
    [process][name]=sshd
    [process][pid]=3402
    message=Accepted publickey for vagrant from 10.0.2.2 port 63673 ssh2: RSA 39:33:99:e9:a0:dc
    "#);
    insta::assert_snapshot!(sample(&set, "SYSLOG5424LINE", 1), @r#"
    [log][syslog][priority]=165
    [system][syslog][version]=1
    timestamp=2003-10-11T22:14:15.003Z
    [host][hostname]=mymachine.example.com
    [process][name]=evntslog
    [process][pid]=321
    [event][code]=ID47
    [system][syslog][structured_data]=[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]
    message=An application event log entry...
    "#);
    insta::assert_snapshot!(sample(&set, "SYSLOGPAMSESSION", 0), @r#"
    timestamp=Feb 21 21:54:44
    [host][hostname]=localhost
    [process][name]=sshd
    [process][pid]=3402
    message=pam_unix(sshd:session): session opened for user vagrant by (uid=0)
    [system][auth][pam][module]=pam_unix
    [system][auth][pam][origin]=sshd:session
    [system][auth][pam][session_state]=opened
    [user][name]=vagrant
    "#);
    insta::assert_snapshot!(sample(&set, "CISCOFW106001", 0), @r#"
    [cisco][asa][network][direction]=Inbound
    [cisco][asa][network][transport]=TCP
    [cisco][asa][outcome]=denied
    [source][ip]=192.168.2.2
    [source][port]=43420
    [destination][ip]=10.10.10.10
    [destination][port]=445
    [cisco][asa][tcp_flags]=SYN
    [observer][egress][interface][name]=outside
    "#);
    insta::assert_snapshot!(sample(&set, "CISCOFW302013_302014_302015_302016", 1), @r#"
    [cisco][asa][outcome]=Teardown
    [cisco][asa][network][transport]=TCP
    [cisco][asa][connection_id]=8250
    [observer][ingress][interface][name]=outside
    [source][ip]=192.0.2.5
    [source][port]=443
    [observer][egress][interface][name]=inside
    [destination][ip]=10.0.0.7
    [destination][port]=53122
    [cisco][asa][duration]=0:00:31
    [network][bytes]=8712
    [event][reason]=TCP FINs
    "#);
    insta::assert_snapshot!(sample(&set, "CISCO_SRC_IP_USER", 0), @r"
    [observer][ingress][interface][name]=outside
    [source][ip]=2001:db8::9
    ");
    insta::assert_snapshot!(sample(&set, "NAGIOSLOGLINE", 1), @r#"
    timestamp=1427956600
    [nagios][log][type]=CURRENT SERVICE STATE
    [host][hostname]=prod-virtual1
    [service][name]=check_disk
    [service][state]=OK
    [nagios][log][state_type]=HARD
    [nagios][log][attempt]=1
    message=OK - free space is fine
    "#);
    insta::assert_snapshot!(sample(&set, "S3_ACCESS_LOG", 1), @r#"
    [aws][s3access][bucket_owner]=79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be
    [aws][s3access][bucket]=awsexamplebucket1
    timestamp=06/Feb/2019:00:00:38 +0000
    [client][ip]=192.0.2.3
    [client][user][id]=79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be
    [aws][s3access][request_id]=3E57427F3EXAMPLE
    [aws][s3access][operation]=REST.GET.VERSIONING
    [aws][s3access][request_uri]=GET /awsexamplebucket1?versioning HTTP/1.1
    [http][request][method]=GET
    [url][original]=/awsexamplebucket1?versioning
    [http][version]=1.1
    [http][response][status_code]=200
    [aws][s3access][bytes_sent]=113
    [aws][s3access][total_time]=7
    [user_agent][original]=S3Console/0.4
    [aws][s3access][host_id]=s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=
    [aws][s3access][signature_version]=SigV2
    [tls][cipher]=ECDHE-RSA-AES128-GCM-SHA256
    [aws][s3access][authentication_type]=AuthHeader
    [aws][s3access][host_header]=awsexamplebucket1.s3.us-west-1.amazonaws.com
    [aws][s3access][tls_version]=TLSV1.1
    "#);
    insta::assert_snapshot!(sample(&set, "ELB_ACCESS_LOG", 2), @r#"
    timestamp=2015-05-13T23:39:43.945958Z
    [aws][elb][name]=my-loadbalancer
    [source][ip]=192.168.131.39
    [source][port]=2817
    [aws][elb][backend][ip]=10.0.0.1
    [aws][elb][backend][port]=443
    [aws][elb][request_processing_time][sec]=0.000086
    [aws][elb][backend_processing_time][sec]=0.001048
    [aws][elb][response_processing_time][sec]=0.001337
    [http][response][status_code]=200
    [aws][elb][backend][http][response][status_code]=200
    [http][request][body][bytes]=0
    [http][response][body][bytes]=57
    [http][request][method]=GET
    [url][original]=https://www.example.com:443/a?b
    [url][scheme]=https
    [url][domain]=www.example.com
    [url][port]=443
    [url][path]=/a
    [url][query]=b
    [http][version]=1.1
    [user_agent][original]=curl/7.38.0
    [tls][cipher]=DHE-RSA-AES128-SHA
    [aws][elb][ssl_protocol]=TLSv1.2
    "#);
    insta::assert_snapshot!(sample(&set, "CLOUDFRONT_ACCESS_LOG", 1), @r#"
    timestamp=2019-12-04	21:02:31
    [aws][cloudfront][x_edge_location]=LAX1
    [destination][bytes]=392
    [source][ip]=192.0.2.100
    [http][request][method]=GET
    [url][domain]=d111111abcdef8.cloudfront.net
    [url][path]=/index.html
    [http][response][status_code]=200
    [user_agent][original]=Mozilla/5.0%20(Windows%20NT%2010.0)
    [url][query]=a=b
    [aws][cloudfront][x_edge_result_type]=Hit
    [aws][cloudfront][x_edge_request_id]=SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==
    [aws][cloudfront][http][request][host]=d111111abcdef8.cloudfront.net
    [network][protocol]=https
    [source][bytes]=23
    [aws][cloudfront][time_taken]=0.001
    [network][forwarded_ip]=192.0.2.7
    [aws][cloudfront][ssl_protocol]=TLSv1.2
    [tls][cipher]=ECDHE-RSA-AES128-GCM-SHA256
    [aws][cloudfront][x_edge_response_result_type]=Hit
    [http][version]=2.0
    [source][port]=11040
    [aws][cloudfront][time_to_first_byte]=0.001
    [aws][cloudfront][x_edge_detailed_result_type]=Hit
    [http][request][mime_type]=text/html
    [aws][cloudfront][http][request][size]=78
    "#);
    insta::assert_snapshot!(sample(&set, "POSTGRESQL", 0), @r#"
    timestamp=03/07/2013 22:01:22
    [event][timezone]=UTC
    [user][name]=postgres
    [postgresql][log][connection_id]=51379f84.5a2
    [process][pid]=1442
    "#);
    insta::assert_snapshot!(sample(&set, "RAILS3", 1), @r#"
    [http][request][method]=POST
    [url][original]=/api/v3/allowed
    [source][address]=127.0.0.1
    timestamp=2015-08-05 11:37:01 +0200
    [rails][controller][class]=Api::OrdersController
    [rails][controller][action]=create
    [rails][request][format]=JSON
    [rails][request][params]="key_id"=>"18", "token"=>"[FILTERED]"
    [rails][request][explain][original]=User Load (0.4ms)
      Order Create (1.1ms)

    [http][response][status_code]=201
    [rails][request][duration][total]=87
    [rails][request][duration][view]=4.4
    [rails][request][duration][active_record]=1.5
    "#);
    insta::assert_snapshot!(sample(&set, "BIND9", 1), @r#"
    timestamp=19-Feb-2018 10:53:20.001
    [bing][log][category]=queries
    [log][level]=info
    [client][ip]=192.168.10.48
    [client][port]=60061
    [bind][log][question][name]=91.2.10.170.in-addr.arpa
    [dns][question][name]=91.2.10.170.in-addr.arpa
    [dns][question][class]=IN
    [dns][question][type]=PTR
    [bind][log][question][flags]=+
    [server][ip]=192.168.2.2
    "#);
    insta::assert_snapshot!(sample(&set, "CATALINALOG", 1), @r#"
    timestamp=Jan 9, 2014 7:13:13 AM
    [java][log][origin][class][name]=org.apache.catalina.startup.HostConfig
    [log][origin][function]=deployDirectory
    [log][level]=SEVERE
    message=Error deploying web application directory
    "#);
    insta::assert_snapshot!(sample(&set, "REDISLOG", 0), @r#"
    [process][pid]=4018
    timestamp=14 Nov 07:01:22.119
    "#);
    insta::assert_snapshot!(sample(&set, "SQUID3", 1), @r#"
    timestamp=1525344856.899
    [squid][request][duration]=16867
    [source][ip]=10.170.72.111
    [event][action]=TCP_TUNNEL
    [http][response][status_code]=200
    [http][response][bytes]=6256
    [http][request][method]=CONNECT
    [url][original]=logs.example.com:443
    [squid][hierarchy_code]=HIER_DIRECT
    [destination][address]=53.101.128.33
    "#);
    insta::assert_snapshot!(sample(&set, "EXIM", 0), @r#"
    timestamp=2016-07-28 15:00:16
    [process][pid]=19123
    [exim][log][message][id]=1bSm2O-0004yj-Sx
    [exim][log][flags]=<=
    [exim][log][sender][email]=frank@example.com
    [source][address]=mail.example.com
    [exim][log][remote_address]=helo.example.com
    [source][ip]=198.51.100.7
    [source][port]=40032
    [destination][ip]=192.0.2.10
    [destination][port]=25
    [network][protocol]=esmtps
    [exim][log][message][size]=2387
    [exim][log][header_id]=20160728@example.com
    [exim][log][message][subject]=The news
    [exim][log][recipient][email]=anna@example.org
    "#);
    insta::assert_snapshot!(sample(&set, "MONGO_SLOWQUERY", 0), @r#"
    [mongodb][profile][op]=query
    [mongodb][database]=shop
    [mongodb][collection]=orders
    [mongodb][query][original]={ state: "open", total: { $gt: 5 } }
    [mongodb][profile][ntoreturn]=100
    [mongodb][profile][ntoskip]=0
    [mongodb][profile][nscanned]=53210
    [mongodb][profile][nreturned]=100
    [mongodb][profile][duration]=120
    "#);
    insta::assert_snapshot!(sample(&set, "BACULA_LOG", 2), @r#"
    timestamp=13-Apr 02:05
    [host][hostname]=rpi3
    [client][address]=10.0.0.5
    [client][port]=9102
    "#);
    insta::assert_snapshot!(sample(&set, "SHOREWALL", 1), @r#"
    timestamp=May 28 17:31:07
    [observer][hostname]=myHost
    [shorewall][firewall][type]=net2fw
    [shorewall][firewall][action]=DROP
    [observer][ingress][interface][name]=eth0
    [destination][mac]=00:16:3e:08:a1:b2
    [source][mac]=00:16:3e:01:02:03
    [source][ip]=203.0.113.8
    [destination][ip]=10.0.0.7
    [iptables][length]=60
    [iptables][tos]=00
    [iptables][precedence_bits]=00
    [iptables][ttl]=51
    [iptables][id]=64241
    [iptables][fragment_flags]=DF
    [network][transport]=TCP
    [source][port]=39282
    [destination][port]=443
    [iptables][tcp][window]=14600
    [iptables][tcp_reserved_bits]=00
    [iptables][tcp][flags]=SYN 
    "#);
    insta::assert_snapshot!(sample(&set, "SFW2", 0), @r#"
    timestamp=Dec  2 10:31:02
    [observer][hostname]=gateway
    [suse][firewall][log_prefix]=SFW2-INext-DROP-DEFLT
    [suse][firewall][action]=DROP-DEFLT
    [observer][ingress][interface][name]=eth0
    [destination][mac]=00:16:3e:08:a1:b2
    [source][mac]=00:16:3e:01:02:03
    [source][ip]=203.0.113.8
    [destination][ip]=10.0.0.7
    [iptables][length]=60
    [iptables][tos]=00
    [iptables][precedence_bits]=00
    [iptables][ttl]=51
    [iptables][id]=64241
    [iptables][fragment_flags]=DF
    [network][transport]=TCP
    [source][port]=39282
    [destination][port]=443
    [iptables][tcp][window]=14600
    [iptables][tcp_reserved_bits]=00
    [iptables][tcp][flags]=SYN 
    "#);
    insta::assert_snapshot!(sample(&set, "ZEEK_FILES", 1), @r#"
    timestamp=1362692527.080828
    [zeek][files][fuid]=FkaQLC3QuWgLdMy2rb
    [zeek][files][tx_hosts]=192.150.187.43,192.150.187.44
    [server][ip]=192.150.187.43
    [zeek][files][session_ids]=CHhAvVGS1DHFjwGM9
    [zeek][files][source]=HTTP
    [zeek][files][depth]=0
    [zeek][files][analyzers]=MD5,SHA1
    [file][mime_type]=text/html
    [file][name]=index.html
    [zeek][files][duration]=0.000026
    [zeek][files][local_orig]=F
    [zeek][files][is_orig]=F
    [zeek][files][seen_bytes]=4705
    [file][size]=4705
    [zeek][files][missing_bytes]=0
    [zeek][files][overflow_bytes]=0
    [zeek][files][timedout]=F
    [zeek][files][parent_fuid]=FrLEcY
    [file][hash][md5]=397168fd09991a0e712254df7bc639ac
    [file][hash][sha1]=1dd7ac0398df6cbc0696445a91ec681facf4dc47
    [zeek][files][extracted]=HTTP-FMnxxt.html
    [zeek][files][extracted_cutoff]=F
    [zeek][files][extracted_size]=1024
    "#);
    insta::assert_snapshot!(sample(&set, "NETSCREENSESSIONLOG", 0), @r#"
    timestamp=Jun  2 14:53:31
    [observer][hostname]=fire00
    [observer][name]=fire00
    [observer][product]=NetScreen
    [netscreen][device_id]=fire00
    [event][code]=00257
    [netscreen][session][type]=traffic
    [netscreen][session][start_time]=2016-06-02 14:53:30
    [netscreen][session][duration]=4
    [netscreen][policy_id]=120
    [netscreen][service]=udp/port:17210
    [netscreen][protocol_number]=17
    [observer][ingress][zone]=Trust
    [observer][egress][zone]=DMZ
    [event][action]=Permit
    [source][bytes]=102
    [destination][bytes]=99
    [source][address]=192.168.2.1
    [destination][address]=203.0.113.4
    [source][port]=53
    [destination][port]=17210
    [source][nat][ip]=192.168.2.1
    [source][nat][port]=53
    [destination][nat][ip]=203.0.113.4
    [destination][nat][port]=17210
    [netscreen][session][id]=8063
    [netscreen][session][reason]=Creation
    "#);
    insta::assert_snapshot!(sample(&set, "RT_FLOW1", 0), @r#"
    [juniper][srx][tag]=RT_FLOW_SESSION_CLOSE
    [juniper][srx][reason]=session closed TCP FIN
    [source][ip]=10.244.1.7
    [source][port]=49152
    [destination][ip]=192.0.2.9
    [destination][port]=443
    [juniper][srx][service_name]=junos-https
    [source][nat][ip]=203.0.113.2
    [source][nat][port]=22176
    [destination][nat][ip]=192.0.2.9
    [destination][nat][port]=443
    [juniper][srx][src_nat_rule_name]=nat-out
    [network][iana_number]=6
    [rule][name]=allow-web
    [observer][ingress][zone]=trust
    [observer][egress][zone]=untrust
    [juniper][srx][session_id]=20000025
    [source][bytes]=1130
    [destination][bytes]=8712
    [juniper][srx][elapsed_time]=31
    "#);
}

/// Names that the crate's set has not, or has otherwise.
#[test]
fn some_of_legacy() {
    let set = PatternSet::legacy();
    insta::assert_snapshot!(sample(&set, "BIND9", 1), @r#"
    timestamp=19-Feb-2018 10:53:20.001
    loglevel=info
    clientip=192.168.10.48
    clientport=60061
    query=91.2.10.170.in-addr.arpa
    query=91.2.10.170.in-addr.arpa
    querytype=PTR +
    dns=192.168.2.2
    "#);
    insta::assert_snapshot!(sample(&set, "EXIM", 0), @r#"
    timestamp=2016-07-28 15:00:16
    exim_year=2016
    exim_month=07
    exim_day=28
    exim_time=15:00:16
    pid=19123
    exim_msgid=1bSm2O-0004yj-Sx
    exim_flags=<=
    exim_sender_email=frank@example.com
    remote_hostname=mail.example.com
    remote_heloname=helo.example.com
    remote_host=198.51.100.7
    remote_port=40032
    exim_interface=192.0.2.10
    exim_interface_port=25
    protocol=esmtps
    exim_msg_size=2387
    exim_header_id=20160728@example.com
    exim_subject="The news"
    exim_recipient_email=anna@example.org
    "#);
    insta::assert_snapshot!(sample(&set, "MONGO_LOG", 0), @r#"
    timestamp=Oct  2 13:15:32.210
    component=initandlisten
    message=MongoDB starting : pid=1 port=27017
    "#);
    insta::assert_snapshot!(sample(&set, "SFW2", 0), @r#"
    timestamp=Dec  2 10:31:02
    nagios_epoch=21983.772514
    nf_action=DROP-DEFLT
    nf_in_interface=eth0
    nf_dst_mac=00:16:3e:08:a1:b2
    nf_src_mac=00:16:3e:01:02:03
    nf_src_ip=203.0.113.8
    nf_dst_ip=10.0.0.7
    nf_protocol=TCP
    nf_src_port=39282
    nf_dst_port=443
    "#);
    insta::assert_snapshot!(sample(&set, "SHOREWALL", 1), @r#"
    timestamp=May 28 17:31:07
    nf_host=myHost
    nf_action1=net2fw
    nf_action2=DROP
    nf_in_interface=eth0
    nf_dst_mac=00:16:3e:08:a1:b2
    nf_src_mac=00:16:3e:01:02:03
    nf_src_ip=203.0.113.8
    nf_dst_ip=10.0.0.7
    nf_len=60
    nf_tos=0x00
    nf_prec=0x00
    nf_ttl=51
    nf_id=64241
    nf_protocol=TCP
    nf_src_port=39282
    nf_dst_port=443
    "#);
    insta::assert_snapshot!(sample(&set, "RAILS3", 1), @r#"
    verb=POST
    request=/api/v3/allowed
    clientip=127.0.0.1
    timestamp=2015-08-05 11:37:01 +0200
    controller=Api::OrdersController
    action=create
    format=JSON
    params="key_id"=>"18", "token"=>"[FILTERED]"
    context=User Load (0.4ms)
      Order Create (1.1ms)

    response=201
    totalms=87
    viewms=4.4
    activerecordms=1.5
    "#);
}
