//! Waits for what can be read.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

/// Waits until one of these has what is asked of it, or so long; without a time, as long as
/// it takes. Gives their numbers, with what they have.
pub(crate) fn wait<'f>(
    sources: impl IntoIterator<Item = (BorrowedFd<'f>, PollFlags)>,
    left: Option<Duration>,
) -> io::Result<Vec<(usize, PollFlags)>> {
    let left = left.map(Timespec::try_from).transpose();
    let left = left.map_err(io::Error::other)?;
    let sources = sources.into_iter();
    let mut fds: Vec<PollFd<'_>> = sources
        .map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags))
        .collect();
    rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, left.as_ref()))?;
    let told = fds.iter().map(PollFd::revents).enumerate();
    Ok(told.filter(|(_, flags)| !flags.is_empty()).collect())
}

/// The same, for what can be read.
pub(crate) fn readable<'f>(
    sources: impl IntoIterator<Item = BorrowedFd<'f>>,
    left: Option<Duration>,
) -> io::Result<Vec<(usize, PollFlags)>> {
    wait(sources.into_iter().map(|fd| (fd, PollFlags::IN)), left)
}

/// Asks this again and again, telling how long that has been so far, at first each millisecond
/// and then less often, until it is so; `false`: for so long it was not.
pub(crate) fn until<E>(
    longest: Duration,
    mut is_so: impl FnMut(Duration) -> Result<bool, E>,
) -> Result<bool, E> {
    let (began, mut pause) = (std::time::Instant::now(), Duration::from_millis(1));
    while !is_so(began.elapsed())? {
        let left = longest.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    Ok(true)
}
