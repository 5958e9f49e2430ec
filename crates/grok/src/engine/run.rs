//! Running a program.

use super::{
    ast::Assertion,
    class::{decode, is_word},
    dfa::Verdict,
    program::{
        At, Branches, Field, Fields, Lead, MOST_MEMOS, NO_END, NO_MEMO, NO_SLOT, Other, Program, Run, Scan,
        Seek, Step, TableStep,
    },
};

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Match,
    NoMatch,
    /// The fuel was used up.
    Exhausted,
}

/// Where nothing is set. Texts are shorter.
const UNSET: u32 = u32::MAX;

/// The scratch space of searches; kept, so that a search allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    stack: Vec<Frame>,
    /// Begin and end of each capture.
    slots: Vec<u32>,
    marks: Vec<u32>,
    registers: Vec<u32>,
    /// For some places of the program, where in the text nothing more matched.
    memos: [u32; MOST_MEMOS],
    fuel: u64,
    bound: Bound,
    /// Ways of this search that failed.
    failures: u32,
}

/// Where matches can begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bound {
    #[default]
    Unknown,
    /// No later than here.
    Last(usize),
    Never,
}

/// After so many ways that failed, it is asked whether the text can match at all.
const PATIENCE: u32 = 2;

/// What to come back to, or what to put back on the way.
#[derive(Clone, Copy, Debug)]
enum Frame {
    Try {
        at: At,
        pos: u32,
        forget: u32,
    },
    /// The branches of the mask are still to be tried.
    Branch {
        table: u32,
        mask: u64,
        pos: u32,
    },
    /// A greedy run that can give back down to `low`.
    Give {
        run: u32,
        next: At,
        low: u32,
        pos: u32,
    },
    /// A lazy run that can take more.
    Take {
        run: u32,
        next: At,
        pos: u32,
        taken: u32,
    },
    Slot {
        slot: u32,
        old: u32,
    },
    Mark {
        mark: u32,
        old: u32,
    },
    /// All that was tried from this place failed.
    Failed {
        memo: u32,
        pos: u32,
    },
}

struct OutOfFuel;

/// What a part of a program came to.
type Outcome = Result<Option<usize>, OutOfFuel>;

impl Machine {
    /// The leftmost match, and what fuel is left; the captures are then in [`Machine::capture`].
    pub(crate) fn search(&mut self, program: &Program, text: &str, fuel: u64) -> (End, u64) {
        let bytes = text.as_bytes();
        if bytes.len() >= UNSET as usize {
            return (End::Exhausted, fuel);
        }
        self.fuel = fuel;
        // These are set before they are read.
        self.marks.resize(program.marks as usize, UNSET);
        self.registers.resize(program.registers as usize, UNSET);
        self.memos = [UNSET; MOST_MEMOS];
        let end = self.search_from(program, bytes).unwrap_or(End::Exhausted);
        (end, self.fuel)
    }

    fn search_from(&mut self, program: &Program, text: &[u8]) -> Result<End, OutOfFuel> {
        let slots = program.names.len() as u32 * 2;
        let mut start = 0;
        (self.bound, self.failures) = (Bound::Unknown, 0);
        loop {
            if let Some(first) = &program.first {
                // Where it cannot begin is not tried.
                let end = match self.bound {
                    Bound::Last(last) => text.len().min(last + 1),
                    _ => text.len(),
                };
                let rest = text.get(start..end);
                match rest.unwrap_or_default().iter().position(|b| first.has(*b)) {
                    Some(skip) => start += skip,
                    None => return Ok(End::NoMatch),
                }
            }
            if start == text.len() || text[start] & 0xc0 != 0x80 {
                self.stack.clear();
                reset(&mut self.slots, slots);
                if self.run(program, text, 0, start, false)?.is_some() {
                    return Ok(End::Match);
                }
                self.burn(1)?;
            }
            if start >= text.len() || program.anchored {
                return Ok(End::NoMatch);
            }
            start += 1;
            match self.bound(program, text, start) {
                Bound::Last(last) if start <= last => {}
                _ => return Ok(End::NoMatch),
            }
        }
    }

