//! Lines of the same build laid over each other, column by column.

use super::token::{Kind, Token};

/// What must be equal for two tokens to stand in one column: the kind and, of keys, the text; none is the end.
type Class<'l> = Option<(Kind, &'l str)>;

/// A column of what the lines have in common.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column<'l> {
    pub(crate) what: What,
    /// The texts of the lines that stayed, in their order.
    pub(crate) texts: Vec<&'l str>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The same kind in every line.
    Same(Kind),
    /// Values of different kinds, without spaces.
    Mixed,
    /// A value of the kind, or `-` where there is none.
    OrDash(Kind),
    /// Space in some lines.
    PerhapsSpace,
    /// Anything up to the mark that closes.
    Enclosed,
    /// Anything up to the end, or up to what follows.
    Rest,
}

/// So many of a group's lines must agree on a column; those that do not are left to another pattern.
const AGREE: f64 = 0.9;

/// In a sample of more lines, a line that stands alone gets no pattern.
const FEW: usize = 20;

/// What the lines are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Lines of one kind.
    Whole,
    /// The only line of all.
    Sole,
    /// What follows a known beginning.
    Remainder,
}

/// A group's lines as they are read.
struct Reader<'t, 'l> {
    mode: Mode,
    lines: Vec<&'t [Token<'l>]>,
    /// For each line the token that is next.
    at: Vec<usize>,
    columns: Vec<(What, Vec<(usize, &'l str)>)>,
    /// The lines that are still in.
    alive: Vec<usize>,
}

/// The columns of the largest group of lines that begin alike and have something in common.
pub(crate) fn align<'l>(lines: &[Vec<Token<'l>>]) -> Option<Vec<Column<'l>>> {
    let mut groups: Vec<(Class<'_>, Vec<&[Token<'l>]>)> = Vec::new();
    for line in lines {
        let class = class(line.first().copied());
        match groups.iter_mut().find(|(c, _)| *c == class) {
            Some((_, group)) => group.push(line),
            None => groups.push((class, vec![line])),
        }
    }
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    groups.into_iter().find_map(|(_, group)| {
        if group.len() == 1 && lines.len() > FEW {
            return None;
        }
        let columns = align_group(group, if lines.len() == 1 { Mode::Sole } else { Mode::Whole });
        columns.iter().any(strong).then_some(columns)
    })
}

/// The columns of lines, strong or not.
pub(crate) fn align_all<'l>(lines: &[Vec<Token<'l>>]) -> Vec<Column<'l>> {
    align_group(lines.iter().map(Vec::as_slice).collect(), Mode::Remainder)
}

fn align_group<'l>(lines: Vec<&[Token<'l>]>, mode: Mode) -> Vec<Column<'l>> {
    let mut reader = Reader {
        mode,
        at: vec![0; lines.len()],
        alive: (0..lines.len()).collect(),
        lines,
        columns: Vec::new(),
    };
    while !reader.alive.is_empty() && reader.step() {}
    let alive = &reader.alive;
    let columns = reader.columns.into_iter().map(|(what, texts)| {
        let texts = texts.into_iter().filter(|(line, _)| alive.binary_search(line).is_ok());
        Column { what, texts: texts.map(|(_, text)| text).collect() }
    });
    columns.collect()
}

