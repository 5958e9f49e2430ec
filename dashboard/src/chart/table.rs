//! A chart as a table, for those who cannot see it and for those who want the figure.

use maud::{Markup, html};

use super::Drawing;
use super::data::{Cell, Column, Data, data};
use super::font;
use crate::language::{plain, t, text};

/// The table of a chart, folded away. `id` keeps it open over a refresh.
pub(crate) fn table(drawing: &Drawing, id: &str) -> Markup {
    let data = data(drawing);
    let gaps = data.rows.iter().flatten().any(|c| *c == Cell::Unknown);
    html! {
        details class="data" id={ (id) "-data" } {
            summary { (t!("Show as table")) }
            div class="scroll" tabindex="0" role="region" aria-label=(plain!("Table of {panel}", panel = text(&font::plain(drawing.title())))) {
                table {
                    thead { tr {
                        @for column in &data.columns {
                            @if column.unit.is_some() { th scope="col" class="num" { (text(&font::plain(&column.name))) } }
                            @else { th scope="col" { (text(&font::plain(&column.name))) } }
                        }
                    } }
                    tbody {
                        @for row in &data.rows {
                            tr {
                                @for (i, (cell, column)) in row.iter().zip(&data.columns).enumerate() {
                                    @let text = write(cell, column, &data);
                                    @if i == 0 { th scope="row" { (text) } }
                                    @else if column.unit.is_some() { td class="num" { (text) } }
                                    @else { td { (text) } }
                                }
                            }
                        }
                    }
                }
            }
            @if gaps { p class="hint" { (t!("“—” means not known; the chart has a gap there.")) } }
        }
    }
}

fn write(cell: &Cell, column: &Column, data: &Data) -> String {
    match cell {
        Cell::Time(at) if data.step < 60_000 => data.instant(*at, "%d %b %H:%M:%S"),
        Cell::Time(at) if data.step < 86_400_000 => data.instant(*at, "%d %b %H:%M"),
        Cell::Time(at) => data.instant(*at, "%d %b %Y"),
        Cell::Text(text) => font::plain(text),
        Cell::Number(value) => column.unit.map_or_else(|| value.to_string(), |unit| unit.show(*value)),
        Cell::Unknown => "—".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::super::spec::tests::small;
    use super::*;

    #[test]
    fn unknown_is_a_dash_and_zero_a_zero() {
        let mut spec = small();
        spec.series[0].values[0] = Some(0.0);
        let html = table(&spec.into(), "latency").into_string();
        assert!(html.contains("<th scope=\"row\">01 Jan 00:00</th><td class=\"num\">0 ms</td>"), "{html}");
        assert!(html.contains("<th scope=\"row\">01 Jan 00:02</th><td class=\"num\">—</td>"), "{html}");
        assert!(html.contains("class=\"hint\""));
    }

    #[test]
    fn names_are_rows_where_there_is_no_time() {
        let html = table(&Drawing::Bars(samples::bars()), "urls").into_string();
        assert!(
            html.contains("<th scope=\"row\">/api/v1/tickets</th><td class=\"num\">48.2 k</td>"),
            "{html}"
        );
        assert!(!html.contains("class=\"hint\""));
    }
}
