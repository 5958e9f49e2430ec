//! Draws a chart of every kind into a directory, to look at: `cargo run -p alces-dashboard --example gallery -- DIR`.

use std::fmt::Write as _;
use std::path::PathBuf;

use alces_dashboard::bench;

fn main() -> std::io::Result<()> {
    let Some(to) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: gallery DIR"));
    };
    std::fs::create_dir_all(&to)?;
    let samples = bench::samples(120);
    for dark in [false, true] {
        let theme = if dark { "dark" } else { "light" };
        let mut page = format!(
            "<!doctype html><html data-theme=\"{theme}\"><meta charset=\"utf-8\"><style>{}</style><body><main>\
             <div style=\"display:grid;grid-template-columns:repeat(3,452px);gap:12px\">",
            bench::CSS
        );
        for (name, sample) in &samples {
            std::fs::write(to.join(format!("{name}-{theme}.png")), sample.png(1200, 630, dark))?;
            let _ = write!(page, "<article class=\"panel\"><h2>{name}</h2>{}</article>", sample.svg(true));
        }
        page += "</div><div style=\"display:grid;grid-template-columns:repeat(4,332px);gap:12px;margin-top:12px\">";
        for (name, sample) in &samples {
            let _ = write!(page, "<article class=\"panel\"><h2>{name}</h2>{}</article>", sample.svg(false));
        }
        let spark: Vec<Option<f64>> = (0..40).map(|i| (i % 13 != 5).then(|| f64::from(i * 7 % 11))).collect();
        let _ = write!(page, "</div><p>Sparkline {}</p></main></body></html>", bench::spark(&spark));
        std::fs::write(to.join(format!("page-{theme}.html")), page)?;
        std::fs::write(to.join(format!("sheet-{theme}.png")), bench::sheet(&samples, 2, dark))?;
    }
    for (name, sample) in &samples {
        std::fs::write(to.join(format!("{name}.svg")), sample.svg(true))?;
        std::fs::write(to.join(format!("{name}.txt")), sample.text(100, 24, false))?;
        std::fs::write(to.join(format!("{name}.ansi")), sample.text(100, 24, true))?;
    }
    Ok(())
}
