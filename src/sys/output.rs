//! What a program writes, on its way into a file that does not grow for ever: it lies in memory.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read};
use rustix::pipe::{PipeFlags, pipe_with};

/// How many bytes are kept, at most.
const MOST: u64 = 16 << 20;
/// How many are taken before something else is looked at.
const TURNS: usize = 64;

/// A pipe from the program, and the file.
pub(super) struct Output {
    /// `None` when nobody writes any more.
    pipe: Option<OwnedFd>,
    file: File,
    kept: u64,
}

impl Output {
    /// What leads into this file, and the end that the program gets.
    pub(super) fn through(file: File) -> std::io::Result<(OwnedFd, Self)> {
        let (pipe, end) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        let output = Output {
            pipe: Some(pipe),
            file,
            kept: 0,
        };
        Ok((end, output))
    }

    /// What can be waited for.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Takes what there is. Of what is too much only the newest is kept; what there is no room for
    /// is lost.
    pub(super) fn copy(&mut self) {
        let mut bytes = [0; 65536];
        for _ in 0..TURNS {
            let Some(pipe) = &self.pipe else { return };
            match read(pipe, &mut bytes) {
                Ok(0) => self.pipe = None,
                Ok(length) => self.keep(&bytes[..length]),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.kept + bytes.len() as u64 > MOST {
            let _ = self.file.set_len(0);
            let left_out = format!("(netyard: {} bytes before this are left out)\n", self.kept);
            let _ = self.file.write_all(left_out.as_bytes());
            self.kept = 0;
        }
        self.kept += bytes.len() as u64;
        let _ = self.file.write_all(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    #[test]
    fn what_is_too_much_is_left_out() {
        let file = rustix::fs::memfd_create("output", rustix::fs::MemfdFlags::CLOEXEC);
        let mut file = File::from(file.expect("a file"));
        fcntl_setfl(&file, OFlags::APPEND).expect("as it is opened");
        let (end, mut output) = Output::through(file.try_clone().expect("a file")).expect("a pipe");
        let mut end = File::from(end);
        let block = [b'x'; 65536];
        for _ in 0..300 {
            end.write_all(&block).expect("room in the pipe");
            output.copy();
        }
        end.write_all(b"the end").expect("room in the pipe");
        drop(end);
        output.copy();
        assert!(output.source().is_none(), "nobody writes any more");
        let mut text = String::new();
        file.rewind().expect("its beginning");
        file.read_to_string(&mut text).expect("text");
        assert!(text.len() as u64 <= MOST && text.ends_with("the end"));
        assert!(text.starts_with("(netyard: 16777216 bytes before"));
    }
}
