//! Running a program.

use super::{
    ast::Assertion,
    class::{decode, is_word},
    first::Empty,
    program::{At, Program, SpanOf, Step},
};

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Match,
    NoMatch,
    /// The fuel was used up.
    Exhausted,
}

/// Where a capture is not set.
const UNSET: usize = usize::MAX;

/// The scratch space of searches; kept, so that a search allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    stack: Vec<Frame>,
    /// Begin and end of each capture.
    slots: Vec<usize>,
    marks: Vec<usize>,
    fuel: u64,
}

/// What to come back to, or what to put back on the way.
#[derive(Clone, Copy, Debug)]
enum Frame {
    Try {
        at: At,
        pos: usize,
    },
    Branch {
        table: u32,
        mask: u64,
        pos: usize,
    },
    /// A greedy span that can give back down to `low`.
    Give {
        span: u32,
        next: At,
        low: usize,
        pos: usize,
    },
    /// A lazy span that can take more.
    Take {
        span: u32,
        next: At,
        pos: usize,
        taken: u32,
    },
    Slot {
        slot: u32,
        old: usize,
    },
    Mark {
        mark: u32,
        old: usize,
    },
}

struct OutOfFuel;

impl Machine {
    /// The leftmost match; then the captures are in [`Machine::capture`].
    pub(crate) fn search(&mut self, program: &Program, text: &str, fuel: u64) -> End {
        let bytes = text.as_bytes();
        self.fuel = fuel;
        self.marks.clear();
        self.marks.resize(program.marks as usize, UNSET);
        let mut start = 0;
        loop {
            if program.first.empty == Empty::No {
                // Where it cannot begin is not tried.
                match bytes[start..].iter().position(|b| program.first.bytes.has(*b)) {
                    Some(skip) => start += skip,
                    None => return End::NoMatch,
                }
                let skipped = start as u64 / 64;
                self.fuel = self.fuel.saturating_sub(skipped.min(1));
            }
            if text.is_char_boundary(start) {
                self.stack.clear();
                self.slots.clear();
                self.slots.resize(program.names.len() * 2, UNSET);
                match self.run(program, bytes, 0, start) {
                    Ok(Some(_)) => return End::Match,
                    Ok(None) => {}
                    Err(OutOfFuel) => return End::Exhausted,
                }
            }
            if start >= bytes.len() || program.anchored {
                return End::NoMatch;
            }
            start += 1;
        }
    }

    /// Where capture `number` of the last match stands.
    pub(crate) fn capture(&self, number: usize) -> Option<(usize, usize)> {
        let (start, end) = (*self.slots.get(number * 2)?, *self.slots.get(number * 2 + 1)?);
        (start != UNSET && end != UNSET).then_some((start, end))
    }

