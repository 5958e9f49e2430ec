//! The store alone on a port of this machine, for a look with a profiler: `cargo run --release -p alces-store --example serve -- 9200 DIR`.

use alces_store::{Config, Store, serve_store};

#[global_allocator]
static ALLOCATOR: alces_allocator::Allocator = alces_allocator::Allocator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [port, dir] = args.as_slice() else { return Err("usage: serve PORT DIR".into()) };
    let store = Store::open(Config::new(dir))?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    Ok(serve_store(listener, store, std::future::pending()).await?)
}
