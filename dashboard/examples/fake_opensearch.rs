//! A dashboard over a made-up day of traffic, to look at pages without a store:
//! `cargo run -p alces-dashboard --example fake_opensearch -- full 8080`
//! (or `seed`, `empty`, `broken`, `silent`, `odd`, `partly` in place of `full`).

#[path = "../tests/fake/mod.rs"]
mod fake;

use fake::{Fake, Mood};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mood = match args.first().map_or("full", String::as_str) {
        "seed" => Mood::Seed,
        "empty" => Mood::Empty,
        "broken" => Mood::Broken,
        "silent" => Mood::Silent,
        "odd" => Mood::Odd,
        "partly" => Mood::Partly,
        _ => Mood::Full,
    };
    let backend = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", backend.local_addr()?).parse()?;
    tokio::spawn(async move {
        axum::serve(backend, Fake::new(mood, jiff::Timestamp::now().as_millisecond()).router()).await
    });
    let port = args.get(1).map_or("0", String::as_str);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}/", listener.local_addr()?);
    let config = alces_dashboard::Config::new(url);
    alces_dashboard::serve(listener, config, jiff::Timestamp::now, std::future::pending()).await?;
    Ok(())
}
