//! What is seen when a program is whole: jumps to jumps, and steps that one step can do at once.

use super::program::{At, Field, Fields, Lead, Lookup, NO_SLOT, Program, Run, Scan, Step, Word};

/// Jumps after jumps, so many at most.
const MOST_JUMPS: usize = 16;

/// Makes ways shorter. Steps stay where they are, as other ways may lead to each.
pub(super) fn shorten(program: &mut Program) {
    thread(program);
    for at in 0..program.steps.len() {
        if let Step::Commit(run) = program.steps[at] {
            go_on(program, at, run as usize);
        }
    }
    for at in 0..program.steps.len() {
        lead(program, at);
    }
    for at in 0..program.steps.len() {
        fields(program, at);
    }
}

fn end_of_jumps(steps: &[Step], at: At) -> At {
    let mut at = at;
    for _ in 0..MOST_JUMPS {
        match steps.get(at as usize) {
            Some(Step::Jump(to)) => at = *to,
            _ => break,
        }
    }
    at
}

fn thread(program: &mut Program) {
    let steps = &program.steps;
    let tables = program.tables.iter_mut().map(|table| &mut table.next);
    let eithers = program.eithers.iter_mut().map(|either| &mut either.next);
    let branches = program.branches.iter_mut().flat_map(|branches| &mut branches.targets);
    let forks = program.forks.iter_mut().flat_map(|fork| [&mut fork.first, &mut fork.second]);
    tables.chain(eithers).chain(branches).chain(forks).for_each(|at| *at = end_of_jumps(steps, *at));
}

/// Where a run that gives nothing back goes on: behind what must come next. Before a loop whose body cannot begin with the byte
/// that stands behind the loop, that byte is looked for at once.
fn go_on(program: &mut Program, at: usize, run: usize) {
    let (steps, run) = (&program.steps, &mut program.runs[run]);
    run.next = end_of_jumps(steps, at as At + 1 + u32::from(run.then.len() > 0));
    if run.then.len() > 0 {
        return;
    }
    if let Some(Step::Split(fork)) = steps.get(run.next as usize)
        && let Some(fork) = program.forks.get(*fork as usize)
        && let Some(Step::Byte(byte)) = steps.get(fork.second as usize)
        && !fork.guards.0.can_begin(Some(*byte))
        && let Some(then) = Word::of(&[*byte])
    {
        run.otherwise = Some(run.next);
        (run.then, run.next) = (then, end_of_jumps(steps, fork.second + 1));
    }
}

/// A byte before a run becomes a part of it.
fn lead(program: &mut Program, at: usize) {
    let [Step::Byte(byte), Step::Commit(run)] = program.steps.get(at..at + 2).unwrap_or_default() else {
        return;
    };
    let run = &program.runs[*run as usize];
    if run.slot != NO_SLOT || run.lead != Lead::None || *byte >= 0x80 {
        return;
    }
    let lookup: Lookup = std::array::from_fn(|one| one == usize::from(*byte));
    let set = program.sets.iter().position(|set| *set == lookup).unwrap_or(program.sets.len());
    let run = Run { lead: Lead::One(set as u32), ..run.clone() };
    if set == program.sets.len() {
        program.sets.push(lookup);
    }
    program.runs.push(run);
    program.steps[at] = Step::Commit(program.runs.len() as u32 - 1);
}

/// Runs one behind the other are one step.
fn fields(program: &mut Program, at: usize) {
    let (mut fields, mut next) = (Vec::new(), at as At);
    while let Some(Step::Commit(run)) = program.steps.get(next as usize)
        && let Some((field, to)) = field(&program.runs[*run as usize])
    {
        fields.push(field);
        next = to;
    }
    if fields.len() > 1 {
        program.fields.push(Fields { fields, next });
        program.steps[at] = Step::Fields(program.fields.len() as u32 - 1);
    }
}

fn field(run: &Run) -> Option<(Field, At)> {
    let Scan::Ranges(ranges) = run.scan else { return None };
    let field = Field { lead: run.lead, ranges, may_be_empty: run.min == 0, slot: run.slot, then: run.then };
    run.otherwise.is_none().then_some((field, run.next))
}
