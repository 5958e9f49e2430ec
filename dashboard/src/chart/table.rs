//! A chart as a table, for those who cannot see it and for those who want the figure.

use jiff::Timestamp;
use maud::{Markup, html};

use super::ChartSpec;

/// The table of a chart, folded away. `id` keeps it open over a refresh.
pub(crate) fn table(spec: &ChartSpec, id: &str) -> Markup {
    let scale = spec.unit.scale(spec.max());
    html! {
        details class="data" id={ (id) "-data" } {
            summary { "Show as table" }
            div class="scroll" tabindex="0" role="region" aria-label={ "Table of " (spec.title) } {
                table {
                    thead { tr {
                        th scope="col" { "Time" }
                        @for series in &spec.series { th scope="col" class="num" { (series.name) } }
                    } }
                    tbody {
                        @for (i, time) in spec.times.iter().enumerate() {
                            tr {
                                th scope="row" { (stamp(*time, spec)) }
                                @for series in &spec.series {
                                    td class="num" {
                                        @match series.values.get(i).copied().flatten() {
                                            Some(v) => (spec.unit.show(v)),
                                            None => "—",
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            p class="hint" { "“—” means not known; the chart has a gap there. Axis in " (scale.suffix) "." }
        }
    }
}

fn stamp(at: i64, spec: &ChartSpec) -> String {
    let format = if spec.step < 60_000 {
        "%d %b %H:%M:%S"
    } else if spec.step < 86_400_000 {
        "%d %b %H:%M"
    } else {
        "%d %b %Y"
    };
    Timestamp::from_millisecond(at)
        .map_or_else(|_| at.to_string(), |t| t.to_zoned(spec.zone.clone()).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::small;
    use super::*;

    #[test]
    fn unknown_is_a_dash_and_zero_a_zero() {
        let mut spec = small();
        spec.series[0].values[0] = Some(0.0);
        let html = table(&spec, "latency").into_string();
        assert!(html.contains("<th scope=\"row\">01 Jan 00:00</th><td class=\"num\">0 ms</td>"), "{html}");
        assert!(html.contains("<th scope=\"row\">01 Jan 00:02</th><td class=\"num\">—</td>"), "{html}");
    }
}
