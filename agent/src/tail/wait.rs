//! What the tail waits for: a word of the system, the next look, the word to stop.

use std::{
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{LINGER, Work, notices::Notice};

/// What ended a wait.
pub(super) enum Wait {
    Stop,
    Notices,
    Nothing,
}

/// Where the system tells what changes, all files are looked at this often at least.
const SELDOM: Duration = Duration::from_secs(60);

impl Work {
    /// How long no look is taken after one that took so long. Thousands of files are no reason to do nothing but look; and where the
    /// system tells what changes, looks should cost nothing: a two-thousandth of a processor.
    pub(super) fn scan_rest(&self, took: Duration) -> Duration {
        let is_told = self.notices.fd().is_some() && !self.notices.any_deaf();
        let seldom = if is_told { (2_000 * took).min(SELDOM) } else { Duration::ZERO };
        self.tail.scan_every.max(20 * took).max(seldom)
    }

    /// When names have come: at once, or a while after the last look where that takes long.
    pub(super) fn scan_soon(&self, last: Instant) -> Instant {
        last + LINGER.max(Duration::from_micros(20 * self.files.len() as u64))
    }

    pub(super) fn until(&self, scan_at: Instant, poll_at: Instant) -> Duration {
        let polls = self.notices.any_deaf() || self.notices.fd().is_none() || self.has_strays();
        let group = self.grouping.iter().filter_map(|key| self.group_due(*key)).min();
        [Some(scan_at), polls.then_some(poll_at), group]
            .into_iter()
            .flatten()
            .min()
            .map_or(self.tail.scan_every, |at| at.saturating_duration_since(Instant::now()))
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.rest(Duration::ZERO, false), Wait::Stop)
    }

    /// Waits for the word to stop, and for notices.
    pub(super) fn rest(&self, timeout: Duration, notices: bool) -> Wait {
        let stop = self.tail.stop.as_fd();
        let mut fds = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
        if let (true, Some(fd)) = (notices, self.notices.fd()) {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        }
        let timeout =
            Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        // An interrupted wait is one that was short.
        if poll(&mut fds, Some(&timeout)).is_err() {
            return Wait::Nothing;
        }
        let is_up = |at: usize| fds.get(at).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty());
        match (is_up(0), is_up(1)) {
            (true, _) => Wait::Stop,
            (_, true) => Wait::Notices,
            _ => Wait::Nothing,
        }
    }

    /// Puts files into the list that were written to. Whether names have come or gone.
    pub(super) fn read_notices(&mut self) -> bool {
        let Self { notices, paths, files, ready, .. } = self;
        let (mut names, mut lost) = (false, false);
        notices.read(|notice| match notice {
            Notice::Names => names = true,
            Notice::Lost => lost = true,
            Notice::Written(path) => {
                // Others are none of ours, or have come and are not looked at yet.
                if let Some(file) = paths.get(&path).and_then(|key| files.get_mut(key)) {
                    file.wait_in(ready);
                }
            }
        });
        if lost {
            files.values_mut().for_each(|file| file.wait_in(ready));
        }
        names || lost
    }

    /// Looks at the files of which the system tells nothing.
    pub(super) fn poll(&mut self) {
        let Self { notices, files, ready, looks, .. } = self;
        if !notices.any_deaf() && notices.fd().is_some() && files.values().all(|file| file.seen == *looks) {
            return;
        }
        for file in files.values_mut() {
            let deaf = notices.fd().is_none()
                || file.seen != *looks
                || file.path.parent().is_none_or(|folder| notices.is_deaf(folder));
            if deaf {
                file.wait_in(ready);
            }
        }
    }

    /// Whether there are files that no look found: they are still written under a name that is none of ours.
    pub(super) fn has_strays(&self) -> bool {
        self.files.values().any(|file| file.seen != self.looks)
    }
}