    /// Runs from a step to the `Done` or `Match` that ends it, and gives back where. On failure the stack is as before.
    fn run(
        &mut self,
        program: &Program,
        text: &[u8],
        at: At,
        pos: usize,
    ) -> Result<Option<usize>, OutOfFuel> {
        let bottom = self.stack.len();
        let (mut at, mut pos) = (at, pos);
        loop {
            self.fuel = self.fuel.checked_sub(1).ok_or(OutOfFuel)?;
            let goes_on = match &program.steps[at as usize] {
                Step::Byte(byte) => {
                    let found = text.get(pos) == Some(byte);
                    pos += usize::from(found);
                    found
                }
                Step::Literal(literal) => {
                    let found = text[pos..].starts_with(literal);
                    pos += if found { literal.len() } else { 0 };
                    found
                }
                Step::Class(class) => {
                    let len = program.classes[*class as usize].matches(&text[pos..]);
                    pos += len;
                    len > 0
                }
                Step::Assert(assertion) => holds(*assertion, text, pos),
                Step::Save(slot) => {
                    let old = std::mem::replace(&mut self.slots[*slot as usize], pos);
                    self.stack.push(Frame::Slot { slot: *slot, old });
                    true
                }
                Step::Jump(to) => {
                    at = *to;
                    continue;
                }
                Step::Split { first, second, guards } => {
                    let byte = text.get(pos).copied();
                    let (one, two) = &program.guards[*guards as usize];
                    match (one.can_begin(byte), two.can_begin(byte)) {
                        (true, true) => {
                            self.stack.push(Frame::Try { at: *second, pos });
                            at = *first;
                            continue;
                        }
                        (true, false) => {
                            at = *first;
                            continue;
                        }
                        (false, true) => {
                            at = *second;
                            continue;
                        }
                        (false, false) => false,
                    }
                }
                Step::Branch(table) => {
                    let branches = &program.branches[*table as usize];
                    let mask = branches.masks[text.get(pos).map_or(256, |b| usize::from(*b))];
                    match self.branch(branches, *table, mask, pos) {
                        Some(to) => {
                            at = to;
                            continue;
                        }
                        None => false,
                    }
                }
                Step::Commit { class, min, max } => {
                    let class = &program.classes[*class as usize];
                    let mut count = 0;
                    while count < *max {
                        let len = class.matches(&text[pos..]);
                        if len == 0 {
                            break;
                        }
                        pos += len;
                        count += 1;
                    }
                    self.burn(u64::from(count) / 16)?;
                    count >= *min
                }
                Step::Span(number) => {
                    let span = &program.spans[*number as usize];
                    let class = &program.classes[span.class as usize];
                    let (mut count, mut low) = (0, pos);
                    while count < span.max {
                        if count == span.min {
                            low = pos;
                        }
                        let len = class.matches(&text[pos..]);
                        if len == 0 {
                            break;
                        }
                        pos += len;
                        count += 1;
                    }
                    if count == span.min {
                        low = pos;
                    }
                    self.burn(u64::from(count) / 16)?;
                    if count < span.min {
                        false
                    } else {
                        match self.give(span, *number, text, at + 1, low, pos)? {
                            Some(there) => {
                                pos = there;
                                true
                            }
                            None => false,
                        }
                    }
                }
                Step::Lazy(number) => {
                    let span = &program.spans[*number as usize];
                    let class = &program.classes[span.class as usize];
                    let mut count = 0;
                    while count < span.min {
                        let len = class.matches(&text[pos..]);
                        if len == 0 {
                            break;
                        }
                        pos += len;
                        count += 1;
                    }
                    if count < span.min {
                        false
                    } else {
                        match self.take(program, *number, text, at + 1, pos, count)? {
                            Some(there) => {
                                pos = there;
                                true
                            }
                            None => false,
                        }
                    }
                }
                Step::Atomic { next } => {
                    let height = self.stack.len();
                    match self.run(program, text, at + 1, pos)? {
                        Some(end) => {
                            self.forget_choices(height);
                            pos = end;
                            at = *next;
                            continue;
                        }
                        None => false,
                    }
                }
                Step::Look { next, negated } => {
                    let found = self.look(program, text, at + 1, pos, *negated)?;
                    if found != *negated {
                        at = *next;
                        continue;
                    }
                    false
                }
                Step::Behind { next, negated, branches } => {
                    let mut found = false;
                    for (width, start) in &program.behinds[*branches as usize] {
                        if let Some(from) = back(text, pos, *width)
                            && self.look(program, text, *start, from, *negated)?
                        {
                            found = true;
                            break;
                        }
                    }
                    if found != *negated {
                        at = *next;
                        continue;
                    }
                    false
                }
                Step::Mark(mark) => {
                    let old = std::mem::replace(&mut self.marks[*mark as usize], pos);
                    self.stack.push(Frame::Mark { mark: *mark, old });
                    true
                }
                Step::Again { mark, to } => {
                    if self.marks[*mark as usize] != pos {
                        at = *to;
                        continue;
                    }
                    true
                }
                Step::Done | Step::Match => return Ok(Some(pos)),
            };
            if goes_on {
                at += 1;
                continue;
            }
            match self.come_back(program, text, bottom)? {
                Some((to, there)) => (at, pos) = (to, there),
                None => return Ok(None),
            }
        }
    }

    /// Puts back what was changed since the last choice, and takes its next possibility.
    fn come_back(
        &mut self,
        program: &Program,
        text: &[u8],
        bottom: usize,
    ) -> Result<Option<(At, usize)>, OutOfFuel> {
        while self.stack.len() > bottom {
            self.fuel = self.fuel.checked_sub(1).ok_or(OutOfFuel)?;
            let Some(frame) = self.stack.pop() else { break };
            match frame {
                Frame::Slot { slot, old } => self.slots[slot as usize] = old,
                Frame::Mark { mark, old } => self.marks[mark as usize] = old,
                Frame::Try { at, pos } => return Ok(Some((at, pos))),
                Frame::Branch { table, mask, pos } => {
                    if let Some(at) = self.branch(&program.branches[table as usize], table, mask, pos) {
                        return Ok(Some((at, pos)));
                    }
                }
                Frame::Give { span, next, low, pos } => {
                    let of = &program.spans[span as usize];
                    // One character back.
                    let Some(pos) = back(text, pos, 1) else { continue };
                    if let Some(pos) = self.give(of, span, text, next, low, pos)? {
                        return Ok(Some((next, pos)));
                    }
                }
                Frame::Take { span, next, pos, taken } => {
                    let of = &program.spans[span as usize];
                    let len = program.classes[of.class as usize].matches(&text[pos..]);
                    if len > 0
                        && taken < of.max
                        && let Some(pos) = self.take(program, span, text, next, pos + len, taken + 1)?
                    {
                        return Ok(Some((next, pos)));
                    }
                }
            }
        }
        Ok(None)
    }

