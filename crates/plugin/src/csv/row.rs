//! One row of comma separated values, as Ruby's CSV reads it. The `csv` crate takes what Ruby refuses (`a"b`), and knows
//! separators of one byte only.

use std::borrow::Cow;

use alces_conf::Options;

/// What separates the cells of a row, and what they are quoted with.
#[derive(Clone, Debug)]
pub struct Dialect {
    separator: String,
    quote: char,
}

/// A cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'t> {
    /// Nothing between two separators.
    Nothing,
    /// As it stands in the row.
    Part(&'t str),
    /// With doubled quotes in it.
    Text(String),
}

impl Cell<'_> {
    /// Its text; `None` where there is nothing.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Part(text) => Some(text),
            Self::Text(text) => Some(text),
        }
    }
}

/// A quote where none may be, or one that is not closed.
#[derive(Debug, PartialEq)]
pub struct Malformed;

/// Reads `separator` and `quote_char`.
pub fn dialect(options: &mut Options<'_>) -> Option<Dialect> {
    let separator = options.text("separator");
    if let Some(empty) = separator.as_ref().filter(|text| text.node.is_empty()) {
        options.error(&empty.span, "`separator` of csv must not be empty");
    }
    let quote = match options.text("quote_char") {
        None => '"',
        // Logstash's way to have none.
        Some(text) if text.node == r"\x00" => '\0',
        Some(text) => {
            let mut chars = text.node.chars();
            match (chars.next(), chars.next()) {
                (Some(quote), None) => quote,
                _ => {
                    options.error(&text.span, "`quote_char` of csv is a single character");
                    return None;
                }
            }
        }
    };
    Some(Dialect { separator: separator.map_or(",".to_owned(), |text| text.node), quote })
}

impl Default for Dialect {
    /// Commas and double quotes.
    fn default() -> Self {
        Self { separator: ",".to_owned(), quote: '"' }
    }
}

impl Dialect {
    /// The cells of the first row; none where it is blank.
    ///
    /// # Errors
    /// A quote stands where none may be.
    pub fn cells<'t>(&self, text: &'t str) -> Result<Vec<Cell<'t>>, Malformed> {
        let mut cells = Vec::new();
        if text.is_empty() || text.starts_with(['\n', '\r']) {
            return Ok(cells);
        }
        let mut rest = text;
        // Where the row ends, looked for once, and again behind quotes that hold the end of a line.
        let mut ends = None;
        loop {
            let after = match rest.strip_prefix(self.quote) {
                Some(inner) => {
                    let (cell, after) = self.quoted(inner)?;
                    cells.push(cell);
                    after
                }
                None => {
                    let at = text.len() - rest.len();
                    let line = match ends {
                        Some(ends) if ends >= at => ends - at,
                        _ => rest.find(['\n', '\r']).unwrap_or(rest.len()),
                    };
                    ends = Some(at + line);
                    let end = rest[..line].find(self.separator.as_str()).unwrap_or(line);
                    let part = &rest[..end];
                    if part.contains(self.quote) {
                        return Err(Malformed);
                    }
                    cells.push(if part.is_empty() { Cell::Nothing } else { Cell::Part(part) });
                    &rest[end..]
                }
            };
            match after.strip_prefix(self.separator.as_str()) {
                Some(next) => rest = next,
                None if after.is_empty() || after.starts_with(['\n', '\r']) => return Ok(cells),
                None => return Err(Malformed),
            }
        }
    }

    /// Appends a row, quoted where it must be, and a newline.
    pub fn write<'t>(&self, cells: impl Iterator<Item = Option<Cow<'t, str>>>, out: &mut String) {
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                out.push_str(&self.separator);
            }
            let Some(text) = cell else { continue };
            let special = |c: char| matches!(c, '\n' | '\r') || c == self.quote || self.separator.contains(c);
            if !text.is_empty() && !text.contains(special) {
                out.push_str(&text);
                continue;
            }
            out.push(self.quote);
            for c in text.chars() {
                if c == self.quote {
                    out.push(c);
                }
                out.push(c);
            }
            out.push(self.quote);
        }
        out.push('\n');
    }

    /// From after the opening quote.
    fn quoted<'t>(&self, inner: &'t str) -> Result<(Cell<'t>, &'t str), Malformed> {
        let mut text: Option<String> = None;
        let mut from = 0;
        loop {
            let rest = inner.get(from..).ok_or(Malformed)?;
            let end = rest.find(self.quote).ok_or(Malformed)?;
            let (part, after) = (&rest[..end], &rest[end + self.quote.len_utf8()..]);
            match after.strip_prefix(self.quote) {
                Some(next) => {
                    let text = text.get_or_insert_default();
                    text.push_str(part);
                    text.push(self.quote);
                    from = inner.len() - next.len();
                }
                None => {
                    let cell = match text {
                        None => Cell::Part(part),
                        Some(text) => Cell::Text(text + part),
                    };
                    return Ok((cell, after));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is written is read as it was.
        #[test]
        fn written_and_read(cells in prop::collection::vec(r#"[a,"\né]{0,5}"#, 1..5)) {
            let mut row = String::new();
            Dialect::default().write(cells.iter().map(|cell| Some(cell.into())), &mut row);
            let read = Dialect::default().cells(&row).unwrap();
            let read: Vec<&str> = read.iter().filter_map(Cell::text).collect();
            prop_assert_eq!(read, cells);
        }

        #[test]
        fn nothing_breaks_it(text in r#"[a,"\né]{0,12}"#) {
            let _ = Dialect::default().cells(&text);
        }
    }

    /// Each cell once looked for the end of the row, through all that were to come.
    #[test]
    fn a_row_of_a_million_cells_is_read_in_one_pass() {
        let row = format!("{}\"a\nb\",c\nd", ",".repeat(1_000_000));
        let cells = Dialect::default().cells(&row).unwrap();
        assert_eq!(cells.len(), 1_000_002);
        assert_eq!(cells[1_000_000..], [Cell::Part("a\nb"), Cell::Part("c")]);
    }

    #[test]
    fn the_first_row_only() {
        assert_eq!(Dialect::default().cells("a,b\nc"), Ok(vec![Cell::Part("a"), Cell::Part("b")]));
        assert_eq!(Dialect::default().cells("\"a\nb\",\r\nc"), Ok(vec![Cell::Part("a\nb"), Cell::Nothing]));
    }
}