/// Whether prose begins: three words in a row.
fn is_prose(tokens: &[Token<'_>]) -> bool {
    let kinds: Vec<Kind> = tokens.iter().take(5).map(|token| token.kind).collect();
    kinds == [Kind::Word, Kind::Space, Kind::Word, Kind::Space, Kind::Word]
}

/// Whether a column is more than what any text has.
fn strong(column: &Column<'_>) -> bool {
    match column.what {
        What::Same(Kind::Word) => is_constant(column),
        What::Same(Kind::Space) | What::Mixed | What::PerhapsSpace | What::Rest => false,
        _ => true,
    }
}

/// Whether a column is a value of a kind.
fn is_telling(what: What) -> bool {
    match what {
        What::Same(kind) => !matches!(kind, Kind::Word | Kind::Space | Kind::Mark(_)),
        _ => false,
    }
}

/// Whether every line has the same text there.
pub(crate) fn is_constant(column: &Column<'_>) -> bool {
    column.texts.windows(2).all(|pair| pair[0] == pair[1])
}

impl<'l> Reader<'_, 'l> {
    fn next(&self, line: usize) -> Option<Token<'l>> {
        self.lines[line].get(self.at[line]).copied()
    }

    /// Reads one column; false at the end.
    fn step(&mut self) -> bool {
        // One line among others: its words are not what lines of its kind have in common.
        if let [line] = self.alive[..]
            && self.mode != Mode::Sole
            && is_prose(&self.lines[line][self.at[line]..])
        {
            self.rest();
            return false;
        }
        let (top, share) = self.majority();
        let first = self.columns.is_empty() && self.mode != Mode::Remainder;
        if share >= AGREE || (first && top.is_some()) {
            return self.take(top);
        }
        self.perhaps_space() || self.or_dash() || self.enclosed() || self.mixed() || {
            // Half of the lines agree on something that is no mere word: the others are another kind of line.
            let typed =
                top.is_some_and(|(kind, _)| !matches!(kind, Kind::Word | Kind::Space | Kind::Mark(_)));
            // So they are where a pattern would otherwise say next to nothing.
            let telling = self.columns.iter().filter(|(what, _)| is_telling(*what)).count();
            let timed = self.columns.iter().any(|(what, _)| matches!(what, What::Same(Kind::Time(_))));
            let thin = telling < 2 && !timed && self.mode != Mode::Remainder;
            if (typed || thin) && top.is_some() && share >= 0.5 {
                return self.take(top);
            }
            self.rest();
            false
        }
    }

    /// The kind (and, for keys, the text) that most lines have next; none is the end.
    fn majority(&self) -> (Class<'l>, f64) {
        let mut counts: Vec<(Class<'l>, usize)> = Vec::new();
        for line in &self.alive {
            let class = class(self.next(*line));
            match counts.iter_mut().find(|(c, _)| *c == class) {
                Some((_, count)) => *count += 1,
                None => counts.push((class, 1)),
            }
        }
        // The first of equals, so that the same lines always give the same pattern.
        let top = counts.into_iter().rev().max_by_key(|(_, count)| *count).unwrap_or((None, 0));
        (top.0, top.1 as f64 / self.alive.len() as f64)
    }

    fn keep(&mut self, keep: impl Fn(&Self, usize) -> bool) {
        let alive = std::mem::take(&mut self.alive);
        self.alive = alive.into_iter().filter(|line| keep(self, *line)).collect();
    }

    /// Takes the column that most lines agree on, and drops the others.
    fn take(&mut self, top: Class<'l>) -> bool {
        self.keep(|this, line| class(this.next(line)) == top);
        let Some((kind, _)) = top else { return false };
        self.push_one(What::Same(kind));
        true
    }

    /// One token of every line becomes a column.
    fn push_one(&mut self, what: What) {
        let mut texts = Vec::with_capacity(self.alive.len());
        for line in &self.alive {
            texts.push((*line, self.next(*line).map_or("", |token| token.text)));
            self.at[*line] += 1;
        }
        self.columns.push((what, texts));
    }

    /// Some lines have space here, and behind it all agree: `[INFO ]` and `[ERROR]`.
    fn perhaps_space(&mut self) -> bool {
        let spaced = |this: &Self, line: usize| this.next(line).is_some_and(|t| t.kind == Kind::Space);
        let before = self.at.clone();
        let mut texts = Vec::new();
        for line in &self.alive {
            let token = self.next(*line).filter(|_| spaced(self, *line));
            texts.push((*line, token.map_or("", |t| t.text)));
            self.at[*line] += usize::from(token.is_some());
        }
        if self.at != before && self.majority().1 >= AGREE && self.majority().0.is_some() {
            self.columns.push((What::PerhapsSpace, texts));
            return true;
        }
        self.at = before;
        false
    }

    /// Values of one kind, and `-` where there is none.
    fn or_dash(&mut self) -> bool {
        let dash = |token: Option<Token<'_>>| token.is_some_and(|t| t.kind == Kind::Mark('-'));
        let kinds = self.alive.iter().filter_map(|line| class(self.next(*line))).map(|(kind, _)| kind);
        let Some(kind) = kinds
            .into_iter()
            .find(|kind| is_value(*kind))
            .filter(|_| self.alive.iter().any(|line| dash(self.next(*line))))
        else {
            return false;
        };
        let fits = |token: Option<Token<'_>>| dash(token) || class(token).is_some_and(|(k, _)| k == kind);
        let fitting = self.alive.iter().filter(|line| fits(self.next(**line))).count();
        if (fitting as f64) < AGREE * self.alive.len() as f64 {
            return false;
        }
        let before = self.at.clone();
        let alive = self.alive.clone();
        self.keep(|this, line| fits(this.next(line)));
        self.push_one(What::OrDash(kind));
        self.agree_or_undo(before, alive)
    }

    /// Inside brackets: whatever there is, up to the mark that closes.
    fn enclosed(&mut self) -> bool {
        let Some((opened, close)) = self.open_bracket() else { return false };
        let open = self.columns[opened].0;
        let ends: Vec<(usize, Option<usize>)> = self
            .alive
            .iter()
            .map(|line| {
                let mut depth = 0_usize;
                let tail = self.lines[*line][self.at[*line]..].iter();
                let end = tail.enumerate().find_map(|(at, token)| match token.kind {
                    kind if What::Same(kind) == open => {
                        depth += 1;
                        None
                    }
                    Kind::Mark(mark) if mark == close && depth == 0 => Some(self.at[*line] + at),
                    Kind::Mark(mark) if mark == close => {
                        depth -= 1;
                        None
                    }
                    _ => None,
                });
                (*line, end)
            })
            .collect();
        let closed = ends.iter().filter(|(_, end)| end.is_some()).count();
        if (closed as f64) < AGREE * ends.len() as f64 {
            return false;
        }
        // What has been read of the inside joins what has not.
        self.columns.truncate(opened + 1);
        let mut texts = Vec::new();
        self.alive = Vec::new();
        for (line, end) in ends {
            let Some(end) = end else { continue };
            texts.push((line, ""));
            self.at[line] = end;
            self.alive.push(line);
        }
        self.columns.push((What::Enclosed, texts));
        true
    }

    /// The innermost bracket that is open: its column, and what closes it.
    fn open_bracket(&self) -> Option<(usize, char)> {
        let mut open = Vec::new();
        for (at, (what, _)) in self.columns.iter().enumerate() {
            let What::Same(Kind::Mark(mark)) = what else { continue };
            match mark {
                '[' => open.push((at, ']')),
                '(' => open.push((at, ')')),
                '{' => open.push((at, '}')),
                '<' => open.push((at, '>')),
                closing if open.last().is_some_and(|(_, close)| close == closing) => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.pop()
    }

    /// Values of different kinds (an address here, a host's name there), where the lines agree again behind them.
    fn mixed(&mut self) -> bool {
        let fits = |this: &Self, line: usize| this.next(line).is_some_and(|t| is_value(t.kind));
        let fitting = self.alive.iter().filter(|line| fits(self, **line)).count();
        if (fitting as f64) < AGREE * self.alive.len() as f64 {
            return false;
        }
        let before = self.at.clone();
        let alive = self.alive.clone();
        self.keep(fits);
        self.push_one(What::Mixed);
        self.agree_or_undo(before, alive)
    }

    /// Keeps the column just read where the lines agree on what follows it.
    fn agree_or_undo(&mut self, before: Vec<usize>, alive: Vec<usize>) -> bool {
        if self.majority().1 >= AGREE {
            return true;
        }
        self.at = before;
        self.alive = alive;
        self.columns.pop();
        false
    }

    /// Free text begins: whatever was read of it without need goes to it, and what the lines end with alike is kept.
    fn rest(&mut self) {
        let kept = self.columns.iter().rposition(|(what, texts)| {
            let texts = texts.iter().filter(|(line, _)| self.alive.binary_search(line).is_ok());
            strong(&Column { what: *what, texts: texts.map(|(_, text)| *text).collect() })
        });
        let mut kept = kept.map_or(0, |at| at + 1);
        while self.columns.get(kept).is_some_and(|(what, _)| *what == What::Same(Kind::Space)) {
            kept += 1;
        }
        self.columns.truncate(kept);
        let ends = self.common_end();
        self.columns.push((What::Rest, Vec::new()));
        self.columns.extend(ends);
    }

    /// The columns at the end that all lines share, from the last bracket that opens on: ` (kafka.server.KafkaServer)`.
    fn common_end(&self) -> Vec<(What, Vec<(usize, &'l str)>)> {
        let from_end = |this: &Self, line: usize, back: usize| {
            let left = this.lines[line].len().saturating_sub(this.at[line]);
            (back < left).then(|| this.lines[line][this.lines[line].len() - 1 - back])
        };
        let mut columns = Vec::new();
        if self.alive.len() < 2 {
            return columns;
        }
        for back in 0.. {
            let classes: Vec<_> = self.alive.iter().map(|line| class(from_end(self, *line, back))).collect();
            let Some(Some((kind, _))) = classes.first().copied() else { break };
            if classes.iter().any(|class| *class != classes[0]) {
                break;
            }
            let text = |line: &usize| (*line, from_end(self, *line, back).map_or("", |token| token.text));
            columns.push((What::Same(kind), self.alive.iter().map(text).collect()));
        }
        columns.reverse();
        let opens =
            columns.iter().position(|(what, _)| matches!(what, What::Same(Kind::Mark('[' | '(' | '<'))));
        match opens {
            Some(at) if columns.last().is_some_and(|(what, _)| matches!(what, What::Same(Kind::Mark(_)))) => {
                // With the space before it.
                let spaced = at > 0 && columns[at - 1].0 == What::Same(Kind::Space);
                columns.split_off(at - usize::from(spaced))
            }
            _ => Vec::new(),
        }
    }
}

fn class(token: Option<Token<'_>>) -> Class<'_> {
    token.map(|token| match token.kind {
        Kind::Key => (Kind::Key, token.text),
        // Whether a column of numbers has fractions is seen when it is written.
        Kind::Number => (Kind::Int, ""),
        kind => (kind, ""),
    })
}

fn is_value(kind: Kind) -> bool {
    !matches!(kind, Kind::Space | Kind::Mark(_) | Kind::Key | Kind::Quoted(_))
}
