//! The histogram above the lines: how many there were, by how bad they are. Requests are judged by their status, the lines of programs by
//! their level, and both are one scale, so that Nginx and an application can stand in one chart.

use crate::board::schema::Color;
use crate::board::{Board, Kind, Panel, Series};
use crate::fields::{Fields, Idea};

/// Levels of errors and of warnings; each is looked for in small letters, capitals, and with a capital.
const ERRORS: [&str; 9] =
    ["error", "err", "fatal", "crit", "critical", "alert", "emerg", "emergency", "panic"];
const WARNINGS: [&str; 2] = ["warn", "warning"];

/// The page's histogram as a board of one panel.
pub(crate) fn board(fields: &Fields) -> Board {
    let judged = [Idea::Status, Idea::Level].iter().any(|idea| fields.best(*idea).is_some());
    let mut panel = Panel::newest(0);
    panel.id = "hits".into();
    panel.title = "Lines over time".into();
    panel.kind = Kind::Stacked;
    panel.top = None;
    panel.series = if judged {
        let (errors, warnings) = (any("5xx", &ERRORS), any("4xx", &WARNINGS));
        vec![
            series("errors: 5xx, error", &format!("({errors})"), Color::Vermillion),
            series("warnings: 4xx, warn", &format!("({warnings}) -({errors})"), Color::Orange),
            series("others", &format!("-({errors}) -({warnings})"), Color::Blue),
        ]
    } else {
        vec![series("lines", "", Color::Blue)]
    };
    let mut board = Board::blank(vec![panel]);
    // Pictures are kept by this name.
    board.id = if judged { "/explore" } else { "/explore of lines without level" }.into();
    board
}

fn any(status: &str, levels: &[&str]) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let all: Vec<String> =
        levels.iter().flat_map(|l| [(*l).to_owned(), l.to_uppercase(), capital(l)]).collect();
    format!("status:{status} OR level:({})", all.join(" OR "))
}

fn series(name: &str, filter: &str, color: Color) -> Series {
    Series {
        name: name.into(),
        metric: "count".into(),
        filter: filter.into(),
        color: Some(color),
        dash: None,
        unit: None,
        scale: 1.0,
        optional: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;
    use crate::query::parse;

    #[test]
    fn every_series_can_be_asked() {
        let board = board(&Fields::from_caps(&caps(&[("log.level", "keyword")])));
        assert_eq!(board.panels[0].series.len(), 3);
        for series in &board.panels[0].series {
            assert!(parse(&series.filter).is_ok(), "{}", series.filter);
        }
    }

    #[test]
    fn lines_that_nothing_judges_are_not_called_harmless() {
        let board = board(&Fields::from_caps(&caps(&[("message", "text")])));
        assert_eq!(board.panels[0].series[0].name, "lines");
    }
}
