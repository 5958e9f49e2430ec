//! A dashboard over a given REST API: `cargo run -p alces-dashboard --example over -- http://127.0.0.1:9200/ 8080`

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "http://127.0.0.1:9200/".into()).parse()?;
    let port = args.next().unwrap_or_else(|| "0".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}/", listener.local_addr()?);
    let config = alces_dashboard::Config::new(url);
    alces_dashboard::serve(listener, config, jiff::Timestamp::now, std::future::pending()).await?;
    Ok(())
}
