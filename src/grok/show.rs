//! Lines and captures on the screen.

use std::io::{BufWriter, Stdout, Write};

use alces_trial::{Kept, Stop, visible};
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

/// One for each capture, in turn; red is for what failed.
const PALETTE: [AnsiColor; 5] =
    [AnsiColor::Green, AnsiColor::Cyan, AnsiColor::Yellow, AnsiColor::Magenta, AnsiColor::Blue];
/// On a terminal narrower than this nothing is helped.
const NARROW: usize = 20;
const WRONG: Style = AnsiColor::Red.on_default();

/// Standard output, which takes colours or drops them.
pub(crate) struct Screen<W: Write = BufWriter<AutoStream<Stdout>>> {
    /// For what has no colours.
    pub(crate) out: W,
    /// The columns of a terminal; elsewhere lines are as long as they are.
    width: Option<usize>,
}

impl Screen {
    /// Colours as the command line wants them; `auto` looks at the terminal and at NO_COLOR.
    pub(crate) fn new(colours: ColorChoice) -> Self {
        let stdout = std::io::stdout();
        let choice = match colours {
            ColorChoice::Auto => AutoStream::choice(&stdout),
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        let out = BufWriter::new(AutoStream::new(stdout, choice));
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        Self { out, width }
    }
}

impl<W: Write> Screen<W> {
    /// The line with its captures in colours, and a row for each.
    pub(crate) fn matched(&mut self, line: &str, kept: &[Kept<'_>]) -> std::io::Result<()> {
        // A capture inside another comes after it and is seen.
        let mut colours = vec![None; line.len()];
        for (at, kept) in kept.iter().enumerate() {
            colours[kept.span.0..kept.span.1].fill(Some(colour(at)));
        }
        let mut from = 0;
        for run in colours.chunk_by(|a, b| a == b) {
            let text = line.get(from..from + run.len()).unwrap_or_default();
            write_in(&mut self.out, run.first().copied().flatten(), text)?;
            from += run.len();
        }
        writeln!(self.out)?;
        let width = kept.iter().map(|kept| kept.field.chars().count()).max().unwrap_or_default();
        for (at, kept) in kept.iter().enumerate() {
            write!(self.out, "  ")?;
            write_in(&mut self.out, Some(colour(at)), kept.field)?;
            let gap = width - kept.field.chars().count();
            writeln!(self.out, "{:gap$} = {}", "", visible(&kept.shown()))?;
        }
        Ok(())
    }

    /// The line, a caret under the place where the pattern stopped, and why.
    pub(crate) fn missed(&mut self, line: &str, stop: &Stop) -> std::io::Result<()> {
        let (good, bad) = line.split_at_checked(stop.at).unwrap_or((line, ""));
        write!(self.out, "{}", visible(good))?;
        write_in(&mut self.out, Some(WRONG), bad)?;
        writeln!(self.out)?;
        let column = stop.column(line);
        match self.width.filter(|width| *width >= NARROW && line.chars().count() >= *width) {
            // A caret under a line that the terminal folds would stand anywhere.
            Some(width) => {
                let before = column.min(width / 2) - 1;
                let window: String = line.chars().skip(column - 1 - before).take(width - 1).collect();
                writeln!(self.out, "{}\n{:before$}{WRONG}^{WRONG:#}", visible(&window), "")?;
            }
            None => writeln!(self.out, "{:gap$}{WRONG}^{WRONG:#}", "", gap = column - 1)?,
        }
        writeln!(self.out, "  {}", stop.words(line))
    }

    /// A line that was given up.
    pub(crate) fn exhausted(&mut self, line: &str) -> std::io::Result<()> {
        writeln!(self.out, "{}", visible(line))?;
        writeln!(
            self.out,
            "  {WRONG}timed out{WRONG:#}: given up after a fixed amount of work; the collector tags it `_groktimeout`"
        )
    }
}

fn colour(at: usize) -> Style {
    PALETTE[at % PALETTE.len()].on_default()
}

fn write_in(out: &mut impl Write, style: Option<Style>, text: &str) -> std::io::Result<()> {
    let text = visible(text);
    match style.filter(|_| !text.is_empty()) {
        Some(style) => write!(out, "{style}{text}{style:#}"),
        None => write!(out, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use alces_grok::{Grok, Outcome, PatternSet, Spans};

    use super::*;
    use alces_trial::{Fields, Finder};

    fn check(pattern: &str, line: &str, width: Option<usize>, colours: bool) -> String {
        let set = PatternSet::legacy();
        let grok = Grok::compile(&set, pattern).unwrap();
        let fields = Fields::new(pattern, &grok).unwrap();
        let mut spans = Spans::default();
        let out = if colours { AutoStream::always_ansi(Vec::new()) } else { AutoStream::never(Vec::new()) };
        let mut screen = Screen { out, width };
        match grok.matches(line, &mut spans) {
            Outcome::Match => {
                screen.matched(line, &fields.kept(line, &spans).collect::<Vec<_>>()).unwrap();
            }
            _ => screen.missed(line, &Finder::new(&set, pattern).find(line)).unwrap(),
        }
        String::from_utf8(screen.out.into_inner()).unwrap().replace('\x1b', "ESC")
    }

    #[test]
    fn a_match() {
        insta::assert_snapshot!(check("%{WORD:verb} %{INT:bytes:int} %{QS:agent}", "GET 007 \"a\tb\"", None, false), @r#"
        GET 007 "a␉b"
          verb  = "GET"
          bytes = 7
          agent = "\"a\tb\""
        "#);
    }

    #[test]
    fn captures_have_colours_and_the_inner_one_is_seen() {
        insta::assert_snapshot!(check("(?<all>%{WORD:w}:) x", "ä a: x", None, true), @r#"
        ä ESC[36maESC[0mESC[32m:ESC[0m x
          ESC[32mallESC[0m = "a:"
          ESC[36mwESC[0m   = "a"
        "#);
    }

    #[test]
    fn the_caret_stands_under_the_column() {
        insta::assert_snapshot!(check("^ä %{INT:n}", "ä x", None, false), @"
        ä x
          ^
          stopped at column 3: `%{INT:n}` does not match `x`
        ");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place_on_a_terminal() {
        insta::assert_snapshot!(check("end %{INT:n}", "0123456789 0123456789 0123456789 end x 0123456789", Some(24), false), @"
        0123456789 0123456789 0123456789 end x 0123456789
        456789 end x 0123456789
                   ^
          stopped at column 38: `%{INT:n}` does not match `x 0123456789`
        ");
    }

    #[test]
    fn control_characters_are_pictures() {
        assert_eq!(visible("\x1b[31m\t\u{9b}"), "␛[31m␉\u{fffd}");
    }
}
