//! What a browser has of a page before the store answers.

use std::sync::atomic::Ordering::SeqCst;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::House;
use super::fake::Mood;

/// What a browser sends with the request for a page that a person opens.
const OPENS: &str = "sec-fetch-dest: document\r\n";

const PAGES: [&str; 5] = ["/", "/b/nginx", "/explore", "/explore?q=status:5xx&view=patterns", "/why"];

/// A body that came in chunks, put together.
fn whole(chunked: &str) -> String {
    let (mut out, mut rest) = (String::new(), chunked);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        let (chunk, after) = after.split_at(size);
        out.push_str(chunk);
        rest = after.trim_start_matches("\r\n");
    }
    out
}

#[tokio::test]
async fn a_browser_has_the_header_of_a_page_while_the_store_is_silent() {
    for language in ["en", "zh-CN"] {
        let house = House::build(Mood::Silent).await;
        for path in PAGES {
            let mut stream = TcpStream::connect(house.at).await.expect("the dashboard listens");
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: d\r\naccept-language: {language}\r\n{OPENS}\r\n");
            stream.write_all(request.as_bytes()).await.expect("sent");
            let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&seen).contains("</header>") {
                let n = stream.read(&mut piece).await.expect("the answer begins");
                assert_ne!(n, 0, "{path} ended: {}", String::from_utf8_lossy(&seen));
                seen.extend_from_slice(&piece[..n]);
            }
            let seen = String::from_utf8_lossy(&seen);
            assert!(seen.starts_with("HTTP/1.1 200") && !seen.contains("<main"), "{seen}");
            assert!(seen.to_lowercase().contains("\r\ncontent-security-policy: "), "{seen}");
            assert!(seen.contains(&format!("<html lang=\"{language}\"")), "{seen}");
        }
        assert_eq!(house.fake.msearch.load(SeqCst), 0, "nothing was answered yet");
    }
}

#[tokio::test]
async fn a_page_in_pieces_is_the_page() {
    for mood in [Mood::Full, Mood::Broken] {
        let house = House::build(mood).await;
        for path in PAGES {
            let header = "accept-language: zh-CN\r\n";
            let plain = house.get_with(path, header).await;
            let pieces = house.get_with(path, &format!("{header}{OPENS}")).await;
            assert!(pieces.head.contains("transfer-encoding: chunked"), "{path}: {}", pieces.head);
            // How long it took is another each time; an error's title is known too late.
            let strip = |page: &str| {
                let (_, body) = page.split_once("<body").expect("a body");
                let parts = body
                    .split("毫秒")
                    .map(|p| p.trim_end_matches(|c: char| c.is_whitespace() || c.is_ascii_digit()));
                parts.collect::<String>()
            };
            assert_eq!(strip(&whole(&pieces.body)), strip(&plain.body), "{path}");
        }
    }
}

#[tokio::test]
async fn what_leads_nowhere_is_answered_whole_and_says_so_by_its_status() {
    let house = House::build(Mood::Full).await;
    for (path, status) in [
        ("/b/none", 404),
        ("/explore?q=(", 400),
        ("/explore?sort=", 200),
        ("/?from=yesterdayish", 400),
        ("/why?q=a:[", 400),
    ] {
        assert_eq!(house.get_with(path, OPENS).await.status, status, "{path}");
    }
    for program in ["", "sec-fetch-dest: empty\r\n"] {
        let answer = House::build(Mood::Broken).await.get_with("/explore", program).await;
        assert_eq!(answer.status, 503, "a program is told by the status");
    }
}
