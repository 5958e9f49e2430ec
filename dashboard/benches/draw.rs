//! What a picture costs: `cargo bench -p alces-dashboard`. Every kind with 120 buckets; a page draws each twice, wide and
//! narrow, and a chart should take no more than 5 ms.

use std::hint::black_box;

use alces_dashboard::bench::samples;
use criterion::{Criterion, criterion_group, criterion_main};

fn draw(criterion: &mut Criterion) {
    let samples = samples(120);
    let mut group = criterion.benchmark_group("svg");
    for (name, sample) in &samples {
        let svg = sample.svg(true);
        assert!(!svg.is_empty(), "{name} was not drawn");
        println!("{name}: {} bytes", svg.len());
        group.bench_function(*name, |b| b.iter(|| black_box(sample).svg(true)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("other");
    group.sample_size(20);
    for (name, sample) in samples.iter().filter(|(name, _)| ["lines", "map"].contains(name)) {
        group.bench_function(format!("png {name} 1200x630"), |b| {
            b.iter(|| black_box(sample).png(1200, 630, false));
        });
        group.bench_function(format!("text {name} 100x24"), |b| {
            b.iter(|| black_box(sample).text(100, 24, true));
        });
    }
    group.finish();
}

criterion_group!(benches, draw);
criterion_main!(benches);
