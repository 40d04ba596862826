//! A process at the other end of a Unix socket that sends back what it gets: what one more process on
//! the way costs.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Child;

use crate::Result;
use crate::bed::Bed;
use crate::echo::Echo;
use crate::program;

pub struct Hop {
    stream: UnixStream,
    process: Child,
}

impl Hop {
    pub fn start(bed: &Bed, name: &str) -> Result<Self> {
        let socket = bed.path(&format!("{name}.sock"));
        let listener = UnixListener::bind(&socket)?;
        let words = program::hop_command(&socket)?;
        let process = bed.command(&words[0]).args(&words[1..]).spawn()?;
        Ok(Self { stream: program::accept(&listener)?, process })
    }
}

impl Echo for Hop {
    fn press(&mut self, key: u8) -> Result<()> {
        Ok(self.stream.write_all(&[key])?)
    }

    fn read(&mut self, key: u8) -> Result<bool> {
        let mut buffer = [0; 64];
        let length = self.stream.read(&mut buffer)?;
        anyhow::ensure!(length > 0, "the echo process is gone");
        Ok(buffer[..length].contains(&key))
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
