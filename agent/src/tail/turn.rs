//! A file's turn: its next lines into the batch, and what becomes of it.

use std::time::Instant;

use alces_lumberjack::Line;
use tracing::{info, warn};

use super::{
    BATCH_BYTES, Inode, Orphan, Work,
    group::{self, Part},
    harvester::Turn,
};
use crate::{batch::Batch, outlet::Closed};

impl Work {
    /// A file's turn, and what becomes of it.
    pub(super) fn turn(&mut self, key: Inode) -> Result<(), Closed> {
        let turn = match self.read(key) {
            None => return Ok(()),
            Some(Err(Closed)) => return Err(Closed),
            Some(Ok(turn)) => turn,
        };
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        match turn {
            Turn::More => file.wait_in(&mut self.ready),
            Turn::AtEnd => file.rest_if_packed(),
            Turn::Deleted => {
                info!(path = %file.path.display(), "was deleted and is read to its end");
                self.finish(key)?;
            }
            Turn::Truncated => {
                info!(path = %file.path.display(), "was cut or written anew: reading it from its beginning as a new file");
                self.orphan(key)?;
                self.scan();
            }
        }
        if self.batch.len() >= self.tail.window_events || self.batch.bytes() >= BATCH_BYTES {
            self.send()?;
        }
        Ok(())
    }