    /// Most lines match where they begin. For the others it is worth to look, once, whether they can match at all.
    fn bound(&mut self, program: &Program, text: &[u8], start: usize) -> Bound {
        if self.bound == Bound::Unknown {
            self.bound = match &program.gate {
                Some(gate) => gate.last_start(text, start).map_or(Bound::Never, Bound::Last),
                None => Bound::Last(text.len()),
            };
        }
        self.bound
    }

    /// Where capture `number` of the last match stands.
    #[inline]
    pub(crate) fn capture(&self, number: usize) -> Option<(usize, usize)> {
        let (start, end) = (*self.slots.get(number * 2)?, *self.slots.get(number * 2 + 1)?);
        (start != UNSET && end != UNSET).then_some((start as usize, end as usize))
    }

    /// Takes the captures that another engine found.
    pub(crate) fn set_captures(&mut self, spans: impl Iterator<Item = Option<(usize, usize)>>) {
        self.slots.clear();
        for span in spans {
            let (start, end) = span.map_or((UNSET, UNSET), |(start, end)| (start as u32, end as u32));
            self.slots.extend([start, end]);
        }
    }

    /// Runs from a step to the `Done` or `Match` that ends it, and gives back where. On failure the stack is as before.
    /// `nested` is what is run for a look.
    fn run(&mut self, program: &Program, text: &[u8], at: At, pos: usize, nested: bool) -> Outcome {
        let bottom = self.stack.len();
        let start = pos;
        let (mut at, mut pos) = (at, pos);
        loop {
            let goes_on = match &program.steps[at as usize] {
                Step::Byte(byte) => {
                    let found = text.get(pos) == Some(byte);
                    pos += usize::from(found);
                    found
                }
                Step::Word(word) => match word.end(text, pos) {
                    Some(end) => {
                        pos = end;
                        true
                    }
                    None => false,
                },
                Step::Literal(literal) => {
                    let found = text[pos..].starts_with(literal);
                    pos += if found { literal.len() } else { 0 };
                    found
                }
                Step::Set(set) => {
                    let found = text.get(pos).is_some_and(|b| program.sets[*set as usize][usize::from(*b)]);
                    pos += usize::from(found);
                    found
                }
                Step::Class(class) => {
                    let len = program.classes[*class as usize].matches(&text[pos..]);
                    pos += len;
                    len > 0
                }
                Step::Table(table) => {
                    let table = &program.tables[*table as usize];
                    let (verdict, seen) = table.dfa.run(text, pos);
                    self.burn((seen - pos) as u64 / 16)?;
                    if let Verdict::Ends(shorter) = verdict {
                        self.come_back_to(table, shorter);
                    }
                    match verdict {
                        Verdict::End | Verdict::Ends(_) => {
                            if table.memo != NO_MEMO && self.is_hopeless(table.memo, seen, nested) {
                                false
                            } else if let Some(end) = table.then.end(text, seen) {
                                self.note(table.slot, pos, seen);
                                pos = end;
                                at = table.next;
                                continue;
                            } else {
                                false
                            }
                        }
                        Verdict::Fail => false,
                        Verdict::Unknown => true,
                    }
                }
                Step::Either(either) => {
                    let either = &program.eithers[*either as usize];
                    let literal = either.literal.end(text, pos);
                    let end = match literal.filter(|end| either.follow.can_begin(text.get(*end).copied())) {
                        Some(end) => Some(end),
                        None => match &either.other {
                            Other::Run(number) => {
                                let end = run_end(program, *number, text, pos);
                                if let Some(end) = end {
                                    self.note(program.runs[*number as usize].slot, pos, end);
                                }
                                end
                            }
                            Other::Table(dfa, slot) => match dfa.run(text, pos) {
                                (Verdict::End, end) => {
                                    self.note(*slot, pos, end);
                                    Some(end)
                                }
                                (Verdict::Fail, seen) => {
                                    self.burn((seen - pos) as u64 / 16)?;
                                    None
                                }
                                (Verdict::Ends(_) | Verdict::Unknown, seen) => {
                                    self.burn((seen - pos) as u64 / 16)?;
                                    at += 1;
                                    continue;
                                }
                            },
                        },
                    };
                    match end {
                        Some(end) => {
                            self.burn((end - pos) as u64 / 16)?;
                            if either.memo != NO_MEMO && self.is_hopeless(either.memo, end, nested) {
                                false
                            } else if let Some(end) = either.then.end(text, end) {
                                pos = end;
                                at = either.next;
                                continue;
                            } else {
                                false
                            }
                        }
                        None => false,
                    }
                }
                Step::Save(slot) => {
                    self.slots[*slot as usize] = pos as u32;
                    true
                }
                Step::SaveAgain(slot) => {
                    let old = std::mem::replace(&mut self.slots[*slot as usize], pos as u32);
                    // Without a choice to come back to, nothing is put back.
                    if nested || !self.stack.is_empty() {
                        self.stack.push(Frame::Slot { slot: *slot, old });
                    }
                    true
                }
                Step::Commit(number) => match run_end(program, *number, text, pos) {
                    Some(end) => {
                        self.burn((end - pos) as u64 / 16)?;
                        let run = &program.runs[*number as usize];
                        self.note(run.slot, pos, end);
                        match run.then.end(text, end) {
                            Some(end) => {
                                (at, pos) = (run.next, end);
                                continue;
                            }
                            None => match run.otherwise {
                                Some(otherwise) => {
                                    (at, pos) = (otherwise, end);
                                    continue;
                                }
                                None => false,
                            },
                        }
                    }
                    None => false,
                },
                Step::Fields(number) => {
                    let Fields { fields, next } = &program.fields[*number as usize];
                    match self.fields(program, fields, text, pos) {
                        Some(end) => {
                            self.burn((end - pos) as u64 / 16)?;
                            (at, pos) = (*next, end);
                            continue;
                        }
                        None => false,
                    }
                }
                Step::Branch(table) => {
                    let branches = &program.branches[*table as usize];
                    if branches.register != NO_SLOT {
                        self.registers[branches.register as usize] = self.stack.len() as u32;
                    }
                    let row = branches.rows[text.get(pos).map_or(256, |b| usize::from(*b))];
                    match self.branch(branches, *table, branches.masks[usize::from(row)], pos) {
                        Some(to) => {
                            at = to;
                            continue;
                        }
                        None => false,
                    }
                }
                Step::Split(fork) => {
                    let fork = &program.forks[*fork as usize];
                    let byte = text.get(pos).copied();
                    self.burn(1)?;
                    match (fork.guards.0.can_begin(byte), fork.guards.1.can_begin(byte)) {
                        (true, true) => {
                            let (at, forget) = (fork.second, fork.forget);
                            self.stack.push(Frame::Try { at, pos: pos as u32, forget });
                        }
                        (true, false) => {}
                        (false, true) => {
                            at = fork.second;
                            continue;
                        }
                        (false, false) => match self.come_back(program, text, bottom)? {
                            Some((to, there)) => {
                                (at, pos) = (to, there);
                                continue;
                            }
                            None => return Ok(None),
                        },
                    }
                    at = fork.first;
                    continue;
                }
                Step::Jump(to) => {
                    at = *to;
                    continue;
                }
                Step::Assert(assertion) => holds(*assertion, text, pos),
                Step::LookAt { class, behind, negated } => {
                    let from = if *behind { back(text, pos, 1) } else { Some(pos) };
                    let class = &program.classes[*class as usize];
                    from.is_some_and(|from| class.matches(&text[from..]) > 0) != *negated
                }
                Step::Span(number) => match span(program, *number, text, pos) {
                    Some((low, end)) => {
                        self.burn((end - pos) as u64 / 16)?;
                        match self.give(&program.runs[*number as usize], *number, text, at + 1, low, end)? {
                            Some(there) => {
                                self.note(program.runs[*number as usize].slot, pos, there);
                                pos = there;
                                true
                            }
                            None => false,
                        }
                    }
                    None => false,
                },
                Step::Lazy(number) => {
                    let run = &program.runs[*number as usize];
                    let class = &program.classes[run.class as usize];
                    let (start, mut count) = (pos, 0);
                    while count < run.min {
                        let len = class.matches(&text[pos..]);
                        if len == 0 {
                            break;
                        }
                        pos += len;
                        count += 1;
                    }
                    self.burn((pos - start) as u64 / 16)?;
                    if count < run.min {
                        false
                    } else {
                        let next = at + 1 + u32::from(run.then.len() > 0);
                        match self.take(program, *number, text, next, pos, count)? {
                            Some(there) => {
                                self.note(run.slot, start, there);
                                (at, pos) = (next, there + run.then.len());
                                continue;
                            }
                            None => false,
                        }
                    }
                }
                Step::Enter(register) => {
                    self.registers[*register as usize] = self.stack.len() as u32;
                    true
                }
                Step::Fence(fence) => {
                    let fence = &program.fences[*fence as usize];
                    if fence.follow.can_begin(text.get(pos).copied()) {
                        self.forget_choices(self.registers[fence.register as usize] as usize, nested);
                        if fence.memo != NO_MEMO && self.is_hopeless(fence.memo, pos, nested) {
                            false
                        } else {
                            pos += fence.skip as usize;
                            at += 1 + fence.skip;
                            continue;
                        }
                    } else {
                        false
                    }
                }
                Step::Memo(memo) => {
                    let hopeless = self.memos[*memo as usize] == pos as u32;
                    if !hopeless {
                        self.stack.push(Frame::Failed { memo: *memo, pos: pos as u32 });
                    }
                    !hopeless
                }
                Step::Cut(register) => {
                    self.forget_choices(self.registers[*register as usize] as usize, nested);
                    true
                }
                Step::Look { next, negated } => {
                    let found = self.look(program, text, at + 1, pos, *negated, nested)?;
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
                            && self.look(program, text, *start, from, *negated, nested)?
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
                    let old = std::mem::replace(&mut self.marks[*mark as usize], pos as u32);
                    self.stack.push(Frame::Mark { mark: *mark, old });
                    true
                }
                Step::Again { mark, to } => {
                    self.burn(1)?;
                    if self.marks[*mark as usize] != pos as u32 {
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
            if !nested {
                self.failures += 1;
                // Before more ways are gone: is there any at all?
                if self.failures == PATIENCE && self.bound(program, text, start) == Bound::Never {
                    return Ok(None);
                }
            }
            match self.come_back(program, text, bottom)? {
                Some((to, there)) => (at, pos) = (to, there),
                None => return Ok(None),
            }
        }
    }

    /// The end of fields one behind the other. A function of its own, as its loop needs all registers.
    #[inline(never)]
    fn fields(&mut self, program: &Program, fields: &[Field], text: &[u8], pos: usize) -> Option<usize> {
        let mut pos = pos;
        for field in fields {
            let start = lead_end(program, field.lead, text, pos)?;
            let end = field.ranges.end(text, start);
            if end == start && !field.may_be_empty {
                return None;
            }
            self.note(field.slot, pos, end);
            pos = field.then.end(text, end)?;
        }
        Some(pos)
    }

    /// A table's second end waits on the stack.
    #[cold]
    fn come_back_to(&mut self, table: &TableStep, pos: u32) {
        self.stack.push(Frame::Try { at: table.again, pos, forget: table.forget });
    }

    /// Whether an earlier try went on from this very place, and failed. If not, and if there is nothing to come back to, this
    /// try's success hangs on what comes now: a later one need not try it again.
    #[inline]
    fn is_hopeless(&mut self, memo: u32, pos: usize, nested: bool) -> bool {
        let known = &mut self.memos[memo as usize];
        let hopeless = *known == pos as u32;
        if !nested && self.stack.is_empty() {
            *known = pos as u32;
        }
        hopeless
    }

    /// Puts back what was changed since the last choice, and takes its next possibility.
    fn come_back(
        &mut self,
        program: &Program,
        text: &[u8],
        bottom: usize,
    ) -> Result<Option<(At, usize)>, OutOfFuel> {
        while self.stack.len() > bottom {
            self.burn(1)?;
            let Some(frame) = self.stack.pop() else { break };
            match frame {
                Frame::Slot { slot, old } => self.slots[slot as usize] = old,
                Frame::Mark { mark, old } => self.marks[mark as usize] = old,
                Frame::Failed { memo, pos } => self.memos[memo as usize] = pos,
                Frame::Try { at, pos, forget } => {
                    self.forget_slots(forget);
                    return Ok(Some((at, pos as usize)));
                }
                Frame::Branch { table, mask, pos } => {
                    let branches = &program.branches[table as usize];
                    self.forget_slots(branches.forget);
                    if let Some(at) = self.branch(branches, table, mask, pos as usize) {
                        return Ok(Some((at, pos as usize)));
                    }
                }
                Frame::Give { run, next, low, pos } => {
                    // One character back.
                    let Some(pos) = back(text, pos as usize, 1) else { continue };
                    let of = &program.runs[run as usize];
                    self.forget_slots(of.forget);
                    if let Some(pos) = self.give(of, run, text, next, low as usize, pos)? {
                        self.note_end(of.slot, pos);
                        return Ok(Some((next, pos)));
                    }
                }
                Frame::Take { run, next, pos, taken } => {
                    let of = &program.runs[run as usize];
                    self.forget_slots(of.forget);
                    let len = program.classes[of.class as usize].matches(&text[pos as usize..]);
                    if len > 0
                        && taken < of.max
                        && let Some(pos) =
                            self.take(program, run, text, next, pos as usize + len, taken.saturating_add(1))?
                    {
                        self.note_end(of.slot, pos);
                        return Ok(Some((next, pos + of.then.len())));
                    }
                }
            }
        }
        Ok(None)
    }

    #[inline]
    fn forget_slots(&mut self, from: u32) {
        // One by one: they are few.
        for slot in self.slots.get_mut(from as usize..).unwrap_or_default() {
            *slot = UNSET;
        }
    }

    #[inline]
    fn note(&mut self, slot: u32, start: usize, end: usize) {
        if slot != NO_SLOT
            && let Some(pair) = self.slots.get_mut(slot as usize..slot as usize + 2)
        {
            pair.copy_from_slice(&[start as u32, end as u32]);
        }
    }

    fn note_end(&mut self, slot: u32, end: usize) {
        if slot != NO_SLOT {
            self.slots[slot as usize + 1] = end as u32;
        }
    }

    #[inline]
    fn branch(&mut self, branches: &Branches, table: u32, mask: u64, pos: usize) -> Option<At> {
        if mask == 0 {
            return None;
        }
        let rest = mask & (mask - 1);
        if rest != 0 {
            self.stack.push(Frame::Branch { table, mask: rest, pos: pos as u32 });
        }
        Some(branches.targets[mask.trailing_zeros() as usize])
    }

    /// The last place from `pos` down to `low` where what follows can begin; what is below waits on the stack.
    fn give(&mut self, run: &Run, number: u32, text: &[u8], next: At, low: usize, pos: usize) -> Outcome {
        let mut at = pos;
        if let Some(byte) = run.back_to {
            let end = text.len().min(pos + 1);
            let Some(found) = text.get(low..end).and_then(|taken| memchr::memrchr(byte, taken)) else {
                self.burn((pos - low) as u64 / 16)?;
                return Ok(None);
            };
            at = low + found;
            self.burn((pos - at) as u64 / 16)?;
        }
        loop {
            if at < low {
                return Ok(None);
            }
            if run.follow.can_begin(text.get(at).copied()) {
                if at > low {
                    self.stack.push(Frame::Give { run: number, next, low: low as u32, pos: at as u32 });
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
    ) -> Outcome {
        let run = &program.runs[number as usize];
        let found = match &run.seek {
            Seek::Byte(byte) => memchr::memchr(*byte, &text[pos..]),
            Seek::Needle(needle) => needle.find(&text[pos..]),
            Seek::Try => {
                let class = &program.classes[run.class as usize];
                let (mut at, mut taken) = (pos, taken);
                loop {
                    if run.follow.can_begin(text.get(at).copied()) {
                        self.stack.push(Frame::Take { run: number, next, pos: at as u32, taken });
                        self.burn((at - pos) as u64 / 16)?;
                        return Ok(Some(at));
                    }
                    let len = if taken < run.max { class.matches(&text[at..]) } else { 0 };
                    if len == 0 {
                        self.burn((at - pos) as u64 / 16)?;
                        return Ok(None);
                    }
                    at += len;
                    taken += 1;
                }
            }
        };
        // These runs have no end, so how much is taken does not count.
        let Some(skip) = found else {
            self.burn((text.len() - pos) as u64 / 64)?;
            return Ok(None);
        };
        self.burn(skip as u64 / 64)?;
        self.stack.push(Frame::Take { run: number, next, pos: (pos + skip) as u32, taken: 0 });
        Ok(Some(pos + skip))
    }

    /// Whether something matches from here. What it captured stays, where it is not negated.
    fn look(
        &mut self,
        program: &Program,
        text: &[u8],
        at: At,
        pos: usize,
        negated: bool,
        nested: bool,
    ) -> Result<bool, OutOfFuel> {
        let height = self.stack.len();
        let found = self.run(program, text, at, pos, true)?.is_some();
        if found && negated {
            self.undo(height);
        } else if found {
            self.forget_choices(height, nested);
        }
        Ok(found)
    }

    /// Drops the choices above `height` and keeps what must be put back should something below be chosen anew.
    #[inline]
    fn forget_choices(&mut self, height: usize, nested: bool) {
        if self.stack.len() == height {
            return;
        }
        if height == 0 && !nested {
            self.stack.clear();
            return;
        }
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

    #[inline]
    fn burn(&mut self, fuel: u64) -> Result<(), OutOfFuel> {
        self.fuel = self.fuel.checked_sub(fuel).ok_or(OutOfFuel)?;
        Ok(())
    }
}

/// So many are put back at once: a `memset` of as many bytes as there happen to be is a call, and on some machines a slow one.
const CHUNK: usize = 16;

/// At least `count` numbers that are not set.
#[inline]
fn reset(numbers: &mut Vec<u32>, count: u32) {
    let count = (count as usize).next_multiple_of(CHUNK);
    if numbers.len() != count {
        numbers.clear();
        numbers.resize(count, UNSET);
        return;
    }
    for chunk in numbers.chunks_exact_mut(CHUNK) {
        chunk.copy_from_slice(&[UNSET; CHUNK]);
        // Else the compiler makes it that call again.
        std::hint::black_box(&chunk);
    }
}

/// The least and the most that a greedy run from `pos` can take, as places; none where it cannot take the least.
#[inline]
fn span(program: &Program, number: u32, text: &[u8], pos: usize) -> Option<(usize, usize)> {
    let run = &program.runs[number as usize];
    let pos = lead_end(program, run.lead, text, pos)?;
    let rest = text.get(pos..)?;
    let len = match &run.scan {
        Scan::Bytes => {
            let set = &program.sets[run.set as usize];
            rest.iter().position(|b| !set[usize::from(*b)])
        }
        Scan::Ranges(ranges) => Some(ranges.end(text, pos) - pos),
        Scan::Until1(a) => memchr::memchr(*a, rest),
        Scan::Until2(a, b) => memchr::memchr2(*a, *b, rest),
        Scan::Until3(a, b, c) => memchr::memchr3(*a, *b, *c, rest),
        Scan::All => None,
        Scan::Characters => return characters(program, run, text, pos),
    };
    let len = len.unwrap_or(rest.len());
    if run.min == 0 {
        return Some((pos, pos + len));
    }
    // These runs take one character at least, or none.
    let first = rest.first().map_or(0, |b| match b {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    });
    (len > 0).then_some((pos + first, pos + len))
}

/// Behind the byte in front of a run.
#[inline]
fn lead_end(program: &Program, lead: Lead, text: &[u8], pos: usize) -> Option<usize> {
    let stands = |set: u32| text.get(pos).is_some_and(|b| program.sets[set as usize][usize::from(*b)]);
    match lead {
        Lead::None => Some(pos),
        Lead::Maybe(set) => Some(pos + usize::from(stands(set))),
        Lead::One(set) => stands(set).then_some(pos + 1),
    }
}

/// The most that a greedy run takes; the way of [`span`] for runs that give nothing back.
#[inline(always)]
fn run_end(program: &Program, number: u32, text: &[u8], pos: usize) -> Option<usize> {
    let run = &program.runs[number as usize];
    match &run.scan {
        Scan::Ranges(ranges) => {
            let start = lead_end(program, run.lead, text, pos)?;
            let end = ranges.end(text, start);
            // These runs take one character at least, or none.
            (end > start || run.min == 0).then_some(end)
        }
        _ => span(program, number, text, pos).map(|(_, end)| end),
    }
}

fn characters(program: &Program, run: &Run, text: &[u8], pos: usize) -> Option<(usize, usize)> {
    let class = &program.classes[run.class as usize];
    let (mut count, mut low, mut pos) = (0, pos, pos);
    let most = if run.max == NO_END { u32::MAX } else { run.max };
    while count < most {
        let len = class.matches(&text[pos..]);
        if len == 0 {
            break;
        }
        pos += len;
        count += 1;
        if count == run.min {
            low = pos;
        }
    }
    (count >= run.min).then_some((low, pos))
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
