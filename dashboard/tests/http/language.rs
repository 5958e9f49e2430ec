//! In which language a visitor is answered.

use super::House;
use super::fake::Mood;

#[tokio::test]
async fn a_page_is_in_the_visitors_language() {
    let house = House::build(Mood::Full).await;
    let english = house.get("/").await.body;
    assert!(english.contains("<html lang=\"en\"") && english.contains("Show as table"));
    let chinese = house.get_with("/", "accept-language: zh-CN,zh;q=0.9,en;q=0.8\r\n").await.body;
    assert!(chinese.contains("<html lang=\"zh-CN\"") && chinese.contains("以表格显示"));
    assert!(!chinese.contains("Show as table"), "one picture, two languages");
    assert!(chinese.contains(" % 的请求失败（5xx）"), "the verdict's reasons too");
    let again = house.get("/").await.body;
    assert!(again.contains("Show as table"), "the next visitor reads English");
}

#[tokio::test]
async fn a_choice_is_kept_and_leads_back() {
    let house = House::build(Mood::Full).await;
    let chosen = house.get("/language?to=zh-CN&back=%2Fexplore%3Fq%3Dstatus%3A5xx").await;
    assert_eq!(chosen.status, 303);
    assert!(chosen.head.contains("location: /explore?q=status:5xx"), "{}", chosen.head);
    assert!(chosen.head.contains("set-cookie: language=zh-cn; path=/"), "{}", chosen.head);
    let page = house.get_with("/explore", "cookie: language=zh-CN\r\naccept-language: en\r\n").await.body;
    assert!(page.contains("<html lang=\"zh-CN\""));
    let referred =
        house.get_with("/language?to=en", "referer: http://dashboard/b/nginx?from=now-1d\r\n").await;
    assert!(referred.head.contains("location: /b/nginx?from=now-1d"), "{}", referred.head);
    for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let away = house.get(&format!("/language?to=en&back={elsewhere}")).await;
        assert!(away.head.contains("location: /\r"), "{}", away.head);
    }
    let strange = house.get("/language?to=%0d%0aset-cookie:x&back=/").await;
    assert!(strange.head.contains("set-cookie: language=en;"), "{}", strange.head);
}

#[tokio::test]
async fn programs_and_pictures_are_answered_in_english() {
    let house = House::build(Mood::Full).await;
    for path in ["/api/v1/boards/overview", "/b/overview/requests.csv"] {
        let answer = house.get_with(path, "accept-language: zh-CN\r\n").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.is_ascii() || !answer.body.contains('时'), "{path}");
    }
    let json = house.get_with("/api/v1/boards/overview", "accept-language: zh-CN\r\n").await.body;
    assert!(json.contains(" % of requests fail (5xx)"), "{}", &json[..300]);
}
