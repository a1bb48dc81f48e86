//! The output pipes of a child, read while it runs.

use super::capture::Captured;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// One output pipe and what was read from it.
pub(super) struct Stream {
    fd: Option<File>,
    pub(super) captured: Captured,
    log: Option<Arc<File>>,
}

impl Stream {
    pub(super) fn new(fd: Option<OwnedFd>, limit: usize, log: Option<Arc<File>>) -> Self {
        Self { fd: fd.map(File::from), captured: Captured::new(limit), log }
    }

    /// Whether somebody may still write to it.
    pub(super) fn is_open(&self) -> bool {
        self.fd.is_some()
    }

    fn read(&mut self, buffer: &mut [u8]) {
        let Some(file) = self.fd.as_mut() else { return };
        match file.read(buffer) {
            Ok(n) if n > 0 => {
                self.captured.push(&buffer[..n]);
                let written = self.log.as_deref().map_or(Ok(()), |mut log| log.write_all(&buffer[..n]));
                if let Err(error) = written {
                    tracing::warn!("the output of a step goes on without its log: {error}");
                    self.log = None;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) => self.fd = None,
            Err(error) => {
                self.captured.break_off(&error);
                self.fd = None;
            }
        }
    }
}

/// Waits up to `wait`, less than a second, and reads what is there; says whether the process behind `pidfd`
/// has ended.
pub(super) fn read_ready(
    streams: &mut [&mut Stream],
    pidfd: Option<&OwnedFd>,
    wait: Duration,
) -> io::Result<bool> {
    let open: Vec<usize> = (0..streams.len()).filter(|i| streams[*i].is_open()).collect();
    let (ended, readable) = {
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(3);
        for index in &open {
            let file = streams[*index].fd.as_ref().expect("only open streams are listed");
            fds.push(PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN));
        }
        if let Some(pidfd) = pidfd {
            fds.push(PollFd::new(pidfd, PollFlags::IN));
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = pidfd.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty());
        let ready = |(slot, index): (usize, &usize)| (!fds[slot].revents().is_empty()).then_some(*index);
        (ended, open.iter().enumerate().filter_map(ready).collect::<Vec<_>>())
    };
    let mut buffer = [0; 16 * 1024];
    for index in readable {
        streams[index].read(&mut buffer);
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a descriptor that cannot be read")]
    fn an_output_that_cannot_be_read_is_not_one_that_ended() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"so far").unwrap();
        let fd = |of: &io::PipeReader| Some(OwnedFd::from(of.try_clone().unwrap()));
        let mut whole = Stream::new(fd(&reader), 64, None);
        let mut buffer = [0; 64];
        whole.read(&mut buffer);
        drop(writer);
        whole.read(&mut buffer);
        assert!(!whole.is_open() && whole.captured.unread().is_none());
        assert_eq!(whole.captured.text(), "so far");
        assert_eq!(reader.read(&mut buffer).unwrap(), 0);
        // The kernel does not read a directory.
        let dir = rustix::fs::open("/", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap();
        let mut broken = Stream::new(Some(dir), 64, None);
        broken.read(&mut buffer);
        assert!(!broken.is_open() && broken.captured.unread().is_some());
    }
}
