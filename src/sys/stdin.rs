//! Standard input. A stop ends the wait for more of it, which a read by itself would not.

use super::signal::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Read};

/// Time between two looks at whether somebody asked for a stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Reads what is there; where a stop was asked for it is an error, and the cause is with `Cancel`.
#[derive(Debug)]
pub(crate) struct Stdin<'a>(pub(crate) &'a Cancel);

impl Read for Stdin<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = rustix::stdio::stdin();
        loop {
            let ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&LOOK));
            if self.0.signal().is_some() {
                return Err(io::Error::other("stopped by a signal"));
            }
            let read = match ready {
                Ok(0) => continue,
                Ok(_) => rustix::io::read(stdin, &mut *buffer),
                Err(error) => Err(error),
            };
            match read {
                Err(Errno::INTR) => {}
                read => return Ok(read?),
            }
        }
    }
}