    fn branch(
        &mut self,
        branches: &super::program::BranchTable,
        table: u32,
        mask: u64,
        pos: usize,
    ) -> Option<At> {
        if mask == 0 {
            return None;
        }
        let rest = mask & (mask - 1);
        if rest != 0 {
            self.stack.push(Frame::Branch { table, mask: rest, pos });
        }
        Some(branches.targets[mask.trailing_zeros() as usize])
    }

    /// The last place from `pos` down to `low` where what follows can begin; what is below waits on the stack.
    fn give(
        &mut self,
        span: &SpanOf,
        number: u32,
        text: &[u8],
        next: At,
        low: usize,
        pos: usize,
    ) -> Result<Option<usize>, OutOfFuel> {
        let mut at = pos;
        loop {
            if at < low {
                return Ok(None);
            }
            if span.follow.can_begin(text.get(at).copied()) {
                if at > low {
                    self.stack.push(Frame::Give { span: number, next, low, pos: at });
                }
                return Ok(Some(at));
            }
            self.burn(1)?;
            match back(text, at, 1) {
                Some(before) => at = before,
                None => return Ok(None),
            }
        }
    }

    /// The first place from `pos` on where what follows can begin; more waits on the stack.
    fn take(
        &mut self,
        program: &Program,
        number: u32,
        text: &[u8],
        next: At,
        pos: usize,
        taken: u32,
    ) -> Result<Option<usize>, OutOfFuel> {
        let span = &program.spans[number as usize];
        let class = &program.classes[span.class as usize];
        let (mut at, mut taken) = (pos, taken);
        loop {
            if span.follow.can_begin(text.get(at).copied()) {
                self.stack.push(Frame::Take { span: number, next, pos: at, taken });
                self.burn((at - pos) as u64 / 16)?;
                return Ok(Some(at));
            }
            let len = if taken < span.max { class.matches(&text[at..]) } else { 0 };
            if len == 0 {
                self.burn((at - pos) as u64 / 16)?;
                return Ok(None);
            }
            at += len;
            taken += 1;
        }
    }

    /// Whether something matches from here. What it captured stays, where it is not negated.
    fn look(
        &mut self,
        program: &Program,
        text: &[u8],
        at: At,
        pos: usize,
        negated: bool,
    ) -> Result<bool, OutOfFuel> {
        let height = self.stack.len();
        let found = self.run(program, text, at, pos)?.is_some();
        if found && negated {
            self.undo(height);
        } else if found {
            self.forget_choices(height);
        }
        Ok(found)
    }

    /// Drops the choices above `height` and keeps what must be put back should something below be chosen anew.
    fn forget_choices(&mut self, height: usize) {
        let mut kept = height;
        for at in height..self.stack.len() {
            if matches!(self.stack[at], Frame::Slot { .. } | Frame::Mark { .. }) {
                self.stack[kept] = self.stack[at];
                kept += 1;
            }
        }
        self.stack.truncate(kept);
    }

    fn undo(&mut self, height: usize) {
        while self.stack.len() > height {
            match self.stack.pop() {
                Some(Frame::Slot { slot, old }) => self.slots[slot as usize] = old,
                Some(Frame::Mark { mark, old }) => self.marks[mark as usize] = old,
                _ => {}
            }
        }
    }

    fn burn(&mut self, fuel: u64) -> Result<(), OutOfFuel> {
        self.fuel = self.fuel.checked_sub(fuel).ok_or(OutOfFuel)?;
        Ok(())
    }
}

/// The place `count` characters before `pos`.
fn back(text: &[u8], pos: usize, count: usize) -> Option<usize> {
    let mut at = pos;
    for _ in 0..count {
        at = at.checked_sub(1)?;
        while text[at] & 0xc0 == 0x80 {
            at = at.checked_sub(1)?;
        }
    }
    Some(at)
}

fn holds(assertion: Assertion, text: &[u8], pos: usize) -> bool {
    let newline_before = || pos > 0 && text[pos - 1] == b'\n';
    match assertion {
        Assertion::TextStart => pos == 0,
        Assertion::TextEnd => pos == text.len(),
        Assertion::TextEndBeforeNewline => pos == text.len() || (pos + 1 == text.len() && text[pos] == b'\n'),
        // Onigmo: not after a newline that ends the text.
        Assertion::LineStart => pos == 0 || (newline_before() && pos < text.len()),
        Assertion::LineEnd => pos == text.len() || text[pos] == b'\n',
        Assertion::WordBoundary => boundary(text, pos),
        Assertion::NotWordBoundary => !boundary(text, pos),
    }
}

fn boundary(text: &[u8], pos: usize) -> bool {
    let word = |at: usize| {
        let byte = text[at];
        if byte < 0x80 {
            return byte.is_ascii_alphanumeric() || byte == b'_';
        }
        char::from_u32(decode(&text[at..]).0).is_some_and(is_word)
    };
    let before = back(text, pos, 1).is_some_and(word);
    let after = pos < text.len() && word(pos);
    before != after
}