    /// Reads on in a file, as much as there is room for in the batch. `None`: there is no such file.
    pub(super) fn read(&mut self, key: Inode) -> Option<Result<Turn, Closed>> {
        if !self.is_known(key) {
            return None;
        }
        let now = Instant::now();
        let Self { tail, files, buffer, batch, grouping, .. } = self;
        let file = files.get_mut(&key)?;
        file.ready = false;
        let input = tail.inputs.get(file.input)?;
        let path = file.path.clone();
        let id = file.id;
        let template = input.stamp.begin(id, &path, (tail.clock)());
        let was_open = file.is_open();
        let before = file.position().offset;
        let mut group = file.group.take();
        let window = tail.window_events;
        // How far the file is read with what is in the batch.
        let mut reached = None;
        let turn = file.turn(input.framing, buffer, |line| {
            let (text, replaced) = input.text(line.bytes, line.offset);
            batch.replaced += u64::from(replaced);
            batch.cut += u64::from(line.cut);
            let give = |batch: &mut Batch, line: &Line<'_>| {
                if input.wants(line.text) {
                    batch.push_line(&template, line);
                }
            };
            match &input.multiline {
                None => {
                    give(batch, &Line { text: &text, offset: line.offset, cut: line.cut, several: false });
                }
                Some(rule) => {
                    let part = Part { text: &text, offset: line.offset, cut: line.cut };
                    let done = group::add(rule, input.framing.max_line, &mut group, &part, now);
                    for joined in [&done.before, &done.with].into_iter().flatten() {
                        give(batch, &joined.as_line());
                    }
                    reached = match (done.before.is_some(), done.with.is_some()) {
                        (_, true) => Some(line.end_position()),
                        (true, false) => Some(line.start_position()),
                        _ => reached.take(),
                    };
                }
            }
            batch.len() < window && batch.bytes() < BATCH_BYTES
        });
        self.open = (self.open + usize::from(file.is_open())).saturating_sub(usize::from(was_open));
        let position = file.position();
        tail.tell(file, before, turn.as_ref().err());
        match &group {
            None => grouping.remove(&key),
            Some(_) => grouping.insert(key),
        };
        if position.offset > before {
            file.active = now;
            if file.prefix_grows() {
                // Should the agent be killed and the file be written anew, it is told by these from the one whose lines were sent.
                let prefix = file.prefix();
                tail.registry().seen(id, &file.path, prefix);
                self.unsaved = true;
            }
            // Lines that wait for others are read again should they not get as far.
            let reached = if group.is_some() { reached } else { Some(position) };
            if let Some(position) = reached {
                batch.reach(id, position);
            }
        }
        file.group = group;
        if self.open > self.most_open {
            self.close_some();
        }
        let file = self.files.get_mut(&key)?;
        Some(Ok(match turn {
            Ok(turn) => {
                file.told = None;
                turn
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Its name is another file's, and it was closed: found again by the next look, if it is somewhere.
                return match self.orphan(key) {
                    Ok(()) => None,
                    Err(closed) => Some(Err(closed)),
                };
            }
            Err(error) => {
                if file.told != Some(error.kind()) {
                    warn!(path = %file.path.display(), %error, "cannot be read: trying again and again");
                    file.told = Some(error.kind());
                }
                Turn::AtEnd
            }
        }))
    }

    /// The file's lines that wait for others are an event.
    pub(super) fn flush_group(&mut self, key: Inode) {
        let Some(file) = self.files.get_mut(&key) else { return };
        self.grouping.remove(&key);
        let (Some(group), Some(input)) = (file.group.take(), self.tail.inputs.get(file.input)) else {
            return;
        };
        let joined = group.finish();
        if input.wants(&joined.text) {
            let template = input.stamp.begin(file.id, &file.path, (self.tail.clock)());
            self.batch.push_line(&template, &joined.as_line());
        }
        self.batch.reach(file.id, file.position());
    }

    pub(super) fn group_due(&self, key: Inode) -> Option<Instant> {
        let file = self.files.get(&key)?;
        let timeout = self.tail.inputs.get(file.input)?.multiline.as_ref()?.timeout;
        Some(file.group.as_ref()?.due(timeout))
    }

    pub(super) fn flush_groups(&mut self) {
        if self.grouping.is_empty() {
            return;
        }
        let now = Instant::now();
        let due: Vec<_> = self
            .grouping
            .iter()
            .copied()
            .filter(|key| self.group_due(*key).is_none_or(|at| at <= now))
            .collect();
        due.into_iter().for_each(|key| self.flush_group(key));
    }

    /// A file to which nobody writes any more and that is read: what stands behind its last line's end is a line, too.
    pub(super) fn finish(&mut self, key: Inode) -> Result<(), Closed> {
        let Self { tail, files, buffer, batch, .. } = self;
        if let Some(file) = files.get_mut(&key)
            && let Some(input) = tail.inputs.get(file.input)
        {
            let (id, path) = (file.id, file.path.clone());
            let mut last = None;
            let read = file.rest(input.framing, buffer, |line| {
                let (text, replaced) = input.text(line.bytes, line.offset);
                batch.replaced += u64::from(replaced);
                batch.cut += u64::from(line.cut);
                last = Some((text.into_owned(), line.offset, line.cut));
            });
            if let Err(error) = read {
                warn!(path = %path.display(), %error, "its last line, which has no end, cannot be read");
            }
            if let Some((text, offset, cut)) = last {
                let now = Instant::now();
                let line = Line { text: &text, offset, cut, several: false };
                let template = input.stamp.begin(id, &path, (tail.clock)());
                match &input.multiline {
                    Some(rule) => {
                        let part = Part { text: &text, offset, cut };
                        let done = group::add(rule, input.framing.max_line, &mut file.group, &part, now);
                        for joined in [done.before, done.with].into_iter().flatten() {
                            if input.wants(&joined.text) {
                                batch.push_line(&template, &joined.as_line());
                            }
                        }
                    }
                    None if input.wants(&text) => batch.push_line(&template, &line),
                    None => {}
                }
            }
            let (id, position) = (file.id, file.position());
            batch.reach(id, position);
            self.finished.push((id, position));
        }
        self.flush_group(key);
        // Where nobody takes it any more the file stays open, for the next tail.
        self.send()?;
        self.remove(key);
        Ok(())
    }

    /// The file under this handle is another one now, or cannot be found: what was read of it may go on in a copy.
    pub(super) fn orphan(&mut self, key: Inode) -> Result<(), Closed> {
        self.flush_group(key);
        if let Some(file) = self.remove(key) {
            let (path, position, input) = (file.path.clone(), file.position(), file.input);
            self.orphans.insert(file.id, Orphan { path, position, input, since: Instant::now() });
        }
        self.send()
    }
}
